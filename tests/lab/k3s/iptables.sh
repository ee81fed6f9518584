#!/bin/sh
# Stands for iptables, ip6tables and their -save and -restore: runs the variant (legacy or nft) in
# which this network namespace already has more rules, so that they end up where the host's are.
set -eu

count() { "$@" 2>/dev/null | grep -c '^-' || true; }

# The answer must stay the same while k3s runs, else its rules would be spread over both.
kept=${K3S_IPTABLES_STATE:-/run}/k3s-iptables
if [ -r "$kept" ]; then
    read -r variant < "$kept"
else
    legacy=$(count iptables-legacy-save)
    nft=$(count iptables-nft-save)
    variant=nft
    if [ "$legacy" -gt "$nft" ] || ! iptables-nft -t nat -S > /dev/null 2>&1; then
        variant=legacy
    fi
    echo "$variant" > "$kept.$$" && mv "$kept.$$" "$kept"
fi

name=${0##*/}
family=${name%%-*}
exec "$family-$variant${name#"$family"}" "$@"
