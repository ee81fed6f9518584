# shellcheck shell=sh
# Facts of the network: who listens where, routes, Docker's networks. Variable: PORTS. All of it is read from the kernel: neither netstat, ss nor ip is certain.

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

# Lines PORT/PROTOCOL SCOPE INODE of those of PORTS that something listens on. SCOPE: all addresses,
# loopback, or one.
listeners() {
  for protocol in tcp udp; do
    cat "/proc/net/$protocol" "/proc/net/${protocol}6" 2>/dev/null |
      awk -v protocol="$protocol" -v ports="$PORTS" '
        function decimal(hex, i, n) {
          for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1
          return n
        }
        BEGIN {
          count = split(ports, item, " ")
          for (i = 1; i <= count; i++) wanted[item[i]] = 1
          listening = protocol == "tcp" ? "0A" : "07"
        }
        $4 == listening {
          split($2, local, ":")
          port = decimal(local[2])
          if (!(port in wanted)) next
          scope = "one"
          address = local[1]
          mapped = substr(address, 1, 24) == "0000000000000000FFFF0000"
          if (address ~ /^0+$/) scope = "all"
          else if (address == "00000000000000000000000001000000") scope = "loopback"
          else if ((mapped || length(address) == 8) && address ~ /7F$/) scope = "loopback"
          print port "/" protocol, scope, $10
        }'
  done
}

# For lines of `listeners`: INODE PID of the process that holds the socket.
socket_owners() {
  awk '{ print $3 }' | {
    inodes=" $(tr '\n' ' ')"
    # shellcheck disable=SC2012 # one process for all links; with two arguments ls names directories
    ls -l /dev/null /proc/[0-9]*/fd 2>/dev/null | awk -v inodes="$inodes" '
      /^\/proc\/[0-9]+\/fd:/ { split($0, part, "/"); pid = part[3]; next }
      match($0, /socket:\[[0-9]+\]/) {
        inode = substr($0, RSTART + 8, RLENGTH - 9)
        if (index(inodes, " " inode " ")) print inode, pid
      }'
  }
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
