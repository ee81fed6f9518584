# shellcheck shell=sh
# What happens to the data of k3s between the pull of an image and the start of its container.
#
# apply  when the image changes: keeps a snapshot of the datastore while the old server runs on.
#        When RESTORE names a snapshot that was not put back yet: stops the old server and puts it
#        back; what is there now is moved aside.
#        A container that somebody made anew is removed: Docker's provider knows only the one that it
#        made, and the next one needs the name.
#
# A snapshot holds what k3s's documentation on backups names (the datastore and the token), the
# certificates and the node's password; no images, no volumes of pods. The datastore is copied while
# the container is frozen: what SQLite with its write-ahead log, or etcd, then finds is what it would
# find after a power cut, which both are made for.
#
# Variables: PLATFORM, CONTAINER, DATA_PLACE, ETC_PLACE (see k3s-data.sh), IMAGE, VERSION (that the image's tag
# tells, or empty), RESTORE (or empty), KEEP (number of snapshots), PAUSE_LIMIT and STOP_GRACE (seconds),
# and those of k3s-container.sh.

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  # A daemon that does not answer must not look like one without a container.
  docker_answers || fail "Docker does not answer on this NAS" "look at its log, then run again"
  find_data || without_data
  snapshots=$data/$SNAPSHOTS
  trap 'end_pause; rm -rf "$tmp" "$snapshots/.part"' EXIT
  trap 'exit 1' INT TERM
  end_pause || fail "the container $CONTAINER stayed paused, from an earlier run" "docker unpause $CONTAINER"
  look
  if [ -n "$RESTORE" ] && [ "$(noted restored)" != "$RESTORE" ]; then
    put_snapshot_back
  elif image_changes; then
    keep_snapshot
  fi
  # What the image itself said, once it ran, is not forgotten for what its tag says.
  [ "$(noted image)" = "$IMAGE" ] || note "version=$VERSION" "image=$IMAGE"
  [ -n "$RESTORE" ] || note restored=
  remove_other
}

remove_other() {
  changed=$(bounded 15 "$docker" inspect --format "$ENV_FORMAT" "$CONTAINER" 2>/dev/null | env_changed | tr '\n' ' ')
  [ -n "$changed" ] || return 0
  remove_container || fail "the container $CONTAINER, which somebody made anew, stays: $why" \
    "docker rm -f $CONTAINER on the NAS, then run again; the cluster's data stays"
  say "removed the container $CONTAINER that somebody made anew with another ${changed% }"
}

without_data() {
  if [ -z "$(mounted /var/lib/rancher/k3s)" ] && [ -z "$RESTORE" ]; then
    # A directory of the NAS is made with the first container.
    exit 0
  fi
  fail "the cluster's data, ${data:-in $DATA_PLACE}, is not to be seen on the NAS: no snapshot can be kept or put back" \
    "look for it there; nothing was changed"
}

# Sets state and image_id of the container that has the data, empty when there is none.
look() {
  state=
  image_id=
  [ -n "$(mounted /var/lib/rancher/k3s)" ] || return 0
  seen=$(bounded 15 "$docker" inspect --format '{{.State.Status}} {{.Image}}' "$CONTAINER" 2>"$tmp/err") ||
    fail "the container $CONTAINER cannot be looked at ($(tail -n 1 "$tmp/err"))" "run again; nothing was changed"
  state=${seen% *}
  image_id=${seen##* }
}

image_changes() {
  [ -d "$data/server" ] || return 1
  if [ -n "$state" ]; then
    [ "$image_id" != "$(bounded 15 "$docker" image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null)" ]
  else
    [ "$(noted image)" != "$IMAGE" ]
  fi
}

# Sets version_now to what runs on the data, or was the last to, as tags spell it.
find_version() {
  version_now=
  [ "$state" != running ] || version_now=$(running_version)
  [ -n "$version_now" ] || version_now=$(noted version)
  [ -n "$version_now" ] || version_now=$(container_tags | sed -n 's/.*:\(v[0-9]*\.[0-9]*\.[0-9].*\)/\1/p' | head -n 1)
  version_now=$(printf '%s' "${version_now:-unknown}" | tr -c 'A-Za-z0-9._-' -)
}

utc() {
  date -u +%Y%m%dT%H%M%SZ
}

# ---- a snapshot

keep_snapshot() {
  find_version
  before_image=$(noted image)
  [ -n "$before_image" ] || before_image=$(container_tags | sed 's#^rancher/#docker.io/&#' | head -n 1)
  snapshot=
  if [ -f "$data/server/db/state.db" ] || [ -d "$data/server/db/etcd" ]; then
    make_snapshot
  else
    say "k3s keeps its datastore elsewhere: no snapshot of it is made here"
  fi
  if [ "$(noted before_image)" = "$IMAGE" ]; then
    note before= before_image= snapshot=
  elif [ -z "$(noted before_image)" ]; then
    note "before=$version_now" "before_image=$before_image" "snapshot=$snapshot"
  fi
}

make_snapshot() {
  snapshot=$version_now-$(utc)
  part=$snapshots/.part
  stopped=no
  : >"$tmp/err"
  has_space "$(used "$data/server/db")" 2 || refuse "$why" "free space on that volume"
  { rm -rf "$part" && mkdir -p "$part/server" && chmod 700 "$snapshots"; } 2>"$tmp/err" ||
    refuse "cannot write into $snapshots" "make it writable"
  copy_rest 2>"$tmp/err" || refuse "the token and the certificates cannot be copied" "read the line above"
  case $state in
    running) copy_frozen ;;
    *)
      [ "$state" != restarting ] || stop_crashing
      copy_datastore 2>"$tmp/err" || refuse "the datastore cannot be copied" "free space on that volume"
      pause_told="the server does not run"
      ;;
  esac
  pack 2>"$tmp/err" || refuse "$snapshots/$snapshot.tar cannot be written" "free space on that volume"
  rm -rf "$part"
  forget_old
  say "snapshot $snapshot of the data: $(du -k "$snapshots/$snapshot.tar" | cut -f 1) KB in $snapshots; $pause_told"
  printf 'snapshot=%s\n' "$snapshot"
}

