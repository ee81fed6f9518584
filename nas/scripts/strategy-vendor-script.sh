# shellcheck shell=sh
# A marked block of exports in the vendor's start script, where an old engine leaves no other way.

vendor_script_locate() {
  # shellcheck disable=SC2046
  place=$(first_file $("platform_$platform" start_script)) || return 1
  while [ -L "$place" ]; do
    place=$(readlink -f "$place") || return 1
  done
}

vendor_script_check() {
  reason=$(block set "$place") || fail "$place cannot be edited: $reason" \
    "$("platform_$platform" by_hand)"
  say "note: $("platform_$platform" notice)"
}

vendor_script_with() {
  block set "$place" "$EXPORTS"
}

vendor_script_without() {
  block remove "$place"
  [ $? -ne 2 ] || fail "$place cannot be edited: it holds half a block of nas-k3s" \
    "remove those lines by hand, then run again"
}

vendor_script_put() {
  if put_text=$(block get "${1:-$place}" && printf E); then printf '%s' "${put_text%E}" | checksum; fi
}

vendor_script_validate() {
  sh -n "$tmp/wanted" 2>"$tmp/validate" || fail "$place would not be a script any more" \
    "$("platform_$platform" by_hand); nothing was changed"
}

vendor_script_reload() {
  :
}

# block OP FILE [VALUE]
block() {
  { cat "$2" && printf E; } | OP=$1 VALUE=${3-} BEGIN_MARK=$BLOCK_BEGIN END_MARK=$BLOCK_END awk "$BLOCK_AWK"
}
