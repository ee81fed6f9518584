# shellcheck shell=sh
# The proxy of the Docker daemon, and nothing else on the NAS.
#
# apply    sets it by the strategy that this NAS needs, restarts the daemon when something really
#          changed, verifies by `docker info` and a question to the registry; puts the old file
#          back and restarts again when the daemon does not come back as wanted
# restore  puts back what was there before the first apply, and restarts
# keep     leaves the proxy to the owner: only forgets what was there before
#
# The last two need of the proxy's variables only HTTP_PROXY_SHOWN, empty where the stack has none.
#
# Variables: PLATFORM, PROXIES (JSON text), DROP_IN (systemd), EXPORTS (shell, between BLOCK_BEGIN
# and BLOCK_END), HTTP_PROXY_SHOWN and NO_PROXY_SHOWN (what `docker info` has to say, credentials
# left out), PROXY_HOST, PROXY_PORT, PROXY_SCHEME, PROXY_AUTH (value of a Proxy-Authorization header
# or empty), IMAGE and REGISTRY (host:port that it comes from), REGISTRY_SPARED (yes: Docker goes there
# without the proxy), RESTART_DAEMON, DAEMON_TIMEOUT, PULL_PROBE_TIMEOUT and LOCK_TIMEOUT (seconds).

main() {
  need_root
  make_tmp
  find_platform
  take_lock
  case $1 in
    apply) apply ;;
    restore) restore ;;
    keep) keep ;;
  esac
}

# ---- apply

apply() {
  stamp began
  need_docker
  find_dockerd || revive
  look_for_strategy || fail "the Docker daemon does not answer" "look at its log, then run again"
  if [ "$strategy" = refuse ]; then
    only_by_hand
    return 0
  fi
  "${strategy}_locate" || fail "this NAS does not say where its dockerd (pid $dockerd) is configured" \
    "set nas-k3s:platform to custom with nas-k3s:daemonConfigFile and nas-k3s:daemonRestartCommand"
  if daemon_agrees && ! was_here && ! written && owners_own; then
    say "Docker uses this proxy already, by the owner's own configuration: nothing to do"
    report no no
    return 0
  fi
  check_flags
  say "Docker engine $engine: $place"
  clean_leftovers
  "${strategy}_check"
  "${strategy}_with" >"$tmp/wanted" || fail "$place cannot be edited"
  if [ -f "$place" ] && cmp -s "$tmp/wanted" "$place"; then
    if daemon_agrees; then
      say "the daemon uses this proxy already: nothing to do"
      record
      report no no
      return 0
    fi
    say "the file is right but the running daemon does not use it yet"
    check_proxy
    "${strategy}_validate"
    allow_restart
    # When this fails, the daemon has to run with what its owner had.
    before_without_us
    restart_and_verify
    report no yes
    return 0
  fi
  check_proxy
  "${strategy}_validate"
  if only_lost; then
    keep_original
    put_file "$tmp/wanted" || fail "$why" "free space on that volume, or make it writable"
    stamp written
    say "the proxy is in $place again; Docker never lost it: no restart"
    record
    report yes no
    return 0
  fi
  allow_restart
  keep_original
  snapshot_place
  put_file "$tmp/wanted" || fail "$why" "free space on that volume, or make it writable; the file is as it was"
  stamp written
  restart_and_verify
  report yes yes
}

# report CHANGED RESTARTED
report() {
  [ "$2" = yes ] || finish_interrupted_restart || docker_gone "its proxy is set"
  printf 'strategy=%s\nconfig=%s\nchanged=%s\nrestarted=%s\n%s' "$strategy" "${place-}" "$1" "$2" "$stamps"
}

# stamp NAME: the time of a step, for the timeline.
stamp() {
  stamps="${stamps-}time_$1=$(now)
"
}

# Whether the wanted text stands in the file, by whoever's hand.
written() {
  [ -f "$place" ] || return 1
  "${strategy}_with" 2>/dev/null | cmp -s - "$place"
}

