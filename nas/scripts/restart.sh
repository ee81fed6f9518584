# shellcheck shell=sh
# Restarting the daemon, proving that it uses what was written, and the way back when it does not.

restart_and_verify() {
  stamp restarting
  if restart_daemon && stamp restarted && agrees_soon && pull_path_works && stamp verified &&
    containers_back; then
    record
    return 0
  fi
  roll_back
}

roll_back() {
  failed=$why
  say "error: $failed"
  say "putting back what was there before"
  put_back || fail "$failed; and $why" "free space on that volume; Docker needs the file as it was"
  find_dockerd
  if [ -n "$id_before" ] && [ "$(dockerd_id)" = "$id_before" ] && docker_answers; then
    after_roll_back
    fail "$failed" "the old config is in place again and Docker runs as before: restart it by hand, which shows why it does not restart, then run again"
  fi
  if restart_daemon; then
    after_roll_back
    fail "$failed" "the old config is in place again and Docker runs with it"
  fi
  fail "$failed; and with the old config: $why" "start Docker by hand: the config is as it was before"
}

# Only once Docker runs: a run that is killed before is completed by the next.
after_roll_back() {
  containers_back
  [ -f "$place.nas-k3s-applied" ] || settle
}

# Nothing for one that ends in this moment: it is no other daemon than before.
dockerd_id() {
  [ -n "$dockerd" ] && begun=$(started_at "$dockerd") && [ -n "$begun" ] && printf '%s %s' "$dockerd" "$begun"
}

# After a run that was killed around its restart: Docker runs again, and so does what ran before.
# Status 1, and why, when Docker does not come back.
finish_interrupted_restart() {
  interrupted_restart || return 0
  [ -n "$dockerd" ] || start_again || return 1
  note_containers
  containers_back
}

start_again() {
  say "Docker does not run, and an earlier run was interrupted: starting it"
  cat "$RUNNING" >"$tmp/running"
  restart_daemon
}

# The daemon inherits what its starter has: not our umask, locale or ignored signals.
restart_command() {
  trap - HUP PIPE
  umask "$owner_umask"
  unset LC_ALL
  [ -n "${unit:-}" ] || find_unit || unit=
  if [ -n "$DAEMON_RESTART_COMMAND" ]; then
    sh -c "$DAEMON_RESTART_COMMAND"
  else
    "platform_$platform" restart
  fi
}

# Restarts and waits until another dockerd answers. On failure, why says what was last seen.
restart_daemon() {
  why=
  find_dockerd
  id_before=$(dockerd_id)
  remember_containers
  say "restarting Docker: every container on the NAS restarts with it"
  started=$(now)
  restart_command >"$tmp/restart.log" 2>&1 &
  job=$!
  reported=$started
  while :; do
    if kill -0 "$job" 2>/dev/null; then running=yes; else running=no; fi
    find_dockerd
    id_now=$(dockerd_id)
    if [ -n "$id_now" ] && [ "$id_now" != "$id_before" ] && docker_answers; then
      wait_for_job
      say "Docker is back after $(($(now) - started)) s"
      return 0
    fi
    if [ -z "$id_now" ]; then
      seen="no dockerd runs"
    elif [ "$id_now" = "$id_before" ]; then
      seen="the old dockerd (pid $dockerd) still runs"
    else
      seen="the new dockerd (pid $dockerd) does not answer"
    fi
    waited=$(($(now) - started))
    # A restart command that has ended and left the old daemon running will not do more.
    if [ "$running" = no ] && [ "$waited" -ge 20 ] && [ "$id_now" = "$id_before" ]; then
      break
    fi
    [ "$waited" -lt "$DAEMON_TIMEOUT" ] || break
    if [ $(($(now) - reported)) -ge 15 ]; then
      say "waiting for Docker, $waited s of $DAEMON_TIMEOUT s: $seen"
      reported=$(now)
    fi
    nap
  done
  [ "$running" = no ] || seen="$seen, and the restart command hangs"
  kill -9 "$job" 2>/dev/null
  why="Docker did not restart within $waited s: $seen"
  [ ! -s "$tmp/restart.log" ] ||
    why="$why; last line of the restart: $(tail -n 1 "$tmp/restart.log" | masked)"
  return 1
}

# Container Station goes on for a moment after the daemon answers; a hanging script is left alone.
wait_for_job() {
  while kill -0 "$job" 2>/dev/null && [ $(($(now) - started)) -lt "$DAEMON_TIMEOUT" ]; do
    nap
  done
}

daemon_agrees() {
  seen=$(proxies_seen) || return 1
  [ "$seen" = "$HTTP_PROXY_SHOWN $HTTP_PROXY_SHOWN $NO_PROXY_SHOWN" ]
}

# What the running daemon says it uses, credentials left out: they are masked there anyway.
proxies_seen() {
  bounded 20 "$docker" info --format '{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}' 2>/dev/null |
    sed 's#://[^/@ ]*@#://#g'
}

agrees_soon() {
  tries=0
  while ! daemon_agrees; do
    tries=$((tries + 1))
    if [ "$tries" -ge 25 ]; then
      case $seen in
        *[!\ ]*) why="Docker came back but uses another proxy than $place says: '$seen'" ;;
        *) why="Docker came back but uses no proxy, though $place says so" ;;
      esac
      return 1
    fi
    nap
  done
  say "docker info confirms: $seen"
}
