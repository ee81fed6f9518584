# shellcheck shell=sh
# The proof, seen from inside the NAS, that the cluster works; each check waits until its deadline
# and says what it last saw.
#
# check   node Ready at the version asked for, default service account, packaged components
# forget  removes the namespace of the smoke test, after putting docker back on the path of SSH
#         commands; never fails, the cluster may be dead
#
# Variables: PLATFORM, CONTAINER, NODE, KUBELET_VERSION, COMPONENTS (deployments in kube-system),
# SMOKE_NAMESPACE, SMOKE_LABEL (names the container a Job proved), READY_TIMEOUT (seconds), PULL_HINT (what to change when images cannot be pulled).

main() {
  case $1 in
    check)
      need_root
      make_tmp
      find_platform
      need_docker
      check
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
  forget_old_smoke
  wait_for "service account default" account_there
  for component in $COMPONENTS; do
    wait_for "$component" component_available
  done
}

# wait_for WHAT TEST: TEST sets seen and status (ready, waiting, hopeless).
wait_for() {
  started=$(now)
  reported=$started
  while :; do
    seen=
    if "$2"; then
      say "$1: $seen ($(($(now) - started)) s)"
      printf '%s=%s\n' "$(printf '%s' "$1" | tr ' ' '_')" "$seen"
      return 0
    fi
    waited=$(($(now) - started))
    [ "$waited" -lt "$READY_TIMEOUT" ] || break
    if [ $(($(now) - reported)) -ge 15 ]; then
      say "waiting for $1, $waited s of $READY_TIMEOUT s: $seen"
      reported=$(now)
    fi
    nap
  done
  fail "$1 is not ready after $READY_TIMEOUT s: $seen" "$(advice)"
}

advice() {
  case $seen in
    *"pull"* | *"sandbox image"* | *"ImagePull"*) printf '%s' "$PULL_HINT" ;;
    *) printf '%s' "docker logs $CONTAINER on the NAS says more; nas-k3s:readyTimeout gives it more time" ;;
  esac
}

last_line() {
  masked | grep -v '^$' | tail -n 1 | cut -c 1-600
}

node_ready() {
  answer=$(kubectl get node "$NODE" -o \
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status}|{.reason}: {.message}{end}|{.status.nodeInfo.kubeletVersion}' 2>&1) || {
    seen="not registered: $(printf '%s\n' "$answer" | last_line)"
    return 1
  }
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

component_available() {
  available=$(kubectl -n kube-system get deployment "$component" -o \
    'jsonpath={.status.availableReplicas}' 2>&1) || {
    seen=$(printf '%s\n' "$available" | last_line)
    return 1
  }
  case $available in
    '' | 0 | *[!0-9]*) ;;
    *)
      runs_since=$(kubectl -n kube-system get pods -o \
        'jsonpath={range .items[*]}{.metadata.name} {range .status.containerStatuses[*]}{.ready} {.state.running.startedAt}{end}{"\n"}{end}' \
        2>/dev/null | NAME=$component awk 'index($1, ENVIRON["NAME"] "-") == 1 && $2 == "true" { print $3 }' |
        sort | tail -n 1)
      if is_since_start "$runs_since"; then
        seen="available"
        return 0
      fi
      ;;
  esac
  why_not
  return 1
}

# The pods of the component that wait, each with its image and reason; a pod without an image for
# its sandbox has no reason of its own, only an event.
why_not() {
  kubectl -n kube-system get pods -o \
    'jsonpath={range .items[*]}{.metadata.name}|{range .status.containerStatuses[*]}{.image}|{.state.waiting.reason}|{.state.waiting.message}{end}{"\n"}{end}' \
    2>/dev/null >"$tmp/pods"
  pod=$(grep "^$component-" "$tmp/pods" | head -n 1)
  if [ -z "$pod" ]; then
    seen="it has no pod yet"
    return
  fi
  name=${pod%%|*}
  detail=${pod#*|}
  event=$(kubectl -n kube-system get events --field-selector "involvedObject.name=$name,type=Warning" -o \
    'jsonpath={range .items[*]}{.lastTimestamp}{" "}{.reason}{": "}{.message}{"\n"}{end}' 2>/dev/null |
    # An event that happened once has no last time, and comes first.
    sed 's/^null /0 /' | sort | grep -v 'BackOff: Back-off\|Error: ' | last_line)
  seen="pod $name: $(printf '%s' "$detail" | sed 's/|/ /g') ${event#* }"
}

# The proof of an earlier container, whose Job stayed in the cluster's data.
forget_old_smoke() {
  own=$(bounded 15 "$docker" inspect --format '{{.Id}}' "$CONTAINER" 2>/dev/null | cut -c 1-12)
  kubectl -n "$SMOKE_NAMESPACE" delete jobs -l "$SMOKE_LABEL!=$own" --ignore-not-found \
    --wait=false >/dev/null 2>&1
}

forget() {
  kubectl delete namespace "$SMOKE_NAMESPACE" --ignore-not-found --timeout=15s >/dev/null 2>&1 ||
    say "the namespace $SMOKE_NAMESPACE could not be removed: the cluster does not answer"
  return 0
}
