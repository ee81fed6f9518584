# shellcheck shell=sh
# Runs in the k3s image with the NAS's network; see host-cleanup.sh.
set -u

# KUBE- covers kube-proxy's chains and those of k3s's network policies: KUBE-ROUTER-*, KUBE-NWPLCY-*,
# KUBE-POD-FW-*.
OURS='KUBE-|CNI-|FLANNEL-'

# For tables in iptables-save form on stdin: the commands that remove our jumps and chains.
commands() {
  awk -v ours="^($OURS)" '
    /^\*/ { table = $0; rules = 0; chains = 0; next }
    /^:/ { name = substr($1, 2); if (name ~ ours) chain[++chains] = name; next }
    /^-A / {
      whole = $0
      # What stands in a comment is no jump.
      gsub(/"([^"\\]|\\.)*"/, "\"\"")
      for (i = 3; i < NF; i++) if (($i == "-j" || $i == "-g") && $(i + 1) ~ ours && $2 !~ ours) {
        rule[++rules] = "-D" substr(whole, 3)
        break
      }
      next
    }
    /^COMMIT/ && (rules || chains) {
      print table
      for (i = 1; i <= rules; i++) print rule[i]
      for (i = 1; i <= chains; i++) print "-F " chain[i]
      for (i = 1; i <= chains; i++) print "-X " chain[i]
      print "COMMIT"
    }'
}

for iptables in iptables ip6tables; do
  command -v "$iptables-save" >/dev/null 2>&1 || continue
  "$iptables-save" 2>/dev/null | commands >/tmp/nas-k3s-rules
  [ ! -s /tmp/nas-k3s-rules ] || "$iptables-restore" --noflush </tmp/nas-k3s-rules || status=1
done
# After the rules that match them. The network policies' sets, and those of kube-proxy's ipvs mode.
if command -v ipset >/dev/null 2>&1; then
  for set in $(ipset list -n 2>/dev/null | grep -E '^(inet6:)?(KUBE-|kube-router-)'); do
    ipset destroy "$set" || status=1
  done
fi
for link in cni0 flannel.1 flannel-v6.1 kube-ipvs0; do
  [ ! -e "/sys/class/net/$link" ] || ip link delete "$link" || status=1
done
exit "${status:-0}"
