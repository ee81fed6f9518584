# shellcheck shell=sh
# Facts of the kernel: what k3s needs of it and it does not have. Told is only what is missing:
# `kernel_lacks` where the kernel's own config says so, `kernel_may_lack` where no module of that
# name was found.

# Feature, its options in the kernel's config, its modules; any one of them is enough. With nftables
# the iptables of k3s needs no table of the old kind.
# https://raw.githubusercontent.com/k3s-io/k3s/master/contrib/util/check-config.sh
KERNEL_FEATURES='overlay OVERLAY_FS overlay
fuse FUSE_FS fuse
br_netfilter BRIDGE_NETFILTER br_netfilter
veth VETH veth
iptable_nat IP_NF_NAT,NF_TABLES iptable_nat,nf_tables
iptable_filter IP_NF_FILTER,NF_TABLES iptable_filter,nf_tables
iptable_mangle IP_NF_MANGLE,NF_TABLES iptable_mangle,nf_tables
ipt_REJECT IP_NF_TARGET_REJECT,NFT_REJECT ipt_REJECT,nft_reject
xt_comment NETFILTER_XT_MATCH_COMMENT xt_comment
xt_conntrack NETFILTER_XT_MATCH_CONNTRACK xt_conntrack
xt_mark NETFILTER_XT_MARK,NETFILTER_XT_MATCH_MARK xt_mark
xt_multiport NETFILTER_XT_MATCH_MULTIPORT xt_multiport
xt_MASQUERADE NETFILTER_XT_TARGET_MASQUERADE,IP_NF_TARGET_MASQUERADE xt_MASQUERADE,ipt_MASQUERADE'

kernel_facts() {
  cgroup_facts
  kernel_config=$(zcat /proc/config.gz 2>/dev/null | grep '^CONFIG_[A-Z0-9_]*=[ym]$')
  kernel_modules=$(
    cut -d ' ' -f 1 /proc/modules 2>/dev/null
    ls /sys/module 2>/dev/null
    for modules_file in "/lib/modules/$(uname -r)/modules.builtin" "/lib/modules/$(uname -r)/modules.dep"; do
      sed 's#:.*##; s#.*/##; s#\.ko.*##' "$modules_file" 2>/dev/null
    done
    # A NAS keeps its own beside those of the kernel.
    find /lib/modules/ /usr/local/modules/ -name '*.ko*' 2>/dev/null | sed 's#.*/##; s#\.ko.*##'
  )
  kernel_loaded
  printf '%s\n' "$KERNEL_FEATURES" | while read -r feature options modules; do
    if one_of "$modules" '' "$kernel_modules" || one_of "$options" '=[ym]' "$kernel_config" CONFIG_; then continue; fi
    if [ -n "$kernel_config" ]; then
      printf 'kernel_lacks=%s\n' "$feature"
    elif [ -d "/lib/modules/$(uname -r)" ]; then
      printf 'kernel_may_lack=%s\n' "$feature"
    fi
  done
}

# Adds to kernel_modules what is there without a module.
kernel_loaded() {
  ! grep -q '	overlay$' /proc/filesystems 2>/dev/null || kernel_modules="$kernel_modules
overlay"
  [ ! -e /dev/fuse ] || kernel_modules="$kernel_modules
fuse"
  [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || kernel_modules="$kernel_modules
br_netfilter"
  kernel_modules="$kernel_modules
$(sed 's/^/iptable_/' /proc/net/ip_tables_names 2>/dev/null)
$(sed 's/^/xt_/' /proc/net/ip_tables_matches /proc/net/ip_tables_targets 2>/dev/null)
$(sed -n 's/^REJECT$/ipt_REJECT/p' /proc/net/ip_tables_targets 2>/dev/null)"
}

# one_of NAME,NAME END TEXT [BEGIN]: whether a line of TEXT is BEGIN, one of the names, END.
one_of() {
  printf '%s\n' "$3" | grep -qE "^${4:-}($(printf '%s' "$1" | tr ',' '|'))$2\$"
}

# Whether containers can have a limit of memory, which k3s insists on.
cgroup_facts() {
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    case " $(cat /sys/fs/cgroup/cgroup.controllers) " in
      *" memory "*) echo cgroup_memory=yes ;;
      *) echo cgroup_memory=no ;;
    esac
  elif [ -r /proc/cgroups ]; then
    if grep -q '^memory[[:space:]].*[[:space:]]1$' /proc/cgroups; then
      echo cgroup_memory=yes
    else
      echo cgroup_memory=no
    fi
  fi
}
