# shellcheck shell=sh
# Facts of the network: who listens where, routes, Docker's networks. Variable: PORTS.

port_facts() {
  taken=$(listeners)
  [ -n "$taken" ] || return 0
  # A descriptor of each listening socket tells its process.
  owners=$(printf '%s\n' "$taken" | socket_owners)
  printf '%s\n' "$taken" | while read -r port scope inode; do
    pid=$(printf '%s\n' "$owners" | awk -v inode="$inode" '$1 == inode { print $2; exit }')
    program=
    [ -z "$pid" ] || read -r program <"/proc/$pid/comm" 2>/dev/null || program=
    printf 'listener=%s %s %s\n' "$port" "$scope" "$program"
  done
}

# Destinations as the kernel prints them.
route_facts() {
  awk 'NR > 1 && NF >= 8 { print "route=" $1, $2, $8 }' /proc/net/route 2>/dev/null
  awk 'NF >= 10 { print "route6=" $10, $1, $2 }' /proc/net/ipv6_route 2>/dev/null
  return 0
}

# Needs find_docker.
docker_network_facts() {
  networks=$(bounded 15 "$docker" network ls -q 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  [ -z "$networks" ] || bounded 15 "$docker" network inspect --format \
    'docker_network={{.Name}} {{.Driver}}{{range .IPAM.Config}} {{.Subnet}}{{end}}' $networks 2>/dev/null
  return 0
}
