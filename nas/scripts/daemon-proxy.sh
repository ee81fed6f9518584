# shellcheck shell=sh
# The `proxies` member of the Docker daemon's config file, and nothing else on the NAS.
#
# apply    sets it, restarts the daemon when something really changed, verifies by `docker info`;
#          puts the old file back and restarts again when the daemon does not come back as wanted
# restore  puts back what was there before the first apply, and restarts
# keep     leaves the proxy to the owner: only forgets what was there before
#
# Variables: PLATFORM, PROXIES (JSON text), HTTP_PROXY_SHOWN and NO_PROXY_SHOWN (what `docker info`
# has to say, credentials left out), PROXY_HOST, PROXY_PORT, PROXY_SCHEME, PROXY_AUTH (value of a
# Proxy-Authorization header or empty), REGISTRY (host:port that images come from),
# DAEMON_TIMEOUT (seconds).

KEY=proxies

main() {
  need_root
  make_tmp
  find_platform
  case $1 in
    apply) apply ;;
    restore) restore ;;
    keep) keep ;;
  esac
}

# ---- apply

apply() {
  need_docker
  find_dockerd || fail "Docker is not running on this NAS" \
    "start it ($("platform_$platform" title)), then run again"
  find_config || fail "the running dockerd (pid $dockerd) reads no config file that is known" \
    "tell us its command line: tr '\\0' ' ' </proc/$dockerd/cmdline"
  check_engine
  check_flags
  say "daemon config: $config"
  [ -f "$config" ] || fail "the running dockerd names $config, which is no file" \
    "start Docker anew so that it says what it uses, then run again"
  check_shape
  json_member set "$config" "$PROXIES" >"$tmp/wanted" || fail "$config cannot be edited"
  if cmp -s "$tmp/wanted" "$config"; then
    if daemon_agrees; then
      say "the daemon uses this proxy already: nothing to do"
      report no no
      return 0
    fi
    say "the file is right but the running daemon does not use it yet"
    kept_now=no
    check_proxy
    check_valid
    cp -p "$config" "$tmp/before"
    restart_and_verify
    report no yes
    return 0
  fi
  check_proxy
  check_valid
  keep_original
  cp -p "$config" "$tmp/before" || fail "cannot copy $config to $tmp" "free space in /tmp"
  put_file "$tmp/wanted"
  restart_and_verify
  report yes yes
}

report() {
  printf 'config=%s\nchanged=%s\nrestarted=%s\n' "$config" "$1" "$2"
}

# On an engine before 23 the key is fatal: dockerd would not start again (moby/moby PR 42835).
check_engine() {
  engine=$(bounded 20 "$docker" version --format '{{.Server.Version}}' 2>/dev/null) ||
    fail "the Docker daemon does not answer" "look at its log, then run again"
  major=${engine%%.*}
  case $major in
    '' | *[!0-9]*) fail "cannot read the Docker engine's version ($engine)" ;;
  esac
  [ "$major" -ge 23 ] || fail "Docker engine $engine does not know the proxies setting (23.0 does)" \
    "update Container Station, or set the proxy in the NAS's own network settings"
}

# The same option as flag and in the file: dockerd refuses to start.
check_flags() {
  for flag in http-proxy https-proxy no-proxy; do
    [ -z "$(dockerd_flag "$flag")" ] || fail "dockerd was started with --$flag, so the file may not hold it too" \
      "remove the flag from the NAS's start script first"
  done
}

check_shape() {
  names=$(json_member keys "$config") || fail "$config cannot be edited: $names" \
    "mend that line by hand; the file was not touched"
  for wrong in http-proxy https-proxy no-proxy httpProxy httpsProxy noProxy default; do
    if printf '%s\n' "$names" | grep -qxF "$wrong"; then
      fail "$config holds \"$wrong\" at its top, where dockerd does not look for a proxy" \
        "remove it by hand; the right place is the member \"proxies\""
    fi
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

# Asks the proxy for the registry before anything changes: a restart for a dead proxy would stop
# the owner's containers for nothing.
check_proxy() {
  command -v nc >/dev/null 2>&1 || return 0
  say "asking the proxy $PROXY_HOST:$PROXY_PORT for $REGISTRY"
  ask_proxy
  answer=$(head -n 1 "$tmp/answer" 2>/dev/null | tr -d '\r')
  case $answer in
    'HTTP/1.'?' 200'*) return 0 ;;
    'HTTP/1.'?' 407'*)
      fail "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT wants other credentials ($answer)" \
        "set nas-k3s:proxyUser and, as a secret, nas-k3s:proxyPassword; nothing was changed"
      ;;
    'HTTP/1.'*)
      fail "the hop proxy -> registry fails: $PROXY_HOST:$PROXY_PORT answers '$answer' for $REGISTRY" \
        "let the proxy reach $REGISTRY; nothing was changed"
      ;;
  esac
  if [ "$connected" = yes ]; then
    [ "$PROXY_SCHEME" != http ] || fail \
      "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT is open but is no HTTP proxy" \
      "check nas-k3s:proxy; nothing was changed"
    return 0
  fi
  fail "the hop daemon -> proxy fails: $PROXY_HOST:$PROXY_PORT cannot be reached from the NAS ($(tail -n 1 "$tmp/nc.err"))" \
    "start the proxy or change nas-k3s:proxy; nothing was changed"
}

