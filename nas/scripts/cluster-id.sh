# shellcheck shell=sh
# Writes into the cluster's data which cluster it is, once: data that says it is left alone.
#
# claim ID
#
# Variables: PLATFORM, DATA_PLACE and ETC_PLACE, volumes or directories.

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  make_place "$DATA_PLACE"
  make_place "$ETC_PLACE"
  if ! find_place "$DATA_PLACE" || [ -z "$place" ]; then
    say "warning: the data in $DATA_PLACE is not visible on the NAS: whether it is emptied one day cannot be seen"
    return 0
  fi
  file=$place/$CLUSTER_ID_FILE
  if [ ! -s "$file" ]; then
    if ! printf '%s\n' "$2" >"$file.new" || ! mv "$file.new" "$file"; then
      fail "cannot write $file" "free space on that volume"
    fi
  fi
  say "the data in $place is of the cluster $(cat "$file")"
}

# What was removed by hand, and what nothing else would bring back before the container needs it.
make_place() {
  case $1 in
    /*) [ -d "$1" ] || mkdir "$1" 2>"$tmp/make" ;;
    *) bounded 15 "$docker" volume create "$1" >/dev/null 2>"$tmp/make" ;;
  esac || fail "there is no $1, and it cannot be made: $(masked <"$tmp/make" | tail -n 1)" \
    "look whether its volume is there and can be written to, and make the directory above it again"
}
