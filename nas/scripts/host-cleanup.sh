# shellcheck shell=sh
# What k3s with host networking leaves in the NAS's network once its container is gone: links and
# iptables rules (k3s-io/k3s#5001, #5455). Runs inside the k3s image, whose iptables is the one that
# made the rules. Only jumps to our chains and those chains are removed: tables are never flushed,
# Docker's and the NAS's own rules stay. Never fails: destroy has to end.
#
# none    does nothing, on create
# remove  removes them
# tell    says what stays on the NAS: k3s had a network of its own, which went with the container
#
# Variables: PLATFORM, IMAGE, CONTAINER, KEPT (what stays on the NAS, for people, or empty).

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
  if look_for_platform && find_docker && [ -n "$(mode_of_container)" ]; then return 0; fi
  [ -z "$KEPT" ] || say "$KEPT"
}

remove() {
  if ! look_for_platform || ! find_docker; then
    say "no docker found: what k3s left in the network goes with a restart of the NAS"
    return 0
  fi
  mode=$(mode_of_container)
  if [ "$mode" = host ]; then
    say "the container $CONTAINER is still there: its network stays"
    return 0
  fi
  if bounded 90 "$docker" run --rm --privileged --network host --entrypoint /bin/sh \
    "$IMAGE" -c "$CLEANUP" >&2; then
    say "links and iptables rules of k3s are gone"
  else
    say "warning: links and iptables rules of k3s could not be removed; a restart of the NAS does it"
  fi
  [ -n "$mode" ] || [ -z "$KEPT" ] || say "$KEPT"
}