# Leaves the proxy's answer in $tmp/answer and sets connected.
ask_proxy() {
  connected=no
  {
    if [ "$PROXY_SCHEME" = http ]; then
      printf 'CONNECT %s HTTP/1.1\r\nHost: %s\r\n' "$REGISTRY" "$REGISTRY"
      [ -z "$PROXY_AUTH" ] || printf 'Proxy-Authorization: %s\r\n' "$PROXY_AUTH"
      printf '\r\n'
    fi
    # An open input keeps nc waiting for the answer.
    wait_for_answer
  } | bounded 20 nc -w 10 "$PROXY_HOST" "$PROXY_PORT" >"$tmp/answer" 2>"$tmp/nc.err" && connected=yes
  [ ! -s "$tmp/answer" ] || connected=yes
}

wait_for_answer() {
  tries=0
  while [ "$tries" -lt 75 ] && [ ! -s "$tmp/answer" ] && [ ! -s "$tmp/nc.err" ]; do
    [ "$PROXY_SCHEME" = http ] || [ "$tries" -lt 5 ] || return 0
    tries=$((tries + 1))
    nap
  done
}

# ---- writing

# A fault that the owner's file has as well says nothing about our edit: then only the restart, and
# the way back, can tell.
check_valid() {
  binary=$(readlink "/proc/$dockerd/exe" 2>/dev/null) || return 0
  [ -x "$binary" ] || return 0
  validate "$tmp/wanted" && return 0
  reason=$(tail -n 1 "$tmp/validate" | masked)
  validate "$config" || return 0
  fail "dockerd refuses the edited config: $reason" "mend $config by hand; it was not touched"
}

# Asks the running dockerd's own program, with its own flags and PATH: both can matter.
validate() {
  tr '\000' '\n' <"/proc/$dockerd/cmdline" |
    awk 'NR == 1 { next }
      skip { skip = 0; next }
      $0 == "--config-file" { skip = 1; next }
      index($0, "--config-file=") == 1 { next }
      { print }' >"$tmp/flags"
  daemon_path=$(tr '\000' '\n' <"/proc/$dockerd/environ" 2>/dev/null | sed -n 's/^PATH=//p')
  set -- --validate --config-file "$1"
  while read -r flag; do
    set -- "$@" "$flag"
  done <"$tmp/flags"
  bounded 30 env PATH="${daemon_path:-$PATH}" "$binary" "$@" >"$tmp/validate" 2>&1
}

# The owner's file as it was before the first apply; restore needs it.
keep_original() {
  original=$config.nas-k3s-original
  kept_now=no
  [ ! -f "$original" ] || return 0
  if cp -p "$config" "$original.new" && cmp -s "$config" "$original.new" &&
    mv -f "$original.new" "$original"; then
    kept_now=yes
    return 0
  fi
  rm -f "$original.new"
  fail "cannot keep a copy of the config as $original" "free space on that volume; nothing was changed"
}

# put_file FILE: its content becomes the config file's, which is the old one or the new one at any
# moment; owner and mode stay.
put_file() {
  if cp -p "$config" "$config.nas-k3s-new" && cat "$1" >"$config.nas-k3s-new" &&
    cmp -s "$1" "$config.nas-k3s-new" && mv -f "$config.nas-k3s-new" "$config"; then
    return 0
  fi
  rm -f "$config.nas-k3s-new"
  fail "cannot write $config" "free space on that volume; the file is as it was"
}

# ---- restarting

restart_and_verify() {
  note_containers
  if restart_daemon && agrees_soon; then
    containers_back
    return 0
  fi
  failed=$why
  say "error: $failed"
  say "putting the old config back"
  put_file "$tmp/before"
  [ "$kept_now" = no ] || rm -f "$original"
  find_dockerd
  if [ "$(dockerd_id)" = "$id_before" ] && docker_answers; then
    fail "$failed" "the old config is in place again and Docker runs as before"
  fi
  if restart_daemon; then
    containers_back
    fail "$failed" "the old config is in place again and Docker runs with it"
  fi
  fail "$failed; and with the old config: $why" "start Docker by hand: the config is as it was before"
}

dockerd_id() {
  [ -n "$dockerd" ] && printf '%s %s' "$dockerd" "$(awk '{ print $22 }' "/proc/$dockerd/stat" 2>/dev/null)"
}

# The daemon inherits what its starter has: not our umask, locale or ignored signals.
restart_command() {
  trap - HUP PIPE
  umask "$owner_umask"
  unset LC_ALL
  "platform_$platform" restart
}

