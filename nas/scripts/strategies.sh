# shellcheck shell=sh
# The ways of a proxy into the daemon. Each is a file of functions with the same names:
#   NAME_locate    sets place, the one file that it edits; status 1 when this NAS has none
#   NAME_check     refuses what cannot be edited safely
#   NAME_with      prints the file with the proxy
#   NAME_without   prints the file as it belongs there without us; status 4: it belongs away
#   NAME_put FILE  prints a checksum of what stands there (without FILE: in place) for the proxy
#   NAME_validate  refuses a $tmp/wanted that the daemon would not take
#   NAME_reload    tells whoever reads the file

# shellcheck disable=SC2034 # for daemon-proxy.sh
STRATEGIES="config_file systemd vendor_script"

# Sets strategy (or `refuse`) from the table and the running engine, whose version it leaves in
# engine; empty engine: the daemon does not answer.
look_for_strategy() {
  engine=$(bounded 20 "$docker" version --format '{{.Server.Version}}' 2>/dev/null) || engine=
  choose_strategy
}

# The same for an engine that is known.
choose_strategy() {
  engine_major=${engine%%.*}
  case $engine_major in
    '' | *[!0-9]*) return 1 ;;
  esac
  # `proxies` in the file is fatal for an engine before 23 (moby/moby PR 42835).
  if [ "$engine_major" -ge 23 ]; then
    strategy=$("platform_$platform" route)
  else
    strategy=$("platform_$platform" route_old)
  fi
  strategy=$(printf '%s' "$strategy" | tr - _)
}

# The proxy options on the running dockerd's command line, one a line.
proxy_flags() {
  for flag in http-proxy https-proxy no-proxy; do
    [ -z "$(dockerd_flag "$flag")" ] || printf '%s\n' "$flag"
  done
}

checksum() {
  md5sum | cut -d ' ' -f 1
}
