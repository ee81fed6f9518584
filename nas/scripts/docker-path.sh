# shellcheck shell=sh
# Makes docker reachable for `docker -H ssh://`, which runs `docker system dial-stdio` on the
# PATH of a non-login SSH command. A NAS keeps docker elsewhere, so a small wrapper is put there.
#
# apply   prints the docker that SSH commands find; writes the wrapper when there is none
# remove  removes our wrapper, and only ours
#
# Variables: PLATFORM, and LOCK_TIMEOUT for apply (seconds).

main() {
  case $1 in
    apply)
      make_tmp
      # While another run restarts Docker, it does not answer.
      take_lock
      put_wrapper
      ;;
    remove) on_ssh_path take_away ;;
  esac
}

take_away() {
  if is_ours "$1/docker"; then
    rm -f "$1/docker"
    say "removed $1/docker"
  fi
}
