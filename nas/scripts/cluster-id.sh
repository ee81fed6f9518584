# shellcheck shell=sh
# Writes into the cluster's data which cluster it is, once: data that says it is left alone.
#
# claim ID
#
# Variables: PLATFORM, DATA_VOLUME.

main() {
  need_root
  make_tmp
  find_platform
  need_docker
  # Where it was removed by hand, only the container would bring it back.
  bounded 15 "$docker" volume create "$DATA_VOLUME" >/dev/null 2>"$tmp/create" ||
    fail "no volume $DATA_VOLUME: $(masked <"$tmp/create" | tail -n 1)" "free space for Docker on the NAS"
  if ! find_place "$DATA_VOLUME" || [ -z "$place" ]; then
    say "warning: the data in the volume $DATA_VOLUME is not visible on the NAS: whether it is emptied one day cannot be seen"
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
