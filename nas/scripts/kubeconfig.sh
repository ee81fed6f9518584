# shellcheck shell=sh
# Waits until the kubeconfig of k3s is complete and its API answers.
#
# wait REASON  prints nothing; a container that does not run is started; where REASON names the checksum
#              of the kubeconfig's certificates, k3s is restarted first, in its container: at a start it
#              renews what is near its end
# read         prints the kubeconfig, and nothing else, to standard output
#
# Variables: PLATFORM, CONTAINER, IMAGE, READY_TIMEOUT and STOP_GRACE (seconds).

KUBECONFIG_DIRECTORY=/etc/rancher/k3s
KUBECONFIG_FILE=$KUBECONFIG_DIRECTORY/k3s.yaml
RENEW_TIMEOUT=15

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  if [ "$1" = wait ]; then
    start_stopped
    renew "${2:-}"
  fi
  wait_for_answer
  if [ "$1" = read ]; then hand_out; else note_version; fi
}

start_stopped() {
  state=$(bounded 15 "$docker" inspect --format '{{.State.Status}}' "$CONTAINER" 2>/dev/null) || return 0
  case $state in
    exited | created) verb=start ;;
    paused) verb=unpause ;;
    *) return 0 ;;
  esac
  say "the container $CONTAINER is $state: docker $verb"
  bounded 60 "$docker" $verb "$CONTAINER" >/dev/null 2>"$tmp/start" ||
    fail "the container $CONTAINER does not $verb: $(masked <"$tmp/start" | tail -n 1)" \
      "docker rm -f $CONTAINER on the NAS: the next up makes it anew, with the same data"
}

# Without the checksum of what is there now, REASON is that of an earlier run.
renew() {
  old=$(certificates_now)
  [ -n "$old" ] || return 0
  case $1 in
    *"$old"*) ;;
    *) return 0 ;;
  esac
  say "restarting k3s in its container $CONTAINER, which renews its certificates"
  bounded $((STOP_GRACE + 60)) "$docker" restart -t "$STOP_GRACE" "$CONTAINER" >/dev/null 2>"$tmp/restart" ||
    fail "k3s did not restart: $(masked <"$tmp/restart" | tail -n 1)" \
      "docker start $CONTAINER on the NAS, then run again"
  wait_for_answer
  # The API may answer before the new kubeconfig is written.
  until_then=$(($(now) + RENEW_TIMEOUT))
  while [ "$(certificates_now)" = "$old" ]; do
    if [ "$(now)" -ge $until_then ]; then
      say "warning: k3s started and renewed nothing: check the clock of the NAS"
      return 0
    fi
    nap
  done
  say "k3s has renewed its certificates"
}

certificates_now() {
  bounded 15 "$docker" exec "$CONTAINER" cat "$KUBECONFIG_FILE" 2>/dev/null | certificates_sum
}

# What the image is, and not only what its tag says.
note_version() {
  version=$(running_version)
  if find_data; then note ${version:+"version=$version"} "image=$IMAGE"; fi
}

hand_out() {
  sum=$(certificates_sum <"$tmp/kubeconfig")
  bounded 15 "$docker" exec "$CONTAINER" sh -c \
    "echo $sum >$KUBECONFIG_DIRECTORY/$HANDED_OUT_FILE" >/dev/null 2>&1 ||
    say "warning: a renewed certificate will not be noticed: no record in $KUBECONFIG_DIRECTORY"
  cat "$tmp/kubeconfig"
}

wait_for_answer() {
  started=$(now)
  reported=$started
  while :; do
    look
    [ -n "$seen" ] || break
    waited=$(($(now) - started))
    [ "$waited" -lt "$READY_TIMEOUT" ] || give_up
    if keeps_ending "$started"; then fail_ended; fi
    if [ $(($(now) - reported)) -ge 15 ]; then
      say "waiting for k3s, $waited s of $READY_TIMEOUT s: $seen"
      reported=$(now)
    fi
    nap
  done
  say "k3s answers after $(($(now) - started)) s"
}

# Sets seen to what is missing still, empty when all is there.
look() {
  state=$(bounded 15 "$docker" inspect --format '{{.State.Status}} {{.RestartCount}}' "$CONTAINER" 2>/dev/null) || {
    seen="there is no container $CONTAINER"
    return
  }
  case $state in
    running\ *) ;;
    restarting\ *)
      seen="the container $CONTAINER ends again and again (${state#* } times so far)"
      return
      ;;
    *)
      seen="the container $CONTAINER is ${state% *}"
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
  find_fatal
  fix=$(fatal_fix)
  case $seen in
    *"again and again"*)
      seen="$seen; its last words: $fatal_line"
      fix=${fix:-read the lines above}
      ;;
    *) [ -z "$fatal_leaf" ] || seen="$seen; its log says: $fatal_line" ;;
  esac
  fail "k3s did not come up within $READY_TIMEOUT s: $seen" \
    "${fix:-read the lines above; nas-k3s:readyTimeout gives it more time}"
}
