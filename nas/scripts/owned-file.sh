# shellcheck shell=sh
# One file on the NAS that becomes another: at any moment it is the old one or the new one, whole.
# place is its path; beside it lie, while we are there:
#   .nas-k3s-original  its bytes before the first apply
#   .nas-k3s-absent    says that there was no file; content `directory` when not even that
#   .nas-k3s-applied   what the last apply that ended well left behind (see record)

# Of runs that were killed between two steps.
clean_leftovers() {
  rm -f "$place.nas-k3s-new" "$place.nas-k3s-original.new" "$place.nas-k3s-applied.new" \
    "$place.nas-k3s-absent.new" "$(beside_directory)/${place##*/}.nas-k3s-absent"
  rmdir "$(beside_directory)" 2>/dev/null
}

# Where the directory of the file is while it is made or removed: it appears and goes in one step,
# together with the note that says whose it is.
beside_directory() {
  printf '%s' "${place%/*}.nas-k3s-new"
}

# The file as it was before the first apply; kept once.
keep_original() {
  if [ -f "$place.nas-k3s-original" ] || [ -f "$place.nas-k3s-absent" ]; then return 0; fi
  if [ ! -f "$place" ]; then
    keep_absence
    return 0
  fi
  if cp -p "$place" "$place.nas-k3s-original.new" && cmp -s "$place" "$place.nas-k3s-original.new" &&
    mv -f "$place.nas-k3s-original.new" "$place.nas-k3s-original"; then
    return 0
  fi
  rm -f "$place.nas-k3s-original.new"
  fail "cannot keep a copy of $place beside it" \
    "free space on that volume, or make it writable; nothing was changed"
}

keep_absence() {
  keep_directory=${place%/*}
  if [ ! -d "$keep_directory" ]; then
    keep_note=$(beside_directory)/${place##*/}.nas-k3s-absent
    { mkdir -p "${keep_note%/*}" && chmod 755 "${keep_note%/*}" && printf 'directory\n' >"$keep_note" &&
      mv "${keep_note%/*}" "$keep_directory"; } 2>/dev/null ||
      fail "cannot make the directory $keep_directory" "make it writable; nothing was changed"
    return 0
  fi
  { printf 'file\n' >"$place.nas-k3s-absent.new" &&
    mv -f "$place.nas-k3s-absent.new" "$place.nas-k3s-absent"; } 2>/dev/null ||
    fail "cannot write into $keep_directory" "free space, or make it writable; nothing was changed"
}

forget_original() {
  rm -f "$place.nas-k3s-original" "$place.nas-k3s-absent" "$place.nas-k3s-applied"
}

# Leaves nothing of ours beside the file, and no directory that we made and that is empty.
settle() {
  rm -f "$place.nas-k3s-original" "$place.nas-k3s-applied"
  if [ "$(cat "$place.nas-k3s-absent" 2>/dev/null)" = directory ] &&
    [ "$(ls -A "${place%/*}")" = "${place##*/}.nas-k3s-absent" ]; then
    mv "${place%/*}" "$(beside_directory)" && clean_leftovers
  fi
  forget_original
}

# snapshot_place: what is there now, for the way back.
snapshot_place() {
  before_absent=yes
  [ ! -f "$place" ] || {
    before_absent=no
    cp -p "$place" "$tmp/before" || fail "cannot copy $place to $tmp" "free space in /tmp of the NAS"
  }
}

# put_file FILE: its content becomes that of $place; owner and mode stay. Status 1 with why.
put_file() {
  if { [ ! -f "$place" ] || cp -p "$place" "$place.nas-k3s-new"; } 2>"$tmp/put.err" &&
    { cat "$1" >"$place.nas-k3s-new"; } 2>>"$tmp/put.err" &&
    cmp -s "$1" "$place.nas-k3s-new" && sync_file "$place.nas-k3s-new" &&
    mv -f "$place.nas-k3s-new" "$place" 2>>"$tmp/put.err"; then
    "${strategy}_reload"
    return 0
  fi
  rm -f "$place.nas-k3s-new"
  why="cannot write $place ($(tail -n 1 "$tmp/put.err" 2>/dev/null))"
  return 1
}

# A power cut behind the rename must not leave an empty file.
sync_file() {
  sync "$1" 2>/dev/null || sync
}

remove_file() {
  rm -f "$place" || {
    why="cannot remove $place"
    return 1
  }
  "${strategy}_reload"
}

# put_back: what snapshot_place saw.
put_back() {
  if [ "$before_absent" = yes ]; then remove_file; else put_file "$tmp/before"; fi
}

# record lets the next look at this NAS tell a change of the config from one made by others.
# Credentials are in it as a checksum only.
record() {
  if printf 'put=%s\nproxy=%s\nno_proxy=%s\n' "$("${strategy}_put")" "$HTTP_PROXY_SHOWN" "$NO_PROXY_SHOWN" \
    >"$place.nas-k3s-applied.new" && mv -f "$place.nas-k3s-applied.new" "$place.nas-k3s-applied"; then
    return 0
  fi
  say "warning: cannot write $place.nas-k3s-applied"
}

# was_here: whether an earlier run of ours left something at $place.
was_here() {
  [ -f "$place.nas-k3s-original" ] || [ -f "$place.nas-k3s-absent" ] || [ -f "$place.nas-k3s-applied" ]
}
