# shellcheck shell=sh
# What k3s with host networking leaves on the NAS once its container is gone: links, iptables rules and
# ipsets (k3s-io/k3s#5001, #5455), and mounts below its data. Runs inside the k3s image, whose iptables
# is the one that made the rules. Only jumps to our chains and those chains are removed: tables are
# never flushed, Docker's and the NAS's own rules stay. Never fails: destroy has to end.
#
# remove  removes them
# tell    says what stays on the NAS: k3s had a network of its own, which went with the container
#
# A container with the stack's label that is there still is one that somebody made anew: Docker's provider
# knows only the one that it made. It goes too.
#
# Variables: PLATFORM, IMAGE, CONTAINER, NETWORK_MODE (the network mode of the container that went), STOP_GRACE
# (seconds), those of k3s-container.sh, PLACES (volumes or directories of the data, no blanks in them),
# KEEP (yes: say of the volumes that they stay).

main() {
  case $1 in
    remove) remove ;;
    tell) tell ;;
  esac
  return 0
}

# The network mode of the container, or nothing where there is none.
mode_of_container() {
  bounded 15 "$docker" inspect --format '{{.HostConfig.NetworkMode}}' "$CONTAINER" 2>/dev/null
}

tell() {
  # After a change of the mode the next container has the data.
  if ! look_for_platform || ! find_docker; then return 0; fi
  remove_other
  [ -n "$(mode_of_container)" ] || data_left
}

remove() {
  if ! look_for_platform || ! find_docker; then
    say "no docker found: what k3s left in the network goes with a restart of the NAS"
    return 0
  fi
  remove_other
  mode=$(mode_of_container)
  if [ "$mode" = host ]; then
    say "the container $CONTAINER is still there: its network stays"
    return 0
  fi
  if bounded 90 "$docker" run --rm --privileged --network host --entrypoint /bin/sh \
    "$IMAGE" -c "$CLEANUP" >&2; then
    say "links, iptables rules and ipsets of k3s are gone"
  else
    say "warning: links, iptables rules or ipsets of k3s could not be removed; a restart of the NAS does it"
  fi
  [ -n "$mode" ] || data_left
}

# After a change of the network mode the next container has the name, and the other mode.
remove_other() {
  if [ "$(mode_of_container)" != "$NETWORK_MODE" ] || ! is_of_stack; then return 0; fi
  if remove_container; then
    say "removed the container $CONTAINER, which somebody had made anew"
  else
    say "warning: the container $CONTAINER, which somebody made anew, stays: $why"
  fi
}

# What is left of the data, once no container has it any more.
data_left() {
  for data in $PLACES; do
    find_place "$data" || continue
    if [ -n "$place" ]; then
      unmount_below "$place"
      # That the container is gone is no drift from now on.
      rm -f "$place/k3s/$HANDED_OUT_FILE"
    fi
    if [ "$KEEP" != yes ]; then
      :
    elif [ -n "$place" ]; then
      say "the cluster's data stays in $place; to delete it: $docker volume rm $data"
    else
      say "the volume $data of the cluster's data was gone already"
    fi
  done
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
