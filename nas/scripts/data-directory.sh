# shellcheck shell=sh
# The directory of the cluster's data, where it is no volume of Docker's: `data` and `etc` in it,
# for root alone. Only what this script made is ever removed.
#
# prepare  makes it, or takes over an empty one; refuses one with somebody's files
# remove   removes what prepare made, or with KEEP=yes says where it stays; never fails
#
# Variables: PLATFORM, DIRECTORY (no symbolic links in it), STACK, CONTAINER, KEEP.

main() {
  case $1 in
    prepare)
      need_root
      prepare
      ;;
    remove)
      remove
      return 0
      ;;
  esac
}

prepare() {
  state=$(directory_state "$DIRECTORY")
  case $state in
    ours) made=$(sed -n 's/^made=//p' "$DIRECTORY/$OWNER_FILE") ;;
    absent) made=yes ;;
    empty) made=no ;;
    file) fail "$DIRECTORY is no directory" "write another nas-k3s:dataDirectory" ;;
    other) fail "$DIRECTORY holds the cluster of another stack" "write a directory of this stack's own in nas-k3s:dataDirectory" ;;
    *) fail "$DIRECTORY holds files that are not ours" "write a directory of its own in nas-k3s:dataDirectory, e.g. $DIRECTORY/k3s" ;;
  esac
  # The script acts as root: what somebody linked here must not lead it elsewhere.
  mkdir -p "$DIRECTORY" && [ "$(readlink -f "$DIRECTORY")" = "$DIRECTORY" ] ||
    fail "$DIRECTORY cannot be made" "look whether its volume is there and can be written to"
  if [ "$state" != ours ]; then
    printf 'stack=%s\nmade=%s\n' "$STACK" "$made" >"$DIRECTORY/$OWNER_FILE" ||
      fail "$DIRECTORY cannot be written to" "look whether its volume is full or read-only"
    chmod 0700 "$DIRECTORY"
  fi
  for part in data etc; do
    [ -d "$DIRECTORY/$part" ] || mkdir -m 0700 "$DIRECTORY/$part" || fail "$DIRECTORY/$part cannot be made"
  done
  say "the cluster's data is in $DIRECTORY"
}

remove() {
  if [ "$(directory_state "$DIRECTORY")" != ours ] || [ -L "$DIRECTORY" ]; then
    say "$DIRECTORY is not there, or is not ours: nothing is removed"
  elif look_for_platform && find_docker && mounted_by_container; then
    say "the container $CONTAINER is still there: $DIRECTORY stays"
  elif [ "$KEEP" = yes ]; then
    say "the cluster's data stays on the NAS; to delete it: rm -r $DIRECTORY"
  else
    remove_ours
  fi
}

mounted_by_container() {
  bounded 15 "$docker" inspect --format '{{range .HostConfig.Mounts}}{{println .Source}}{{end}}' "$CONTAINER" 2>/dev/null |
    grep -qxF "$DIRECTORY/data"
}

remove_ours() {
  made=$(sed -n 's/^made=//p' "$DIRECTORY/$OWNER_FILE")
  # The owner's file goes last: a removal that was cut off can be run again.
  if rm -rf "${DIRECTORY:?}/data" "${DIRECTORY:?}/etc" && rm -f "$DIRECTORY/$OWNER_FILE"; then
    # Anything else in it is somebody's, and keeps the directory.
    [ "$made" != yes ] || rmdir "$DIRECTORY" 2>/dev/null
    say "the cluster's data is gone from $DIRECTORY"
  else
    say "warning: $DIRECTORY could not be removed whole; delete it by hand"
  fi
}
