# shellcheck shell=sh
# Reads what the NAS is, changes nothing. Prints `name=value` lines; a fact that cannot be read is
# left out. Variables: PLATFORM, CONTAINER, STACK_LABEL, DATA_VOLUME, ETC_VOLUME, PORTS.

main() {
  printf 'uid=%s\n' "${SSH_UID:-$(id -u)}"
  printf 'user=%s\n' "${SSH_USER:-$(id -un)}"
  printf 'sudo=%s\n' "${SUDO_STATE:-}"
  printf 'hostname=%s\n' "$(hostname)"
  printf 'kernel=%s\n' "$(uname -r)"
  printf 'machine=%s\n' "$(uname -m)"
  printf 'time=%s\n' "$(now)"
  # client address, client port, server address, server port: the third is what we reached
  [ -z "${SSH_CONNECTION:-}" ] || printf 'address=%s\n' "$(set_words 3 "$SSH_CONNECTION")"
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup=2; else echo cgroup=1; fi
  if look_for_platform; then
    printf 'platform=%s\n' "$platform"
    docker_facts
  fi
  for port in $PORTS; do
    if port_taken "$port"; then printf 'port_taken=%s\n' "$port"; fi
  done
  return 0
}

set_words() {
  set_word=$1
  # shellcheck disable=SC2086
  set -- $2
  shift $((set_word - 1))
  printf '%s' "$1"
}

docker_facts() {
  find_docker || return 0
  printf 'docker=%s\n' "$docker"
  find_docker_access
  printf 'docker_access=%s\nsocket=%s\n' "$docker_access" "$(socket_rights)"
  # Our wrapper of a docker that has moved since is of no use.
  if on_path=$(PATH=$SSH_PATH command -v docker) &&
    { is_ours "$on_path" || [ "$docker_access" != sudo ]; } &&
    { ! is_ours "$on_path" || wrapper_text | cmp -s - "$on_path"; }; then
    printf 'docker_on_path=%s\n' "$on_path"
  fi
  find_dockerd && printf 'dockerd=%s\n' "$dockerd"
  find_config && printf 'config=%s\n' "$config"
  proxy_facts
  info=$(bounded 15 "$docker" info --format \
    '{{.ServerVersion}}|{{.Driver}}|{{.DockerRootDir}}|{{.HTTPProxy}}|{{.HTTPSProxy}}|{{.NoProxy}}' 2>/dev/null) || return 0
  saved_ifs=$IFS
  IFS='|'
  # The owner's no-proxy list may hold a '*'.
  set -f
  # shellcheck disable=SC2086
  set -- $info
  set +f
  IFS=$saved_ifs
  [ $# -ge 3 ] || return 0
  printf 'engine=%s\nstorage_driver=%s\ndata_root=%s\n' "$1" "$2" "$3"
  [ -z "${4:-}" ] || printf 'http_proxy=%s\n' "$4"
  [ -z "${5:-}" ] || printf 'https_proxy=%s\n' "$5"
  [ -z "${6:-}" ] || printf 'no_proxy=%s\n' "$6"
  printf 'data_fs=%s\n' "$(file_system "$3")"
  printf 'running=%s\n' "$(bounded 15 "$docker" ps -q 2>/dev/null | wc -l | tr -d ' ')"
  state=$(bounded 15 "$docker" inspect --format '{{.State.Status}}' "$CONTAINER" 2>/dev/null) &&
    printf 'container=%s\n' "$state"
  printf 'container_port=%s\n' "$(bounded 15 "$docker" inspect \
    --format '{{range .Config.Cmd}}{{println .}}{{end}}' "$CONTAINER" 2>/dev/null |
    sed -n 's/^--https-listen-port=//p')"
  printf 'own_container=%s\n' "$(bounded 15 "$docker" ps --all --filter "label=$STACK_LABEL" \
    --format '{{.Names}}' 2>/dev/null | head -n 1)"
  cluster_facts
  for name in $(bounded 15 "$docker" ps --format '{{.Names}}' 2>/dev/null); do
    policy=$(bounded 15 "$docker" inspect --format '{{.HostConfig.RestartPolicy.Name}}' "$name" 2>/dev/null)
    case $policy in
      always | unless-stopped) ;;
      *) printf 'no_restart_policy=%s\n' "$name" ;;
    esac
  done
}

# Which cluster the data is, and the certificates of its kubeconfig. From the volumes, because the
# container need not run. The client's certificates are public.
cluster_facts() {
  if find_place "$DATA_VOLUME"; then
    if [ -n "$place" ] && [ -d "$place/server" ]; then
      echo cluster_data=there
    else
      echo cluster_data=none
    fi
    [ -z "$place" ] || sed -n '1s/^/cluster_id=/p' "$place/$CLUSTER_ID_FILE" 2>/dev/null
  fi
  find_place "$ETC_VOLUME" && [ -f "$place/k3s/k3s.yaml" ] || return 0
  printf 'kubeconfig=%s\napplied_kubeconfig=%s\n' "$(certificates_sum <"$place/k3s/k3s.yaml")" \
    "$(cat "$place/k3s/$HANDED_OUT_FILE" 2>/dev/null)"
  sed -n 's/^ *client-certificate-data: */client_certificate=/p' "$place/k3s/k3s.yaml" | head -n 1
}

# What we wrote for the daemon's proxy, and what stands there now: checksums, no texts.
proxy_facts() {
  [ -z "$dockerd" ] || proxy_flags | sed 's/^/dockerd_flag=/'
  look_for_strategy || return 0
  [ "$strategy" != refuse ] && "${strategy}_locate" || return 0
  printf 'proxy_file=%s\nput=%s\n' "$place" "$("${strategy}_put" 2>/dev/null)"
  sed -n 's/^\(put\|proxy\|no_proxy\)=/applied_&/p' "$place.nas-k3s-applied" 2>/dev/null
}

# The name of a path's file system. BusyBox knows few of them by name; the numbers are those of the
# kernel's magic.h and, for ZFS, of OpenZFS.
file_system() {
  case $(stat -f -c %t "$1" 2>/dev/null) in
    2fc12fc1) echo zfs ;;
    794c7630) echo overlayfs ;;
    6969) echo nfs ;;
    1021994) echo tmpfs ;;
    f15f) echo ecryptfs ;;
    9123683e) echo btrfs ;;
    *) stat -f -c %T "$1" 2>/dev/null ;;
  esac
}

# A listening TCP socket on the port, read from the kernel: neither netstat nor ss is certain.
port_taken() {
  port_hex=$(printf '%04X' "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v hex=":$port_hex" '$4 == "0A" && substr($2, length($2) - 4) == hex { found = 1 } END { exit !found }'
}
