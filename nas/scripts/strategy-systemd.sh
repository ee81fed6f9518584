# shellcheck shell=sh
# The environment of the daemon by a systemd drop-in, for older engines and where the config file
# does not last.

# The name comes last of all drop-ins: it has to win over the owner's own.
systemd_locate() {
  find_unit || return 1
  place=/etc/systemd/system/$unit.service.d/zz-nas-k3s-proxy.conf
}

# A proxy in the config file goes before the environment.
systemd_check() {
  if find_config && [ -f "$config" ] && json_member get "$config" proxies >"$tmp/owners" 2>/dev/null; then
    fail "$config holds \"proxies\", which goes before the environment that $place would set" \
      "remove that member by hand, then run again; nothing was changed"
  fi
}

systemd_with() {
  printf '%s' "$DROP_IN"
}

systemd_without() {
  return 4
}

systemd_put() {
  [ ! -f "${1:-$place}" ] || checksum <"${1:-$place}"
}

systemd_validate() {
  :
}

systemd_reload() {
  bounded 60 systemctl daemon-reload >/dev/null 2>&1 || say "warning: systemctl daemon-reload failed"
}
