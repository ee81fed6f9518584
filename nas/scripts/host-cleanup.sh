# shellcheck shell=sh
# What k3s with host networking leaves on the NAS once its container is gone: links, iptables rules and
# ipsets (k3s-io/k3s#5001, #5455), and mounts below its data. Runs inside the k3s image, whose iptables
# is the one that made the rules. Only jumps to our chains and those chains are removed: tables are
# never flushed, Docker's and the NAS's own rules stay. Never fails: destroy has to end.
#
# none    does nothing, on create
# remove  removes them
#
# Variables: PLATFORM, IMAGE, CONTAINER, VOLUMES (of the cluster's data), KEEP (yes: they stay).

main() {
  [ "$1" = remove ] || return 0
  if ! look_for_platform || ! find_docker; then
    say "no docker found: what k3s left in the network goes with a restart of the NAS"
    return 0
  fi
  if bounded 15 "$docker" inspect "$CONTAINER" >/dev/null 2>&1; then
    say "the container $CONTAINER is still there: its network stays"
    return 0
  fi
  if bounded 90 "$docker" run --rm --privileged --network host --entrypoint /bin/sh \
    "$IMAGE" -c "$CLEANUP" >&2; then
    say "links, iptables rules and ipsets of k3s are gone"
  else
    say "warning: links, iptables rules or ipsets of k3s could not be removed; a restart of the NAS does it"
  fi
  for volume in $VOLUMES; do
    find_place "$volume" || continue
    [ -z "$place" ] || unmount_below "$place"
    [ "$KEEP" != yes ] || tell_kept "$volume"
  done
  return 0
}

tell_kept() {
  if [ -n "$place" ]; then
    say "the cluster's data stays in $place; to delete it: docker volume rm $1"
  else
    say "the volume $1 of the cluster's data was gone already"
  fi
}

# unmount_below DIRECTORY: what is mounted below it, the deepest first. Mounts elsewhere may be those
# of a k3s that the NAS brings itself.
unmount_below() {
  BELOW=$1/ awk 'index($2, ENVIRON["BELOW"]) == 1 { print $2 }' /proc/mounts | sort -r |
    while read -r mounted; do
      umount "$mounted" 2>/dev/null || umount -l "$mounted" 2>/dev/null ||
        say "warning: $mounted could not be unmounted; a restart of the NAS does it"
    done
}