# Whether the owner's configuration gives the running daemon its proxy. Else it is what a run has
# taken away that might not restart Docker, and the next restart loses it.
owners_own() {
  # What the other ways leave in its environment looks like the owner's.
  [ "$strategy" = config_file ] || return 0
  [ -n "$(config_file_put)$(proxy_flags)" ] ||
    tr '\000' '\n' 2>/dev/null <"/proc/$dockerd/environ" | grep -qi '^https\{0,1\}_proxy='
}

# Whether our proxy only went out of the file, while the daemon runs on with it.
only_lost() {
  [ -z "$("${strategy}_put")" ] && daemon_agrees || return 1
  if [ -f "$place.nas-k3s-applied" ]; then
    [ "$(sed -n 's/^put=//p' "$place.nas-k3s-applied")" = "$("${strategy}_put" "$tmp/wanted")" ]
  else
    # Whether it runs with the same login nobody can say.
    ! owners_own && [ -z "$PROXY_AUTH" ]
  fi
}

# An earlier run that was killed while Docker was down may have left it so.
revive() {
  for strategy in $STRATEGIES; do
    if "${strategy}_locate" 2>/dev/null && was_here; then
      say "Docker does not run, and an earlier run was interrupted: starting it"
      : >"$tmp/running"
      if interrupted_restart; then cat "$RUNNING" >"$tmp/running"; fi
      restart_daemon && return 0
      before_without_us
      put_back || fail "$why" "free space on that volume"
      if restart_daemon; then
        settle
        return 0
      fi
      fail "$why" "start Docker by hand: its config is as it was before"
    fi
  done
  # One that was putting everything back.
  if interrupted_restart; then
    start_again || docker_gone "its config is as it was before"
    return 0
  fi
  fail "Docker is not running on this NAS" "$("platform_$platform" install), then run again"
}

before_without_us() {
  before_absent=no
  "${strategy}_without" >"$tmp/before"
  [ $? -ne 4 ] || before_absent=yes
}

# Where no file of ours would last: fine when the owner has set the proxy, else what to click.
only_by_hand() {
  seen=$(proxies_seen)
  case $seen in
    "$HTTP_PROXY_SHOWN $HTTP_PROXY_SHOWN "*)
      say "Docker uses this proxy already"
      strategy=none
      missing=$(not_spared "${seen##* }")
      [ -z "$missing" ] || say "warning: its no-proxy list lacks $missing"
      report no no
      return 0
      ;;
  esac
  if [ "$("platform_$platform" route)" = refuse ]; then
    why="no file on $("platform_$platform" title) can give Docker a proxy that lasts"
  else
    why="Docker engine $engine does not know the proxies setting (23.0 does)"
  fi
  fail "$why; it uses '${seen%% *}' instead of $HTTP_PROXY_SHOWN" \
    "$("platform_$platform" by_hand); then run again. HTTP and HTTPS proxy: $HTTP_PROXY_SHOWN, no proxy: $NO_PROXY_SHOWN"
}

# not_spared LIST: the entries of our no-proxy list that are not in LIST.
not_spared() {
  LIST=$1 WANTED=$NO_PROXY_SHOWN awk 'BEGIN {
    count = split(ENVIRON["WANTED"], entry, ",")
    for (i = 1; i <= count; i++)
      if (!index("," ENVIRON["LIST"] ",", "," entry[i] ",")) { printf "%s%s", gap, entry[i]; gap = "," }
  }'
}

# The same option as flag and in the file: dockerd refuses to start.
check_flags() {
  for flag in $(proxy_flags); do
    fail "dockerd was started with --$flag, so the file may not hold it too" \
      "remove the flag from the NAS's start script first; nothing was changed"
  done
}

# ---- restore

