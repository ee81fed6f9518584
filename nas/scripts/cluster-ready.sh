# shellcheck shell=sh
# The proof, seen from inside the NAS, that the cluster works; each check waits until its own
# deadline and says what it last saw.
#
# check   node Ready at the version asked for, default service account, packaged components, logs
#         and exec through the API server
# forget  removes the smoke test, after putting docker back on the path of SSH commands; never
#         fails, the cluster may be dead
#
# Variables: PLATFORM, CONTAINER, NODE, KUBELET_VERSION, WORKLOADS (KIND/NAME in kube-system),
# ENDPOINT (URL of the API as users have it), PROXY (host:port of the proxy of all of k3s, or empty),
# SMOKE_NAMESPACE, SMOKE_LABEL (names the container a Job proved), READY_TIMEOUT (seconds),
# PULL_HINT (what to change when images cannot be pulled).

# Seconds for which an error that waiting does not mend has to come again.
DOOM=30

main() {
  case $1 in
    check)
      need_root
      make_tmp
      find_platform
      need_docker
      check
      # The change of the image, if there was one, has proven itself.
      if find_data; then note before= before_image= snapshot=; fi
      ;;
    forget)
      # The first thing that destroy does, and destroy does not run the program: a NAS that was
      # rebooted has lost the wrapper that the next steps need.
      why=$(put_wrapper 2>&1 >/dev/null) || printf '%s\n' "$why" >&2 || :
      if look_for_platform && find_docker; then forget; fi
      return 0
      ;;
  esac
}

