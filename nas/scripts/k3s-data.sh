# shellcheck shell=sh
# Where the data of k3s lies on the NAS, and what is noted there about the versions that ran on it:
#   version, image           what runs on it, or was the last to
#   before, before_image     what ran until a change of the image that has not proven itself yet,
#   snapshot                 and the snapshot of its data
#   restored                 the snapshot that was put back, as long as the setting names it
# Variables: CONTAINER, and DATA_PLACE and ETC_PLACE (a Docker volume or a directory of the NAS) where
# the container may be gone. Needs find_docker and cluster-data.sh.

NOTES=nas-k3s-version
# Names of snapshots end in the time of their making, in UTC.
SNAPSHOTS=nas-k3s-snapshots

# mounted PLACE: prints the directory of the NAS that the container has at PLACE.
mounted() {
  bounded 15 "$docker" inspect --format \
    "{{range .Mounts}}{{if eq .Destination \"$1\"}}{{println .Source}}{{end}}{{end}}" "$CONTAINER" 2>/dev/null |
    head -n 1
}

# Sets data, or fails with status 1 when there is none.
find_data() {
  take_data "$(mounted /var/lib/rancher/k3s)" find_place
}

# take_data DIRECTORY FIND: likewise, with the directory that the container has there, or with what
# find_place or look_for_place finds where it has none.
take_data() {
  data=$1
  if [ -z "$data" ] && [ -n "${DATA_PLACE:-}" ]; then "$2" "$DATA_PLACE" && data=$place; fi
  [ -n "$data" ] && [ -d "$data" ]
}

# Sets etc to the directory that the container has at /etc/rancher, likewise.
find_etc() {
  etc=$(mounted /etc/rancher)
  if [ -z "$etc" ] && [ -n "${ETC_PLACE:-}" ]; then find_place "$ETC_PLACE" && etc=$place; fi
  [ -n "$etc" ] && [ -d "$etc" ]
}

# noted NAME
noted() {
  sed -n "s/^$1=//p" "$data/$NOTES" 2>/dev/null
}

# note NAME=VALUE...: the others stay; an empty value removes.
note() {
  for note_name in version image before before_image snapshot restored; do
    note_value=$(noted "$note_name")
    for note_pair in "$@"; do
      [ "${note_pair%%=*}" != "$note_name" ] || note_value=${note_pair#*=}
    done
    [ -z "$note_value" ] || printf '%s=%s\n' "$note_name" "$note_value"
  done >"$tmp/notes"
  cmp -s "$tmp/notes" "$data/$NOTES" && return 0
  if cat "$tmp/notes" >"$data/$NOTES.new" && mv -f "$data/$NOTES.new" "$data/$NOTES"; then return 0; fi
  say "warning: cannot write $data/$NOTES"
}

# The version that the running container says it is, empty when it does not.
running_version() {
  bounded 15 "$docker" exec "$CONTAINER" k3s --version 2>/dev/null |
    sed -n 's/^k3s version \([^ ]*\).*/\1/p'
}

# Tags of the container's image, one a line.
container_tags() {
  tags_image=$(bounded 15 "$docker" inspect --format '{{.Image}}' "$CONTAINER" 2>/dev/null) || return 0
  bounded 15 "$docker" image inspect --format '{{range .RepoTags}}{{println .}}{{end}}' "$tags_image" 2>/dev/null |
    grep -v '^$'
}

# Names of all snapshots, one a line, the newest first.
snapshot_names() {
  for snapshot_file in "$data/$SNAPSHOTS"/*-*T*Z.tar; do
    [ -f "$snapshot_file" ] || continue
    snapshot_name=${snapshot_file##*/}
    snapshot_name=${snapshot_name%.tar}
    printf '%s %s\n' "${snapshot_name##*-}" "$snapshot_name"
  done | sort -r | cut -d ' ' -f 2
}

# minor VERSION: without patch and what follows it.
minor() {
  printf '%s' "$1" | sed 's/^\(v*[0-9]*\.[0-9]*\).*/\1/'
}

# Says how to undo a change of the image that has not proven itself.
say_way_back() {
  find_data || return 0
  back_image=$(noted before_image)
  [ -n "$back_image" ] || return 0
  back=$(noted before)
  snapshot=$(noted snapshot)
  say "until this change ${back:-$back_image} ran; to go back to it:"
  case $back_image in
    docker.io/rancher/k3s:*)
      case $(noted image) in
        docker.io/rancher/k3s:*) ;;
        *) say "  pulumi config rm nas-k3s:k3sImage" ;;
      esac
      say "  pulumi config set nas-k3s:k3sVersion ${back_image##*:}"
      ;;
    *) say "  pulumi config set nas-k3s:k3sImage $back_image" ;;
  esac
  if [ -n "$snapshot" ]; then
    if [ "$(minor "$back")" = "$(minor "$(noted version)")" ]; then
      say "  pulumi up"
      say "the data of then is kept in $data/$SNAPSHOTS/$snapshot.tar; within $(minor "$back") it need not be put back"
      return 0
    fi
    # What a newer minor has written, an older one may not understand.
    say "  pulumi config set nas-k3s:restoreSnapshot $snapshot"
  fi
  say "  pulumi up"
}