# Goes through all strategies: an update of Docker may have changed the one that this NAS takes.
restore() {
  stamp began
  restarted=no
  find_docker || docker=
  find_dockerd || say "Docker is not running on this NAS"
  changed=
  for strategy in $STRATEGIES; do
    "${strategy}_locate" 2>/dev/null || continue
    clean_leftovers
    if was_here || ours; then restore_one; fi
  done
  if [ -n "$docker" ]; then
    if [ -z "$dockerd" ] || [ -z "$changed" ]; then
      finish_interrupted_restart
    elif restart_forbidden; then
      say "warning: $why: it runs on with the proxy until somebody restarts it"
      finish_interrupted_restart
    else
      stamp restarting
      restart_daemon && stamp restarted && restarted=yes && containers_back
    fi || docker_gone "the owner's config is in place"
  fi
  # Only now: a run that is killed before goes on from here.
  for strategy in $changed; do
    "${strategy}_locate" && settle
  done
  if [ -n "$changed" ]; then
    say "the daemon's configuration is as it was before"
  else
    say "nothing of ours is left to put back"
  fi
  # Without a strategy: the proxy is not set in any way.
  if [ -n "$changed" ]; then changed=yes; else changed=no; fi
  printf 'changed=%s\nrestarted=%s\n%s' "$changed" "$restarted" "$stamps"
}

# docker_gone STATE: the containers that ran are noted, so the next run starts them.
docker_gone() {
  fail "$why" "$1; look at Docker's log, start it by hand when it is down, then run again"
}

# Without a record it is ours by its name. To a stack without a proxy it is not: the last one may
# have kept it.
ours() {
  [ -n "$HTTP_PROXY_SHOWN" ] || return 1
  case $strategy in
    systemd) [ -f "$place" ] ;;
    vendor_script) [ -n "$(vendor_script_put)" ] ;;
    *) return 1 ;;
  esac
}

restore_one() {
  before_without_us
  if as_before; then
    # With Docker down, a record goes only after Docker is started again.
    if [ -z "$dockerd" ] || still_loaded; then changed="$changed $strategy"; else settle; fi
    return 0
  fi
  put_back || fail "$why" "free space on that volume, or make it writable, then run again"
  stamp written
  changed="$changed $strategy"
}

as_before() {
  if [ "$before_absent" = yes ]; then [ ! -f "$place" ]; else cmp -s "$tmp/before" "$place"; fi
}

# Whether the daemon runs with ours while the file is back already: a run was killed in between.
still_loaded() {
  [ -n "$docker" ] || return 1
  [ -f "$place.nas-k3s-original" ] || [ -f "$place.nas-k3s-absent" ] || return 1
  loaded=$(proxies_seen) || return 1
  loaded=${loaded%% *}
  # A run that was killed may have set another proxy than the last that ended well.
  [ -n "$loaded" ] || return 1
  [ "$loaded" != "$(sed -n 's/^proxy=//p' "$place.nas-k3s-applied" 2>/dev/null)" ] || return 0
  if [ -n "$HTTP_PROXY_SHOWN" ]; then
    [ "$loaded" = "$HTTP_PROXY_SHOWN" ]
  else
    # Nobody knows any more which one that was: any that is not the owner's.
    ! grep -qF "${loaded#*://}" "$place" 2>/dev/null
  fi
}

# ---- keep

# A proxy that no run has proven, since it was killed before, is not worth to be kept.
keep() {
  find_dockerd
  for strategy in $STRATEGIES; do
    if "${strategy}_locate" 2>/dev/null && was_here && [ ! -f "$place.nas-k3s-applied" ]; then
      say "an earlier run was interrupted before it had proven the proxy in $place"
      restore
      return
    fi
  done
  stamp began
  find_docker || docker=
  [ -z "$docker" ] || finish_interrupted_restart || docker_gone "its config keeps the proxy"
  for strategy in $STRATEGIES; do
    if "${strategy}_locate" 2>/dev/null && was_here; then
      clean_leftovers
      forget_original
      say "$place keeps its proxy, which is yours from now on: remove it there by hand when you want it away"
    fi
  done
  printf 'changed=no\nrestarted=no\n%s' "$stamps"
}
