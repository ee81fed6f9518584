# shellcheck shell=sh
# Writes into the cluster's data which cluster it is, once: data that says it is left alone.
#
# claim ID
#
# Variables: PLATFORM, DATA_VOLUME.

main() {
  need_root
  find_platform
  need_docker
  find_place "$DATA_VOLUME" && [ -n "$place" ] || {
    say "warning: the data in the volume $DATA_VOLUME is not visible on the NAS: whether it is emptied one day cannot be seen"
    return 0
  }
  file=$place/$CLUSTER_ID_FILE
  if [ ! -s "$file" ]; then
    printf '%s\n' "$2" >"$file.new" && mv "$file.new" "$file" ||
      fail "cannot write $file" "free space on that volume"
  fi
  say "the data in $place is of the cluster $(cat "$file")"
}
