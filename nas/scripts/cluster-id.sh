# shellcheck shell=sh
# Writes into the cluster's data which cluster it is, once: data that says it is left alone. And what
# it is made with, for an `up` that finds the data without its container.
#
# The plan has compared both with what stood there. What another run has put there since then is left to
# it, as is a container of the stack's name that is not the stack's.
#
# claim ID
#
# Variables: PLATFORM, DATA_PLACE and ETC_PLACE, volumes or directories, MADE_WITH (lines), CONTAINER
# and STACK_LABEL.

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  if is_there && ! is_of_stack; then
    made_meanwhile "the container $CONTAINER, which is not this stack's, was made"
  fi
  make_place "$DATA_PLACE"
  make_place "$ETC_PLACE"
  if ! find_place "$DATA_PLACE" || [ -z "$place" ]; then
    say "warning: the data in $DATA_PLACE is not visible on the NAS: whether it is emptied one day cannot be seen"
    return 0
  fi
  file=$place/$CLUSTER_ID_FILE
  [ -s "$file" ] || write "$file" "$2"
  claimed=$(cat "$file")
  case $claimed in
    "$2") ;;
    nas-k3s/*) made_meanwhile "the data in $place became that of the cluster $claimed" ;;
  esac
  write "$place/$MADE_WITH_FILE" "$MADE_WITH"
  say "the data in $place is of the cluster $claimed"
}

made_meanwhile() {
  fail "$1 while this run was at work" \
    "run again: the NAS is then looked at anew; nothing of it was changed"
}

write() {
  if ! printf '%s\n' "$2" >"$1.new" || ! mv "$1.new" "$1"; then
    fail "cannot write $1" "free space on that volume"
  fi
}

# What was removed by hand, and what nothing else would bring back before the container needs it.
make_place() {
  case $1 in
    /*) [ -d "$1" ] || mkdir "$1" 2>"$tmp/make" ;;
    *) bounded 15 "$docker" volume create "$1" >/dev/null 2>"$tmp/make" ;;
  esac || fail "there is no $1, and it cannot be made: $(masked <"$tmp/make" | tail -n 1)" \
    "look whether its volume is mounted and can be written to (nas-k3s:dataDirectory); if the data is lost, make the directory above it again: the cluster is then an empty one"
}
