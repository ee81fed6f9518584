# shellcheck shell=sh
# The wrapper that makes docker reachable on the PATH of SSH commands.

# on_ssh_path COMMAND...: runs it for each directory of the PATH that SSH commands get.
on_ssh_path() {
  saved_ifs=$IFS
  IFS=:
  # shellcheck disable=SC2086
  set -- "$@" $SSH_PATH
  IFS=$saved_ifs
  run=$1
  shift
  for directory in "$@"; do
    "$run" "$directory" || return 0
  done
}

put_wrapper() {
  need_root
  find_platform
  reachable=
  on_ssh_path look
  # Without any docker of the platform's, the one on the path is as good.
  find_docker || docker=$reachable
  [ -n "$docker" ] || need_docker
  find_docker_access
  [ "$docker_access" != none ] || no_access
  if [ -n "$reachable" ] && [ "$docker_access" = direct ]; then
    say "docker is on the SSH path already: $reachable"
    printf 'docker=%s\nwrapper=\n' "$reachable"
    return 0
  fi
  target=
  on_ssh_path place
  [ -n "$target" ] || fail "no directory of the SSH path can be written ($SSH_PATH)" \
    "make one of them writable for $(id -un), or put a docker there yourself"
  say "docker for SSH commands: $target -> $docker"
  docker_answers || fail "$docker is there but its daemon does not answer" \
    "start Docker on the NAS ($("platform_$platform" install)), then run again"
  printf 'docker=%s\nwrapper=%s\n' "$docker" "$target"
}

no_access() {
  group=$(socket_rights)
  group=${group#*:}
  group=${group%% *}
  rule="allow $SSH_USER docker without a password with visudo: $SSH_USER ALL=(root) NOPASSWD: $docker"
  # Membership of root's group would be more than Docker.
  case $group in
    '' | root | wheel) ;;
    *) rule="add $SSH_USER to the group $group, or $rule" ;;
  esac
  fail "$SSH_USER may not use Docker over SSH: its socket is $(socket_rights)" "$rule"
}

# A docker that somebody else put there is used as it is.
look() {
  if [ -x "$1/docker" ] && ! is_ours "$1/docker"; then
    reachable=$1/docker
    return 1
  fi
}

place() {
  if [ -e "$1/docker" ] && ! is_ours "$1/docker"; then
    # Behind one that lacks sudo, ours would never run.
    [ "$docker_access" = direct ]
    return
  fi
  [ -d "$1" ] && [ -w "$1" ] || return 0
  if wrapper_text | cmp -s - "$1/docker"; then
    target=$1/docker
    return 1
  fi
  # For root, BusyBox's -w is true on a read-only file system too.
  if { wrapper_text >"$1/.docker.nas-k3s"; } 2>/dev/null && chmod 755 "$1/.docker.nas-k3s" &&
    mv -f "$1/.docker.nas-k3s" "$1/docker"; then
    target=$1/docker
    return 1
  fi
  rm -f "$1/.docker.nas-k3s"
}
