# shellcheck shell=sh
# When the cluster counts as ready, for everybody: its node is Ready at the wanted version and was
# heard of since the container started, CoreDNS is available with a pod that started since. What the
# data of an earlier container says counts for nothing.
#
# Variables: NODE, VERSION. Docker is on the PATH.

cluster() {
  docker exec k3s kubectl "$@" 2>/dev/null
}

since_start() {
  [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$start" "$1" | sort | head -n 1)" = "$start" ]
}

ready() {
  status=$(cluster get node "$NODE" -o \
    'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.nodeInfo.kubeletVersion}')
  [ "$status" = "True $VERSION" ] || return 1
  since_start "$(cluster -n kube-node-lease get lease "$NODE" -o 'jsonpath={.spec.renewTime}')" || return 1
  available=$(cluster -n kube-system get deployment coredns -o 'jsonpath={.status.availableReplicas}')
  [ "${available:-0}" -ge 1 ] || return 1
  since_start "$(cluster -n kube-system get pods -l k8s-app=kube-dns -o \
    'jsonpath={.items[*].status.containerStatuses[?(@.ready==true)].state.running.startedAt}')"
}

start=$(docker inspect --format '{{.State.StartedAt}}' k3s)
start=${start%%.*}
tries=0
until ready; do
  tries=$((tries + 1))
  [ $tries -lt 900 ] || exit 1
  sleep 0.2
done
