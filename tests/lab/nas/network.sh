# Part of the boot of every NAS in a box, read by its boot script. GATEWAY and RESOLVER are set.
# shellcheck shell=sh

# The LAN's router forwards nothing and nothing answers at the resolver's address: without the
# proxy there is no way out, and name lookups fail at once instead of timing out.
ip route replace default via "$GATEWAY"
printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$RESOLVER" >/etc/resolv.conf

# The kernels of NAS systems have the legacy tables; one without them gets the nf_tables front end.
multi=xtables-legacy-multi
/usr/sbin/$multi iptables -t nat -S >/dev/null 2>&1 || multi=xtables-nft-multi
for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf /usr/sbin/$multi /usr/sbin/$tool
done
# The engine that carries this box puts rules for a resolver of its own here; a NAS has none.
for front in xtables-legacy-multi xtables-nft-multi; do
    /usr/sbin/$front iptables -t nat -F 2>/dev/null
    /usr/sbin/$front iptables -t nat -X 2>/dev/null
done
