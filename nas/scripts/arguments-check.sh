# shellcheck shell=sh
# Whether this k3s takes its arguments, asked of the new image while the old server runs: with --help
# behind them k3s reads them, prints its help and starts nothing.
#
# Variables: PLATFORM, IMAGE, CONTAINER, ARGUMENTS (one a line).

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  asked=$CONTAINER-arguments-$$
  saved_ifs=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2086
  set -- $ARGUMENTS
  set +f
  IFS=$saved_ifs
  bounded 60 "$docker" run --rm --name "$asked" --network none "$IMAGE" "$@" --help >"$tmp/k3s-log" 2>&1
  status=$?
  if [ "$status" -eq 124 ]; then bounded 15 "$docker" rm -f -v "$asked" >/dev/null 2>&1; fi
  if [ "$status" -eq 0 ]; then
    say "k3s takes its arguments"
    return 0
  fi
  find_fatal_in "$tmp/k3s-log"
  if arguments_are_fatal; then
    fail "nas-k3s:serverArgs: $IMAGE does not take them: $fatal_line" \
      "correct nas-k3s:serverArgs; nothing was replaced, and a server that runs goes on"
  fi
  # Whatever else is wrong shows when the container is made.
  say "warning: $IMAGE cannot be asked about its arguments: $fatal_line"
}
