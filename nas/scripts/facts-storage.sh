# shellcheck shell=sh
# Facts of the place where the cluster's data lies. Variables: DATA_DIRECTORY (or empty: Docker's
# volumes), STACK.

# storage_facts DATA_ROOT
storage_facts() {
  place=$1
  if [ -n "$DATA_DIRECTORY" ]; then
    place=$(resolved "$DATA_DIRECTORY")
    printf 'data_directory=%s\ndata_directory_is=%s\n' "$place" "$(directory_state "$place")"
    space_fact directory_space "$(existing "$place")/"
  fi
  [ -n "$place" ] || return 0
  printf 'data_fs=%s\n' "$(file_system "$(existing "$place")")"
  awk -v place="$(existing "$place")/" '
    { at = $2 == "/" ? "/" : $2 "/" }
    index(place, at) == 1 && length(at) >= length(best) { best = at; found = $1 " " $2 }
    END { if (found != "") print "data_mount=" found }' /proc/mounts 2>/dev/null
  return 0
}

# space_fact NAME DIRECTORY: what its file system has, and what is left.
space_fact() {
  printf '%s=%s\n' "$1" "$(stat -f -c '%S|%b|%a|%c|%d' "$2" 2>/dev/null)"
}

# Mount points of disks, for advice. /mnt/HDA_ROOT and /mnt/ext are system partitions of a QNAP.
volume_facts() {
  awk '$3 ~ /^(ext[234]|xfs|btrfs|zfs|f2fs|fuse\.shfs)$/ &&
    $2 ~ /^\/(share|volume[0-9]|mnt|srv|media|data|home)/ && $2 !~ /^\/mnt\/(HDA_ROOT|ext|boot)/ &&
    $2 !~ /\/(docker|containers)\// && !seen[$2]++ { print "volume=" $2 }' /proc/mounts 2>/dev/null | head -n 8
  return 0
}

# The nearest directory above that exists; / for what is no whole path.
existing() {
  existing_path=$1
  while [ ! -d "$existing_path" ]; do
    case $existing_path in
      /*/*) existing_path=${existing_path%/*} ;;
      *) existing_path=/ ;;
    esac
  done
  printf '%s' "${existing_path%/}"
}

# A path without symbolic links, also where its last parts are not there yet.
resolved() {
  resolved_path=$1
  resolved_rest=
  while [ ! -e "$resolved_path" ] && [ ! -L "$resolved_path" ] && [ -n "$resolved_path" ]; do
    resolved_rest=/${resolved_path##*/}$resolved_rest
    resolved_path=${resolved_path%/*}
  done
  resolved_real=$(readlink -f "${resolved_path:-/}" 2>/dev/null) || resolved_real=$resolved_path
  printf '%s%s' "${resolved_real%/}" "$resolved_rest"
}

# The name of a path's file system. BusyBox knows few of them by name; the numbers are those of the
# kernel's magic.h and, for ZFS, of OpenZFS.
file_system() {
  file_system_of=${1:-/}
  case $(stat -f -c %t "$file_system_of" 2>/dev/null) in
    2fc12fc1) echo zfs ;;
    794c7630) echo overlayfs ;;
    6969) echo nfs ;;
    1021994) echo tmpfs ;;
    858458f6) echo ramfs ;;
    f15f) echo ecryptfs ;;
    9123683e) echo btrfs ;;
    *) stat -f -c %T "$file_system_of" 2>/dev/null ;;
  esac
}