# refuse WHY FIX
refuse() {
  end_pause
  [ "$stopped" = no ] || bounded 60 "$docker" start "$CONTAINER" >/dev/null 2>&1
  why_refused=$(masked <"$tmp/err" | tail -n 1)
  fail "no snapshot of the cluster's data can be kept, so the image is not changed: $1${why_refused:+ ($why_refused)}" \
    "$2; the old server goes on as before"
}

# Kilobytes.
used() {
  du -sk "$1" 2>/dev/null | cut -f 1
}

# has_space KILOBYTES TIMES: on failure, why says so. A df that says nothing leaves it to the writing.
has_space() {
  needed=$((${1:-0} * $2 + 20480))
  free=$(df -Pk "$data" 2>/dev/null | awk 'NR > 1 { free = $4 } END { print free }')
  why="$data has $((${free:-0} / 1024)) MB free and it takes $((needed / 1024)) MB"
  [ -z "$free" ] || [ "$free" -ge "$needed" ]
}

copy_rest() {
  for item in token tls cred; do
    [ ! -e "$data/server/$item" ] || cp -a "$data/server/$item" "$part/server/" || return 1
  done
  if find_etc && [ -d "$etc/node" ]; then
    mkdir "$part/rancher" && cp -a "$etc/node" "$part/rancher/" || return 1
  fi
}

# etcd's own snapshots stay out.
copy_datastore() {
  rm -rf "$part/server/db"
  mkdir "$part/server/db" || return 1
  for item in "$data/server/db"/*; do
    [ "${item##*/}" = snapshots ] || cp -a "$item" "$part/server/db/" || return 1
  done
}

copy_frozen() {
  begin_pause
  began=$(hundredths)
  bounded "$PAUSE_LIMIT" copy_datastore >/dev/null 2>"$tmp/err"
  copied=$?
  end_pause || refuse "the container stayed paused" "docker unpause $CONTAINER"
  took=$(($(hundredths) - began))
  [ "$copied" -ne 124 ] ||
    refuse "the datastore takes longer than $PAUSE_LIMIT s to copy" "docker stop $CONTAINER on the NAS and run again: a stopped server need not be paused"
  [ "$copied" -eq 0 ] || refuse "the datastore cannot be copied" "free space on that volume"
  pause_told="the server was paused for $((took / 100)).$(printf '%02d' $((took % 100))) s"
}

# Of a container that restarts again and again: nobody misses it.
stop_crashing() {
  stopped=yes
  bounded $((STOP_GRACE + 60)) "$docker" stop -t "$STOP_GRACE" "$CONTAINER" >/dev/null 2>"$tmp/err" || refuse "the container $CONTAINER restarts all the time and cannot be stopped" "docker stop $CONTAINER"
}

