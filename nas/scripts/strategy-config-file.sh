# shellcheck shell=sh
# The member `proxies` of the daemon's config file, for engines that know it.

config_file_locate() {
  find_config || return 1
  place=$config
}

config_file_check() {
  if [ -n "$dockerd" ] && [ -n "$(dockerd_flag config-file)" ] && [ ! -f "$place" ]; then
    fail "the running dockerd names $place, which is no file" \
      "start Docker anew so that it says what it uses, then run again"
  fi
  [ -f "$place" ] || return 0
  names=$(json_member keys "$place" proxies) || fail "$place cannot be edited: $names" \
    "mend that line by hand; the file was not touched"
  for wrong in http-proxy https-proxy no-proxy httpProxy httpsProxy noProxy default; do
    if printf '%s\n' "$names" | grep -qxF "$wrong"; then
      fail "$place holds \"$wrong\" at its top, where dockerd does not look for a proxy" \
        "remove it by hand; the right place is the member \"proxies\", which we write"
    fi
  done
  config_file_shape
}

# What the owner's own `proxies` looks like: it is put back on destroy, so it has to be right.
config_file_shape() {
  json_member get "$place" proxies >"$tmp/owners" || return 0
  case $(cat "$tmp/owners") in
    '{'*) ;;
    null) return 0 ;;
    *) fail "\"proxies\" in $place is no object" "remove it by hand; we write the right one" ;;
  esac
  for name in $(json_member keys "$tmp/owners" proxies); do
    case $name in
      http-proxy | https-proxy | no-proxy)
        case $(json_member get "$tmp/owners" "$name") in
          '"'*) ;;
          '['*) fail "\"$name\" in the \"proxies\" of $place is a list, which dockerd does not take" \
            "write one text with commas between the entries, or remove it" ;;
          *) fail "\"$name\" in the \"proxies\" of $place is no text" "remove it by hand" ;;
        esac
        ;;
      default | *[Pp]roxy)
        fail "\"proxies\" in $place holds \"$name\", the spelling of the client's ~/.docker/config.json, which dockerd does not take" \
          "dockerd wants http-proxy, https-proxy and no-proxy: remove \"$name\" by hand; we write the right ones"
        ;;
      *)
        fail "\"proxies\" in $place holds \"$name\", which dockerd does not know" "remove it by hand"
        ;;
    esac
  done
}

config_file_with() {
  if [ -f "$place" ]; then
    json_member set "$place" proxies "$PROXIES"
  else
    printf '{\n  "proxies": %s\n}\n' "$PROXIES"
  fi
}

# The owner's bytes from before, or, where the owner edited other members since, the file of today
# with the owner's own proxies (or none).
config_file_without() {
  if [ ! -f "$place" ]; then
    [ -f "$place.nas-k3s-original" ] || return 4
    cat "$place.nas-k3s-original"
    return 0
  fi
  if [ ! -f "$place.nas-k3s-original" ] && [ ! -f "$place.nas-k3s-absent" ]; then
    cat "$place"
    return 0
  fi
  json_member remove "$place" proxies >"$tmp/rest_now"
  [ $? -ne 2 ] || fail "$place cannot be edited: $(cat "$tmp/rest_now")" \
    "mend that line by hand, then run again"
  if [ -f "$place.nas-k3s-absent" ]; then
    [ -n "$(json_member keys "$tmp/rest_now" proxies)" ] || return 4
    cat "$tmp/rest_now"
    return 0
  fi
  json_member remove "$place.nas-k3s-original" proxies >"$tmp/rest_then"
  if cmp -s "$tmp/rest_now" "$tmp/rest_then" || [ ! -s "$place.nas-k3s-original" ]; then
    cat "$place.nas-k3s-original"
  elif owners=$(json_member get "$place.nas-k3s-original" proxies); then
    json_member set "$place" proxies "$owners"
  else
    cat "$tmp/rest_now"
  fi
}

config_file_put() {
  [ -f "${1:-$place}" ] || return 0
  if put_text=$(json_member get "${1:-$place}" proxies); then printf '%s' "$put_text" | checksum; fi
}

config_file_reload() {
  :
}

# A fault that the owner's file has as well says nothing about our edit: then only the restart, and
# the way back, can tell.
config_file_validate() {
  binary=$(readlink "/proc/$dockerd/exe" 2>/dev/null) || return 0
  [ -x "$binary" ] || return 0
  dockerd_takes "$tmp/wanted" && return 0
  reason=$(tail -n 1 "$tmp/validate" | masked)
  [ -f "$place" ] || printf '{}\n' >"$tmp/empty"
  if [ -f "$place" ]; then dockerd_takes "$place" || return 0; else dockerd_takes "$tmp/empty" || return 0; fi
  fail "dockerd refuses the edited config: $reason" "mend $place by hand; it was not touched"
}

# Asks the running dockerd's own program, with its own flags and PATH: both can matter.
dockerd_takes() {
  tr '\000' '\n' <"/proc/$dockerd/cmdline" |
    awk 'NR == 1 { next }
      skip { skip = 0; next }
      $0 == "--config-file" { skip = 1; next }
      index($0, "--config-file=") == 1 { next }
      { print }' >"$tmp/flags"
  daemon_path=$(tr '\000' '\n' <"/proc/$dockerd/environ" 2>/dev/null | sed -n 's/^PATH=//p')
  set -- --validate --config-file "$1"
  while read -r flag; do
    set -- "$@" "$flag"
  done <"$tmp/flags"
  bounded 30 env PATH="${daemon_path:-$PATH}" "$binary" "$@" >"$tmp/validate" 2>&1
}
