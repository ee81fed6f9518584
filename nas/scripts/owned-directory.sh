# shellcheck shell=sh
# A directory that belongs to one stack: a file of ours in it says so. Variable: STACK.

OWNER_FILE=.nas-k3s
# What a NAS or a file system puts into each directory by itself.
NOT_CONTENT='lost+found|@eaDir|#recycle|\.@__thumb|\.DS_Store'

# absent, file (no directory), ours, other (another stack's), empty, or foreign (somebody's files).
directory_state() {
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    echo absent
  elif [ ! -d "$1" ]; then
    echo file
  elif [ -f "$1/$OWNER_FILE" ]; then
    if grep -qxF "stack=$STACK" "$1/$OWNER_FILE" 2>/dev/null; then echo ours; else echo other; fi
  elif [ -z "$(content_of "$1")" ]; then
    echo empty
  else
    echo foreign
  fi
}

content_of() {
  # shellcheck disable=SC2010 # names are only counted
  ls -A "$1" 2>/dev/null | grep -vE "^($NOT_CONTENT)\$"
}