pack() {
  (cd "$part" && find . -type d -o -type f -o -type l) | sed 's#^\./*##' | grep . | sort >"$tmp/wanted"
  (cd "$part" && tar cf "$snapshots/.$snapshot.new" -- *) || return 1
  tar tf "$snapshots/.$snapshot.new" | sed 's#/$##' | sort >"$tmp/packed"
  cmp "$tmp/wanted" "$tmp/packed" >&2 || return 1
  # A power cut must not leave less than was said.
  sync
  mv -f "$snapshots/.$snapshot.new" "$snapshots/$snapshot.tar"
}

forget_old() {
  rm -f "$snapshots"/.*.new
  # The one that the way back names stays, however often the change was tried.
  way_back=$(noted snapshot)
  snapshot_names | tail -n "+$((KEEP + 1))" | while read -r old; do
    [ "$old" = "$RESTORE" ] || [ "$old" = "$way_back" ] || rm -f "$snapshots/$old.tar"
  done
}

# ---- the pause

# Says that it is us who paused the container, until it runs again.
paused_mark() {
  printf '%s' "$snapshots/.paused"
}

begin_pause() {
  : >"$(paused_mark)"
  # A run that is killed must not leave the server paused.
  pause_guard $$ >/dev/null 2>&1 &
  bounded 20 "$docker" pause "$CONTAINER" >/dev/null 2>"$tmp/err" || {
    end_pause
    refuse "the container $CONTAINER cannot be paused" "docker stop $CONTAINER on the NAS and run again: a stopped server need not be paused"
  }
}

# end_pause: status 1 when the container stays paused.
end_pause() {
  [ -f "$(paused_mark)" ] || return 0
  bounded 20 "$docker" unpause "$CONTAINER" >/dev/null 2>&1 ||
    [ "$(bounded 15 "$docker" inspect --format '{{.State.Status}}' "$CONTAINER" 2>/dev/null)" != paused ] || return 1
  rm -f "$(paused_mark)"
}

# pause_guard PID
pause_guard() {
  guard_end=$(($(now) + PAUSE_LIMIT + 30))
  while [ -f "$(paused_mark)" ]; do
    if ! kill -0 "$1" 2>/dev/null || [ "$(now)" -ge "$guard_end" ]; then
      end_pause && return 0
    fi
    [ "$(now)" -lt $((guard_end + 300)) ] || return 1
    nap
  done
}

# ---- the way back

put_snapshot_back() {
  file=$snapshots/$RESTORE.tar
  stopped=no
  [ -f "$file" ] || fail "nas-k3s:restoreSnapshot: there is no snapshot $RESTORE in $snapshots" \
    "write one of: $(snapshot_names | tr '\n' ' ')"
  has_space "$(used "$file")" 1 || fail "$why" "free space on that volume; nothing was changed"
  part=$snapshots/.part
  { rm -rf "$part" && mkdir "$part" && (cd "$part" && tar xf "$file") && [ -d "$part/server/db" ]; } 2>"$tmp/err" ||
    fail "the snapshot $file cannot be unpacked ($(tail -n 1 "$tmp/err"))" \
      "write another one in nas-k3s:restoreSnapshot; nothing was changed"
  find_version
  stop_server
  aside=$snapshots/replaced-$version_now-$(utc)
  mkdir -p "$aside/server" || fail "cannot write into $snapshots" "make it writable, and run again"
  for item in db token tls cred; do
    exchange "$part/server/$item" "$data/server/$item" "$aside/server"
  done
  if find_etc; then exchange "$part/rancher/node" "$etc/node" "$aside"; fi
  sync
  rm -rf "$part"
  say "the snapshot $RESTORE is put back; the data that it replaces lies in $aside"
  note "restored=$RESTORE" before= before_image= snapshot=
}

stop_server() {
  case $state in
    running | restarting | paused)
      say "stopping the server, whose data is exchanged"
      [ "$state" != paused ] || bounded 20 "$docker" unpause "$CONTAINER" >/dev/null 2>&1
      bounded $((STOP_GRACE + 60)) "$docker" stop -t "$STOP_GRACE" "$CONTAINER" >/dev/null 2>"$tmp/err" ||
        fail "the container $CONTAINER cannot be stopped ($(tail -n 1 "$tmp/err"))" "docker stop $CONTAINER; nothing was changed"
      ;;
  esac
}

# exchange NEW PLACE ASIDE: a run that is killed in between is done again from its beginning.
exchange() {
  [ -e "$1" ] || return 0
  if { [ ! -e "$2" ] || mv "$2" "$3/"; } 2>"$tmp/err" && mv "$1" "$2" 2>>"$tmp/err"; then return 0; fi
  fail "cannot put $2 back ($(tail -n 1 "$tmp/err"))" "run again; what was there is in $3"
}
