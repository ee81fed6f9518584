# shellcheck shell=sh
# One run at a time on one NAS: two that edit and restart at once would undo each other.

LOCK=/tmp/nas-k3s.lock

# Whether another run of ours holds the lock, which lock_owner then names.
other_run() {
  lock_owner=$(readlink "$LOCK" 2>/dev/null) && lives "$lock_owner"
}

# await_other_run SECONDS: until no other run is at work on this NAS, or the time is over.
await_other_run() {
  await_until=$(($(now) + $1))
  while other_run && [ "$(now)" -lt "$await_until" ]; do
    nap
  done
}

# The lock is a symbolic link whose target names its owner: made in one step, content and all.
take_lock() {
  lock_me="$$ $(started_at $$)"
  lock_began=$(now)
  lock_told=no
  # -n, and no try on a directory: the link would be made in it.
  until [ ! -d "$LOCK" ] && ln -sn "$lock_me" "$LOCK" 2>/dev/null; do
    if other_run; then
      [ "$lock_told" = yes ] ||
        say "another run of nas-k3s (process ${lock_owner%% *}) is at work on this NAS: waiting for it"
      lock_told=yes
    elif [ -n "$lock_owner" ]; then
      break_lock
      continue
    elif [ -e "$LOCK" ]; then
      fail "something else is where the lock of nas-k3s has to be: $LOCK" \
        "look what it is and remove it: rm -r $LOCK; nothing was changed"
    elif [ $(($(now) - lock_began)) -ge 5 ]; then
      fail "cannot make the lock $LOCK" "free space in /tmp of the NAS, or make it writable"
    fi
    [ $(($(now) - lock_began)) -lt "$LOCK_TIMEOUT" ] ||
      fail "another run of nas-k3s (process ${lock_owner%% *}) is still at work on this NAS after $LOCK_TIMEOUT s" \
        "let it end, then run again; nothing was changed"
    nap
  done
  trap 'rm -rf "$tmp"; drop_lock' EXIT
}

drop_lock() {
  [ "$(readlink "$LOCK" 2>/dev/null)" != "$lock_me" ] || rm -f "$LOCK"
}

# Of a run that was killed. Moved first: only one of several waiting runs gets it, and one that got
# a fresh lock instead gives it back.
break_lock() {
  mv "$LOCK" "$tmp/broken-lock" 2>/dev/null || return 0
  lock_moved=$(readlink "$tmp/broken-lock")
  if [ "$lock_moved" != "$lock_owner" ] && lives "$lock_moved"; then
    ln -sn "$lock_moved" "$LOCK" 2>/dev/null
  else
    say "an earlier run (process ${lock_owner%% *}) was interrupted: going on from there"
  fi
  rm -f "$tmp/broken-lock"
}

# lives "PID START": a process number alone is used again after a while, and an account other than root
# may not signal a process of root.
lives() {
  case ${1%% *} in
    '' | 0 | *[!0-9]*) return 1 ;;
  esac
  { kill -0 "${1%% *}" 2>/dev/null || [ -d "/proc/${1%% *}" ]; } &&
    [ "$(started_at "${1%% *}")" = "${1#* }" ]
}

started_at() {
  awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null
}