# Restarts and waits until another dockerd answers. On failure, why says what was last seen.
restart_daemon() {
  why=
  find_dockerd
  id_before=$(dockerd_id)
  say "restarting Docker: every container on the NAS restarts with it"
  started=$(now)
  restart_command >"$tmp/restart.log" 2>&1 &
  job=$!
  reported=$started
  while :; do
    if kill -0 "$job" 2>/dev/null; then running=yes; else running=no; fi
    find_dockerd
    if [ -n "$dockerd" ] && [ "$(dockerd_id)" != "$id_before" ] && docker_answers; then
      wait_for_job
      say "Docker is back after $(($(now) - started)) s"
      return 0
    fi
    if [ -z "$dockerd" ]; then
      seen="no dockerd runs"
    elif [ "$(dockerd_id)" = "$id_before" ]; then
      seen="the old dockerd (pid $dockerd) still runs"
    else
      seen="the new dockerd (pid $dockerd) does not answer"
    fi
    waited=$(($(now) - started))
    # A restart command that has ended and left the old daemon running will not do more.
    if [ "$running" = no ] && [ "$waited" -ge 20 ] && [ "$(dockerd_id)" = "$id_before" ]; then
      break
    fi
    [ "$waited" -lt "$DAEMON_TIMEOUT" ] || break
    if [ $(($(now) - reported)) -ge 15 ]; then
      say "waiting for Docker, $waited s of $DAEMON_TIMEOUT s: $seen"
      reported=$(now)
    fi
    nap
  done
  kill -9 "$job" 2>/dev/null
  why="Docker did not restart within $waited s: $seen; last line of the restart: $(tail -n 1 "$tmp/restart.log" | masked)"
  return 1
}

# Container Station goes on for a moment after the daemon answers; a hanging script is left alone.
wait_for_job() {
  while kill -0 "$job" 2>/dev/null && [ $(($(now) - started)) -lt "$DAEMON_TIMEOUT" ]; do
    nap
  done
}

agrees_soon() {
  tries=0
  while ! daemon_agrees; do
    tries=$((tries + 1))
    if [ "$tries" -ge 25 ]; then
      why="Docker came back but uses another proxy than $config says: '$seen'"
      return 1
    fi
    nap
  done
  say "docker info confirms: $seen"
}

# ---- the owner's containers

note_containers() {
  bounded 30 "$docker" ps -q --no-trunc >"$tmp/running" 2>/dev/null || : >"$tmp/running"
  count=$(wc -l <"$tmp/running")
  [ "$count" -eq 0 ] || say "running containers: $((count)), they will be running again afterwards"
}

containers_back() {
  while read -r id; do
    container_back "$id"
  done <"$tmp/running"
}

container_back() {
  tries=0
  while :; do
    # shellcheck disable=SC2016
    state=$(bounded 15 "$docker" inspect --format '{{.State.Running}} {{.HostConfig.RestartPolicy.Name}} {{.Name}}' "$1" 2>/dev/null) || {
      say "container $1 is gone: it was started with --rm"
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

# ---- restore

restore() {
  find_docker || docker=
  find_dockerd || say "Docker is not running on this NAS"
  find_config || {
    say "no daemon config file: nothing to put back"
    return 0
  }
  original=$config.nas-k3s-original
  if [ ! -f "$original" ]; then
    say "$config was not changed by us: nothing to put back"
    return 0
  fi
  wanted_back
  if cmp -s "$tmp/wanted" "$config"; then
    rm -f "$original"
    return 0
  fi
  cp -p "$config" "$tmp/before"
  put_file "$tmp/wanted"
  if [ -z "$dockerd" ] || [ -z "$docker" ]; then
    rm -f "$original"
    return 0
  fi
  note_containers
  restart_daemon || fail "$why" "the owner's config is in place; start Docker by hand"
  containers_back
  rm -f "$original"
  say "the daemon config is as it was before"
}

# What belongs into the config file now: the owner's bytes from before, or, where the owner edited
# other members since, the file of today with the owner's own proxies (or none).
wanted_back() {
  json_member remove "$config" >"$tmp/rest_now"
  [ $? -ne 2 ] || fail "$config cannot be edited: $(cat "$tmp/rest_now")" \
    "mend that line by hand, then run again"
  json_member remove "$original" >"$tmp/rest_then"
  if cmp -s "$tmp/rest_now" "$tmp/rest_then" || [ ! -s "$original" ]; then
    cat "$original" >"$tmp/wanted"
    return 0
  fi
  if owners=$(json_member get "$original"); then
    json_member set "$config" "$owners" >"$tmp/wanted"
  else
    cat "$tmp/rest_now" >"$tmp/wanted"
  fi
}

keep() {
  find_dockerd
  find_config || return 0
  rm -f "$config.nas-k3s-original"
  say "$config keeps its proxy"
}
