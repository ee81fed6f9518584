# shellcheck shell=sh
# The owner's containers around a restart of the daemon.

# What ran before it, until all of that runs again: a run that is killed in between must not leave
# somebody's container down. In /tmp, since after a reboot the owner's restart policies decide.
RUNNING=/tmp/nas-k3s.running

# Leaves the running containers in $tmp/running, with the names of those that Docker would not
# start again by itself in lonely.
note_containers() {
  bounded 30 "$docker" ps -q --no-trunc >"$tmp/running" 2>/dev/null || : >"$tmp/running"
  if interrupted_restart; then
    sort -u "$tmp/running" "$RUNNING" >"$tmp/running.all" && mv "$tmp/running.all" "$tmp/running"
  fi
  lonely=
  while read -r id; do
    # shellcheck disable=SC2016
    policy=$(bounded 15 "$docker" inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.Name}}' "$id" 2>/dev/null) || continue
    case $policy in
      always\ * | unless-stopped\ *) ;;
      *) lonely="$lonely${lonely:+, }${policy##*[ /]}" ;;
    esac
  done <"$tmp/running"
}

interrupted_restart() {
  [ -f "$RUNNING" ] && [ ! -L "$RUNNING" ] || return 1
  # Anybody may write to /tmp.
  # shellcheck disable=SC2012
  [ "$(ls -ln "$RUNNING" | awk '{ print $3 }')" = 0 ]
}

# For the next run, should this one be killed.
remember_containers() {
  [ -f "$tmp/running" ] || return 0
  # Moved, which replaces a link that somebody has put there.
  { cp "$tmp/running" "$tmp/running.kept" && mv -f "$tmp/running.kept" "$RUNNING"; } ||
    say "warning: cannot write $RUNNING"
}

# Whether the setting restartDaemon forbids a restart; why and way_out say more.
restart_forbidden() {
  note_containers
  count=$(($(wc -l <"$tmp/running")))
  case $RESTART_DAEMON in
    never)
      why="Docker would have to restart for its proxy, and nas-k3s:restartDaemon is never"
      way_out="set nas-k3s:restartDaemon to always when $count running containers may restart, or give Docker the proxy by hand ($("platform_$platform" by_hand))"
      ;;
    when-safe)
      [ -n "$lonely" ] || return 1
      why="Docker would have to restart for its proxy, and it would not start these again by itself: $lonely"
      way_out="give them a restart policy (docker update --restart unless-stopped NAME), or set nas-k3s:restartDaemon to always: they are then started again"
      ;;
    *) return 1 ;;
  esac
}

# Asked before anything is written.
allow_restart() {
  if restart_forbidden; then fail "$why" "$way_out; nothing was changed"; fi
  [ "$count" -eq 0 ] || say "running containers: $count, they will be running again afterwards"
  [ -z "$lonely" ] || say "without a restart policy, and started again by us: $lonely"
}

# Status 1, and why, when Docker dies meanwhile: then the next restart is to bring them back.
containers_back() {
  while read -r id; do
    container_back "$id"
  done <"$tmp/running"
  if ! docker_answers; then
    why="Docker came back, and then it stopped to answer"
    return 1
  fi
  rm -f "$RUNNING"
}

container_back() {
  tries=0
  while :; do
    # shellcheck disable=SC2016
    state=$(bounded 15 "$docker" inspect --format '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}} {{.Name}}' "$1" 2>/dev/null) || {
      # Of a Docker that does not answer this says nothing; containers_back asks next.
      ! docker_answers || say "container $1 is gone: it was started with --rm"
      return 0
    }
    case $state in
      true\ *) return 0 ;;
      false\ always\ * | false\ unless-stopped\ *) [ "$tries" -lt 50 ] || break ;;
      *) break ;;
    esac
    tries=$((tries + 1))
    nap
  done
  name=${state##* /}
  if bounded 60 "$docker" start "$1" >/dev/null 2>"$tmp/start.err"; then
    say "started $name again: it has no restart policy"
  else
    say "warning: $name does not start again: $(tail -n 1 "$tmp/start.err" | masked)"
  fi
}
