# shellcheck shell=sh
# Waits until the kubeconfig of k3s is complete and its API answers.
#
# wait  prints nothing
# read  prints the kubeconfig, and nothing else, to standard output
#
# Variables: PLATFORM, CONTAINER, IMAGE, READY_TIMEOUT (seconds).

KUBECONFIG_FILE=/etc/rancher/k3s/k3s.yaml

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  started=$(now)
  reported=$started
  while :; do
    look
    [ -n "$seen" ] || break
    waited=$(($(now) - started))
    [ "$waited" -lt "$READY_TIMEOUT" ] || give_up
    if [ $(($(now) - reported)) -ge 15 ]; then
      say "waiting for k3s, $waited s of $READY_TIMEOUT s: $seen"
      reported=$(now)
    fi
    nap
  done
  say "k3s answers after $(($(now) - started)) s"
  if [ "$1" = wait ]; then
    # What the image is, and not only what its tag says.
    version=$(running_version)
    if find_data; then note ${version:+"version=$version"} "image=$IMAGE"; fi
  else
    cat "$tmp/kubeconfig"
  fi
}

# Sets seen to what is missing still, empty when all is there.
look() {
  state=$(bounded 15 "$docker" inspect --format '{{.State.Status}} {{.RestartCount}}' "$CONTAINER" 2>/dev/null) || {
    seen="there is no container $CONTAINER"
    return
  }
  case $state in
    running\ *) ;;
    *)
      seen="the container $CONTAINER is $state times restarted"
      return
      ;;
  esac
  if ! bounded 15 "$docker" exec "$CONTAINER" cat "$KUBECONFIG_FILE" \
    >"$tmp/kubeconfig" 2>"$tmp/exec"; then
    # Docker prints its own errors on standard output, the container's cat on standard error.
    seen="no $KUBECONFIG_FILE yet: $(cat "$tmp/kubeconfig" "$tmp/exec" | masked | tail -n 1)"
    return
  fi
  for part in server certificate-authority-data client-certificate-data client-key-data; do
    grep -q "^ *$part: *[^ ]" "$tmp/kubeconfig" || {
      seen="$KUBECONFIG_FILE has no $part yet"
      return
    }
  done
  answer=$(bounded 15 "$docker" exec "$CONTAINER" kubectl --kubeconfig "$KUBECONFIG_FILE" \
    get --raw /readyz 2>&1 | masked | tail -n 1)
  if [ "$answer" = ok ]; then seen=; else seen="the API is not ready: $answer"; fi
}

give_up() {
  say "last lines of the container's log:"
  bounded 15 "$docker" logs --tail 15 "$CONTAINER" 2>&1 | masked >&2
  say_way_back
  fail "k3s did not come up within $READY_TIMEOUT s: $seen" \
    "read the lines above; nas-k3s:readyTimeout gives it more time"
}
