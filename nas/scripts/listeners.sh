# shellcheck shell=sh
# Who listens where. Variable: PORTS. Read from the kernel: neither netstat, ss nor ip is certain.

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