check() {
  container_start=$(bounded 15 "$docker" inspect --format '{{.State.StartedAt}}' "$CONTAINER" 2>/dev/null)
  # To the second, as Kubernetes writes times: what it says of the time before is another run's.
  container_start=${container_start%%.*}
  container_start=${container_start%Z}Z
  wait_for "node $NODE" node_ready
  printf 'kubelet_version=%s\nnode_ip=%s\n' "$version" "${addresses%% *}"
  # Beside the other checks: the proof comes after them.
  prepare_smoke >"$tmp/smoke" 2>&1 &
  smoke_job=$!
  wait_for "service account default" account_there
  for workload in $WORKLOADS; do
    name=${workload#*/}
    # What Kubernetes adds to the name of the workload for its pods.
    case $workload in
      job/*) pods="^$name-[a-z0-9]*\$" ;;
      *) pods="^$name-[a-z0-9]*-[a-z0-9]*\$" ;;
    esac
    wait_for "$name" "${workload%%/*}_works" why_not
  done
  wait_for "logs" logs_come node_addresses
  case " $WORKLOADS " in
    *" deployment/coredns "*) wait_for "exec" exec_works ;;
  esac
  wait "$smoke_job" || fail "there is no place for the proof: $(last_line <"$tmp/smoke")" \
    "kubectl describe namespace $SMOKE_NAMESPACE says what keeps it, then run again"
}

# wait_for WHAT TEST [WHY]: TEST sets seen, and says 0 (ready), 1 (not yet) or 2 (never); WHY adds
# to seen what takes longer to find out, and sets doomed once that can only stay so.
wait_for() {
  started=$(now)
  reported=$started
  doomed=no
  doomed_at=
  while :; do
    seen=
    "$2"
    case $? in
      0)
        say "$1: $seen ($(($(now) - started)) s)"
        printf '%s=%s\n' "$(printf '%s' "$1" | tr ' ' '_')" "$seen"
        return 0
        ;;
      2)
        [ $# -lt 3 ] || "$3"
        say_way_back
        fail "$1 will not be ready: $seen" "$(advice)"
        ;;
    esac
    waited=$(($(now) - started))
    [ "$waited" -lt "$READY_TIMEOUT" ] || break
    # The API may have answered before the kubelet ended.
    if keeps_ending "$started"; then fail_ended; fi
    if [ $(($(now) - reported)) -ge 15 ]; then
      [ $# -lt 3 ] || "$3"
      say "waiting for $1, $waited s of $READY_TIMEOUT s: $seen"
      reported=$(now)
      if [ "$doomed" = yes ]; then
        say_way_back
        fail "$1 will not be ready: $seen" "$(advice)"
      fi
    fi
    nap
  done
  [ $# -lt 3 ] || "$3"
  say_way_back
  fail "$1 is not ready after $READY_TIMEOUT s: $seen" "$(advice)"
}

advice() {
  case $seen in
    *"asks the proxy"*)
      printf '%s' "add the address of the node to nas-k3s:noProxy, which goes into NO_PROXY of k3s"
      ;;
    *"signed by unknown authority"*)
      printf '%s' "put the CA of the proxy, which signs TLS anew, into a PEM file and name it in nas-k3s:caCertificatesFile; the CA of a registry of your own belongs into nas-k3s:registries (configs, tls, ca_file)"
      ;;
    *"Proxy Authentication Required"*)
      printf '%s' "set nas-k3s:proxyUser and, as a secret, nas-k3s:proxyPassword"
      ;;
    *"pull"* | *"sandbox image"* | *"ImagePull"*) printf '%s' "$PULL_HINT" ;;
    *"free ports"*)
      printf '%s' "another pod has the ports that traefik wants; remove it, or write servicelb into nas-k3s:disable"
      ;;
    *) printf '%s' "docker logs $CONTAINER on the NAS says more; nas-k3s:readyTimeout gives it more time" ;;
  esac
}

last_line() {
  masked | grep -v '^$' | tail -n 1 | cut -c 1-600
}

node_ready() {
  answer=$(kubectl get node "$NODE" -o \
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status}|{.reason}: {.message}{end}|{.status.nodeInfo.kubeletVersion}|{range .status.addresses[?(@.type=="InternalIP")]}{.address} {end}' 2>&1) || {
    seen="not registered: $(printf '%s\n' "$answer" | last_line)"
    return 1
  }
  addresses=${answer##*|}
  answer=${answer%|*}
  version=${answer##*|}
  condition=${answer%|*}
  case $condition in
    True\|*) ;;
    *)
      seen="not Ready: ${condition#*|}"
      return 1
      ;;
  esac
  if [ -n "$KUBELET_VERSION" ] && [ "$version" != "$KUBELET_VERSION" ]; then
    seen="Ready, but its kubelet is $version and not $KUBELET_VERSION"
    return 1
  fi
  renewed=$(kubectl -n kube-node-lease get lease "$NODE" -o 'jsonpath={.spec.renewTime}' 2>/dev/null)
  if ! is_since_start "$renewed"; then
    seen="its kubelet has not reported since the container started"
    return 1
  fi
  seen="Ready, $version"
}

# is_since_start TIME: whether it is not before the start of the container; both are UTC. Docker
# prints errors of its own where the time is expected.
is_since_start() {
  TIME=$1 START=$container_start awk 'BEGIN {
    time = ENVIRON["TIME"]
    exit !(time ~ /^[0-9]+-[0-9]+-[0-9]+T/ && time >= ENVIRON["START"])
  }'
}

account_there() {
  answer=$(kubectl -n default get serviceaccount default -o name 2>&1) || {
    seen=$(printf '%s\n' "$answer" | last_line)
    return 1
  }
  seen=$answer
}

deployment_works() {
  available=$(kubectl -n kube-system get deployment "$name" -o \
    'jsonpath={.status.availableReplicas}' 2>&1) || {
    seen=$(printf '%s\n' "$available" | last_line)
    return 1
  }
  case $available in
    '' | 0 | *[!0-9]*)
      seen="not available"
      return 1
      ;;
  esac
  runs_since_start
}

daemonset_works() {
  found=$(kubectl -n kube-system get daemonsets -o \
    'jsonpath={range .items[*]}{.metadata.name} {.status.desiredNumberScheduled} {.status.numberAvailable}{"\n"}{end}' 2>&1) || {
    seen=$(printf '%s\n' "$found" | last_line)
    return 1
  }
  seen=$(printf '%s\n' "$found" | NAME=$name awk 'index($1, ENVIRON["NAME"] "-") == 1 {
    found = 1
    if (!($2 > 0 && $3 >= $2)) missing = 1
  }
  END { if (!found) print "there is none yet"; else if (missing) print "not available" }')
  [ -z "$seen" ] || return 1
  runs_since_start
}

# Whether a ready pod of the workload started after the container did: what the cluster's data says
# of the time before is no proof.
runs_since_start() {
  since=$(kubectl -n kube-system get pods -o \
    'jsonpath={range .items[*]}{.metadata.name} {range .status.containerStatuses[*]}{.ready} {.state.running.startedAt}{end}{"\n"}{end}' \
    2>/dev/null | PODS=$pods awk '$1 ~ ENVIRON["PODS"] && $2 == "true" { print substr($3, 1, 20) }' |
    sort | tail -n 1)
  if is_since_start "$since"; then
    seen="available"
    return 0
  fi
  seen="no pod has become ready since the container started"
  return 1
}

# A Job that installs a chart is tried again and again; one that is given up says so.
job_works() {
  found=$(kubectl -n kube-system get job "$name" -o \
    'jsonpath={.status.succeeded}|{range .status.conditions[?(@.type=="Failed")]}{.reason}: {.message}{end}' 2>&1) || {
    seen=$(printf '%s\n' "$found" | last_line)
    return 1
  }
  case $found in
    [1-9]*\|*)
      seen="succeeded"
      return 0
      ;;
    *\|?*)
      seen="the Job failed: ${found#*|}"
      return 2
      ;;
  esac
  seen="the Job has not succeeded"
  return 1
}

# The pods of the workload that wait, each with its image and reason, the last warning about it and
# the last lines that it wrote; a pod without an image for its sandbox has no reason of its own,
# only an event.
why_not() {
  kubectl -n kube-system get pods -o \
    'jsonpath={range .items[*]}{.metadata.name}|{range .status.containerStatuses[*]}{.image}|{.state.waiting.reason}|{.state.waiting.message}{end}{"\n"}{end}' \
    2>/dev/null | masked >"$tmp/pods"
  pod=$(PODS=$pods awk -F '|' '$1 ~ ENVIRON["PODS"] { print; exit }' "$tmp/pods")
  if [ -z "$pod" ]; then
    seen="$seen; it has no pod yet"
    return
  fi
  pod_name=${pod%%|*}
  detail=${pod#*|}
  event=$(kubectl -n kube-system get events --field-selector "involvedObject.name=$pod_name,type=Warning" -o \
    'jsonpath={range .items[*]}{.lastTimestamp}{" "}{.reason}{": "}{.message}{"\n"}{end}' 2>/dev/null |
    # An event that happened once has no last time, and comes first.
    sed 's/^null /0 /' | sort | grep -v 'BackOff: Back-off\|Error: ' | grep -v '^$' | tail -n 1)
  # The cause comes last in the words of Kubernetes, which are long.
  cause=$(printf '%s\n' "$detail $event" | grep -o -E "$CAUSES" | tail -n 1 | cut -c 1-300 | masked)
  seen="${cause:+$cause; }$seen; pod $pod_name: $(printf '%s' "$detail" | sed 's/|/ /g') $(printf '%s' "${event#* }" | last_line)"
  look_for_doom "${event%% *}"
  case $detail in
    *CrashLoopBackOff* | *"|Error|"* | *"||"*)
      written=$(kubectl -n kube-system logs "$pod_name" --all-containers --tail=3 2>/dev/null |
        masked | tr '\n' ' ' | cut -c 1-400)
      [ -z "$written" ] || seen="$seen; its log ends: $written"
      ;;
  esac
}

# What in an error of a pull names its cause.
CAUSES='x509: [^"\\]*|proxyconnect [^"\\]*|Proxy Authentication Required|dial tcp[^"\\]*|403 Forbidden|[^ "\\]*: not found'

# look_for_doom TIME: sets doomed when the cause is one that waiting does not mend and the pull has
# been tried in vain again, half a minute after it was seen first. TIME is that of the last event.
look_for_doom() {
  case $cause in
    *"signed by unknown authority"* | "Proxy Authentication Required" | "403 Forbidden") ;;
    *) doomed_at= ;;
  esac
  if [ -z "$doomed_at" ]; then
    doomed_at=$1
    doomed_since=$(now)
  elif is_since_start "$1" && [ "$1" != "$doomed_at" ] && [ $(($(now) - doomed_since)) -ge "$DOOM" ]; then
    doomed=yes
  fi
}

# at_endpoint ARGUMENTS: sets answer to what kubectl gets the way that users go, by the API's public
# address; where the NAS cannot go that way itself, by k3s's own.
at_endpoint() {
  answer=$(kubectl --server "$ENDPOINT" "$@" 2>&1) && return 0
  case $answer in
    *"Unable to connect"* | *"connection to the server"* | *"x509"* | *"no such host"* | *"i/o timeout"*)
      answer=$(kubectl "$@" 2>&1)
      ;;
    *) return 1 ;;
  esac
}

# The API server goes to the kubelet at the node's address: for logs by its HTTP client, which asks
# the proxy for an address that NO_PROXY lacks although the node is Ready (k3s-io/k3s#5712).
logs_come() {
  if at_endpoint get --raw "/api/v1/nodes/$NODE/proxy/healthz"; then
    seen="the API server reaches the kubelet"
    return 0
  fi
  answer=$(printf '%s\n' "$answer" | last_line)
  if [ -n "$PROXY" ] && from_proxy; then
    seen="the API server asks the proxy $PROXY for the node $NODE: $answer"
    return 2
  fi
  seen="the API server does not reach the kubelet of the node $NODE: $answer"
  return 1
}

# Whether answer is what the proxy says, and not k3s's own tunnel to the kubelet, which calls itself
# a proxy too. Go gives the words behind the status of a CONNECT, and nothing else.
from_proxy() {
  case $answer in
    *"$PROXY"* | *"proxyconnect"*) return 0 ;;
    *"proxy error from"*) return 1 ;;
  esac
  printf '%s\n' "$answer" | grep -q \
    -e ': \(Forbidden\|Bad Gateway\|Service Unavailable\|Gateway Time-*[Oo]ut\|Not Found\|Bad Request\|Method Not Allowed\|Proxy Authentication Required\)$'
}

node_addresses() {
  addresses=$(kubectl get node "$NODE" -o \
    'jsonpath={range .status.addresses[*]}{.type} {.address}, {end}' 2>/dev/null)
  [ -z "$addresses" ] || seen="$seen; addresses of the node: ${addresses%, }"
}

exec_works() {
  if at_endpoint -n kube-system exec deployment/coredns -- /coredns -version; then
    seen=$(printf '%s\n' "$answer" | head -n 1)
    return 0
  fi
  answer=$(printf '%s\n' "$answer" | last_line)
  case $answer in
    # An image of CoreDNS that is laid out differently: the way there works.
    *"exec failed"* | *"terminated with exit code"*)
      seen="reaches the pod"
      return 0
      ;;
  esac
  seen="no command runs in a pod of coredns: $answer"
  return 1
}

# Makes the namespace of the proof, also where somebody removed it, and takes away the proof of an
# earlier container, whose Job stayed in the cluster's data. Status 1, with what was last said, when
# there is no namespace in time; it ends with the script.
prepare_smoke() {
  smoke_began=$(now)
  until kubectl create namespace "$SMOKE_NAMESPACE" || smoke_is_there; do
    # One that somebody removed may still be going.
    [ $(($(now) - smoke_began)) -lt "$READY_TIMEOUT" ] && [ -d "$tmp" ] || return 1
    nap
  done
  own=$(bounded 15 "$docker" inspect --format '{{.Id}}' "$CONTAINER" 2>/dev/null | cut -c 1-12)
  kubectl -n "$SMOKE_NAMESPACE" delete jobs -l "$SMOKE_LABEL!=$own" --ignore-not-found --wait=false
  return 0
}

smoke_is_there() {
  [ "$(kubectl get namespace "$SMOKE_NAMESPACE" -o 'jsonpath={.status.phase}')" = Active ]
}

# The namespace itself goes with the data or stays with it, empty: Kubernetes takes ten seconds and more
# to remove one, and one that is still going would keep the next proof waiting, for as long as any
# aggregated API such as metrics does not answer.
forget() {
  kubectl -n "$SMOKE_NAMESPACE" delete jobs,pods --all --force --grace-period=0 --wait=false >/dev/null 2>&1 ||
    say "the proof in the namespace $SMOKE_NAMESPACE could not be removed: the cluster does not answer"
  return 0
}
