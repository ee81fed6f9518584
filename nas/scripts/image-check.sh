# shellcheck shell=sh
# Whether the registry has the k3s image, asked before anything is pulled or replaced: Docker's own
# words name no setting. Whatever else is wrong is left to the pull. Prints the time: Docker notes
# the end of a pull and not its beginning.
#
# Variables: PLATFORM, IMAGE, SETTING (that names it), PULL_PROBE_TIMEOUT (seconds).

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  ask_for_image
  printf 'time=%s\n' "$(now)"
}

ask_for_image() {
  if bounded 15 "$docker" image inspect "$IMAGE" >/dev/null 2>&1; then
    say "Docker has the image $IMAGE already"
    return 0
  fi
  ask_registry
  if no_such_image; then
    fail "nas-k3s:$SETTING: the registry has no image $IMAGE ($message)" \
      "$(advice); nothing was pulled or replaced, and a server that runs goes on"
  fi
  case $status_line in
    'HTTP/1.'?' 200'*) say "the registry has $IMAGE" ;;
    *) say "warning: the registry cannot be asked for $IMAGE: ${message:-no answer}" ;;
  esac
}

advice() {
  if [ "$SETTING" = k3sVersion ]; then
    printf 'write a release that https://github.com/k3s-io/k3s/releases lists'
  else
    printf 'write an image with a tag or digest that its registry has'
  fi
}
