# shellcheck shell=sh
# Why k3s ended, from its container's log. Needs make_tmp, find_docker, CONTAINER and the table of
# known lines: FATAL_LEAVES (`LEAF PATTERN`), FATAL_FIXES (`LEAF TEXT`) and FATAL_ARGUMENTS (leaves that
# time does not heal).

# k3s that has other reasons to end than its arguments may find its way after some starts: so many,
# and so many seconds, it gets.
ENDS_LIMIT=5
ENDS_TIME=60
# Seconds between two looks.
ENDS_PAUSE=3
# More than k3s writes in one start.
LOG_LINES=3000

# telling_lines FILE: of a log the last lines that may say why k3s ended, without secrets. About its
# arguments it says something once in each start, with hundreds of lines around.
telling_lines() {
  { printf '%s\n' "$FATAL_LEAVES" | cut -d ' ' -f 2-
    printf '%s\n' 'level=fatal' 'panic' 'level=error'; } >"$tmp/patterns"
  for leaf in $FATAL_ARGUMENTS; do
    printf '%s\n' "$FATAL_LEAVES" | sed -n "s/^$leaf //p"
  done >"$tmp/argument-patterns"
  { grep -E -i -f "$tmp/argument-patterns" "$1" | tail -n 2
    tail -n 400 "$1" | grep -E -i -f "$tmp/patterns" | tail -n 8; } | masked | cut -c 1-500
}

# Sets fatal_line to what k3s said last of its end, and fatal_leaf to what that is known as, else to
# nothing.
find_fatal() {
  bounded 15 "$docker" logs --tail "$LOG_LINES" "$CONTAINER" >"$tmp/k3s-log" 2>&1
  find_fatal_in "$tmp/k3s-log"
}

find_fatal_in() {
  telling_lines "$1" >"$tmp/telling"
  fatal_leaf=
  while read -r leaf pattern; do
    fatal_line=$(grep -E -i -e "$pattern" "$tmp/telling" | tail -n 1)
    if [ -n "$fatal_line" ]; then
      fatal_leaf=$leaf
      break
    fi
  done <<EOF
$FATAL_LEAVES
EOF
  [ -n "$fatal_line" ] || fatal_line=$(grep -E -i 'level=fatal|panic' "$tmp/telling" | tail -n 1)
  [ -n "$fatal_line" ] || fatal_line=$(masked <"$1" | grep -v '^$' | tail -n 1 | cut -c 1-500)
  # Without what loggers put in front.
  fatal_line=$(printf '%s' "$fatal_line" |
    sed -e 's/^time="[^"]*" level=[a-z]* msg=//' -e 's/^[A-Z][0-9]\{4\} [^]]*\] //')
}

# Whether what find_fatal has found is the arguments, which no further start heals.
arguments_are_fatal() {
  case " $FATAL_ARGUMENTS " in
    *" ${fatal_leaf:-none} "*) return 0 ;;
  esac
  return 1
}

fatal_fix() {
  printf '%s\n' "$FATAL_FIXES" | sed -n "s/^${fatal_leaf:-none} //p"
}

# keeps_ending SINCE: whether k3s ends at every start, so that waiting (which began at SINCE) is in
# vain; sets fatal_line then.
keeps_ending() {
  [ $(($(now) - ${ends_looked:-0})) -ge "$ENDS_PAUSE" ] || return 1
  ends_looked=$(now)
  ends=$(bounded 15 "$docker" inspect --format '{{.State.Status}} {{.RestartCount}}' "$CONTAINER" 2>/dev/null) ||
    return 1
  ends_status=${ends% *}
  ends=${ends#* }
  case $ends in '' | *[!0-9]*) return 1 ;; esac
  # Restarts from before this wait tell nothing: k3s may run by now.
  [ -n "${ends_before:-}" ] && [ "$ends" -ge "$ends_before" ] || ends_before=$ends
  if [ "$ends" -eq "$ends_before" ] && [ "$ends_status" != restarting ] && [ "$ends_status" != exited ]; then
    return 1
  fi
  find_fatal
  if arguments_are_fatal; then return 0; fi
  [ $((ends - ends_before)) -ge "$ENDS_LIMIT" ] && [ $(($(now) - $1)) -ge "$ENDS_TIME" ]
}

# Ends the run with what keeps_ending has found.
fail_ended() {
  say_way_back
  fix=$(fatal_fix)
  fail "k3s ends at every start: $fatal_line" "${fix:-docker logs $CONTAINER on the NAS says more}"
}
