# shellcheck shell=sh
# Reads what `python -m nas doctor` asks of a NAS beside the facts, changes nothing. Prints
# `name=value` lines, most needed first; what cannot be read is left out. Every question has a
# limit of its own and ends with BUDGET; `done=yes` comes last. Fields of a value are parted by `|`.
#
# Variables: PLATFORM, CONTAINER, IMAGE, REGISTRY (of the image), REGISTRY_SPARED (yes: Docker goes there
# without the proxy), NODE, PROXY_SCHEME, PROXY_HOST (empty: no proxy), PROXY_PORT, PROXY_AUTH,
# REGISTRIES (asked through the proxy), DIRECT (host:port reached without it), PORTS, DNS_SERVER,
# DNS_NAME, SMOKE_NAMESPACE, BUDGET and PULL_PROBE_TIMEOUT (seconds).

main() {
  doctor_until=$(($(now) + BUDGET))
  # Leftovers of killed runs are for the scripts that may change something.
  tmp=${TMPDIR:-/tmp}/nas-k3s.$$
  mkdir "$tmp" 2>/dev/null || {
    echo scratch=none
    return 0
  }
  trap 'rm -rf "$tmp"' EXIT
  # The variable of the shell that SSH logs in to, which no daemon inherits.
  fact shell_proxy "$(without_login "${HTTP_PROXY:-${http_proxy:-}}")"
  running=no
  network=host
  answers=no
  if look_for_platform && find_docker && docker_answers; then
    answers=yes
    look_at_image
    look_at_container
  fi
  look_at_ports
  look_at_proxy
  if [ "$answers" = yes ]; then look_at_pull; fi
  if [ "$running" = yes ]; then look_at_cluster; fi
  echo done=yes
}

# fact NAME VALUE...: one line, without credentials.
fact() {
  fact_name=$1
  shift
  printf '%s=%s\n' "$fact_name" "$(printf '%s' "$*" | tr '\n\r' '  ' | masked)"
}

# limited SECONDS COMMAND...: as bounded, and not beyond the budget; status 125 without a try.
limited() {
  limited_left=$((doctor_until - $(now)))
  [ "$limited_left" -gt 0 ] || return 125
  [ "$limited_left" -lt "$1" ] || limited_left=$1
  shift
  bounded "$limited_left" "$@"
}

without_login() {
  printf '%s' "$1" | sed 's#://.*@#://xxxxx:xxxxx@#'
}

look_at_image() {
  if limited 10 "$docker" image inspect --format '{{.Id}}' "$IMAGE" >/dev/null 2>&1; then
    echo image=present
  else
    echo image=missing
  fi
}

look_at_container() {
  state=$(limited 10 "$docker" inspect --format \
    '{{.State.Status}}|{{.State.ExitCode}}|{{.State.OOMKilled}}|{{.RestartCount}}|{{.State.StartedAt}}|{{.HostConfig.RestartPolicy.Name}}|{{.HostConfig.NetworkMode}}|{{.State.Pid}}|{{.State.Error}}' \
    "$CONTAINER" 2>/dev/null) || {
    echo state=absent
    return 0
  }
  fact state "$state"
  case $state in running\|*) running=yes ;; esac
  network=$(printf '%s' "$state" | cut -d '|' -f 7)
  limited 10 "$docker" inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$CONTAINER" 2>/dev/null |
    grep -E '^(CONTAINERD_)?(HTTP|HTTPS|NO)_PROXY=' >"$tmp/env"
  while IFS= read -r line; do
    value=${line#*=}
    fact env "${line%%=*}=$(without_login "$value")"
    fact env_sum "${line%%=*}=$(printf '%s' "$value" | md5sum | cut -c 1-32)"
  done <"$tmp/env"
  rm -f "$tmp/env"
  # Else what docker says of a container that has gone meanwhile would be a word of k3s.
  limited 10 "$docker" logs --tail "$LOG_LINES" "$CONTAINER" >"$tmp/log" 2>&1 || : >"$tmp/log"
  { telling_lines "$tmp/log"
    tail -n 4 "$tmp/log" | masked | cut -c 1-500; } | sed 's/^/log=/'
}

# Who listens on each port that k3s needs; a process of the k3s container has its process namespace.
look_at_ports() {
  pid=$(printf '%s' "${state:-}" | cut -d '|' -f 8)
  own=$(readlink "/proc/${pid:-none}/ns/pid" 2>/dev/null)
  # Before their processes: what k3s opens meanwhile would be nobody's.
  listeners | awk 'index($1, "/tcp") && !seen[$1]++' >"$tmp/listening"
  socket_owners <"$tmp/listening" >"$tmp/owners"
  while read -r port _ inode; do
    port=${port%/tcp}
    pid=$(awk -v inode="$inode" '$1 == inode { print $2; exit }' "$tmp/owners")
    # Its process has ended meanwhile.
    [ -n "$pid" ] || listeners | grep -q " $inode\$" || continue
    whose=other
    program=$(cat "/proc/${pid:-none}/comm" 2>/dev/null)
    if [ -n "$own" ] && [ "$(readlink "/proc/${pid:-none}/ns/pid" 2>/dev/null)" = "$own" ]; then whose=k3s; fi
    # On a network of its own, k3s has its ports by Docker; somebody else's would keep it from running.
    if [ "$running" = yes ] && [ "$network" != host ] && [ "$program" = docker-proxy ]; then whose=k3s; fi
    fact port "$port|$whose|$program|$pid"
  done <"$tmp/listening"
  echo ports_read=yes
}

look_at_proxy() {
  for target in $DIRECT; do
    fact direct "$target|$(knock "${target%:*}" "${target##*:}")"
  done
  [ -n "$PROXY_HOST" ] || return 0
  host=${PROXY_HOST#\[}
  host=${host%\]}
  knocked=$(knock "$host" "$PROXY_PORT")
  if [ "$knocked" = absent ]; then
    echo nc=absent
    return 0
  fi
  if [ "$knocked" = open ] && plain_after_all; then knocked=plain; fi
  fact proxy "$knocked"
  # What the NAS's own rules do to the proxy; asking for a table that is not there would load it.
  if grep -q filter /proc/net/ip_tables_names 2>/dev/null || iptables -V 2>/dev/null | grep -q nf_tables; then
    limited 5 iptables -S 2>/dev/null
  fi | grep -E -- '-j (DROP|REJECT)' | grep -E -e "--dport $PROXY_PORT( |\$)" -e "-[sd] $host(/32)? " |
    sed 's/^/rule=/' | head -n 3
  [ "$knocked" = open ] || return 0
  # ask_proxy names the registry of its question so.
  image_registry=$REGISTRY
  for REGISTRY in $REGISTRIES; do
    [ "$(now)" -lt "$doctor_until" ] || break
    ask_proxy
    answer=$(head -n 1 "$tmp/answer" 2>/dev/null | tr -d '\r')
    fact connect "$REGISTRY|$answer"
    # The next one would wait as long.
    [ -n "$answer" ] || break
  done
  REGISTRY=$image_registry
}

# knock HOST PORT: as nc_came_to.
knock() {
  : >"$tmp/nc.err"
  # Nothing is sent: that it connects is enough.
  limited 5 nc -w 4 "$1" "$2" </dev/null >/dev/null 2>"$tmp/nc.err"
  nc_came_to $?
}

look_at_pull() {
  left=$((doctor_until - $(now)))
  [ "$left" -gt 2 ] || return 0
  [ "$left" -ge "$PULL_PROBE_TIMEOUT" ] || PULL_PROBE_TIMEOUT=$left
  message=
  pull_path_works 2>/dev/null
  fact pull "$hop|$message"
}

in_cluster() {
  limited 8 "$docker" exec "$CONTAINER" kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml "$@"
}

look_at_cluster() {
  look_at_certificates
  answer=$(in_cluster get --raw /readyz 2>&1) || {
    fact api "$(printf '%s\n' "$answer" | grep -v '^$' | tail -n 1 | cut -c 1-300)"
    return 0
  }
  fact api ok
  fact node "$(in_cluster get node "$NODE" -o \
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status}|{.reason}|{.message}{end}|{.status.nodeInfo.kubeletVersion}' 2>&1 | tail -n 1)"
  in_cluster get pods -A -o \
    'jsonpath={range .items[*]}{.metadata.namespace}|{.metadata.name}|{.status.phase}{range .status.containerStatuses[*]}|{.image}|{.state.waiting.reason}|{.state.waiting.message}{end}{"\n"}{end}' \
    2>/dev/null >"$tmp/pods"
  awk -F '|' 'NF > 2 && $3 != "Succeeded" && ($3 != "Running" || $5 != "")' \
    "$tmp/pods" | masked | cut -c 1-700 | head -n 20 | sed 's/^/pod=/'
  if grep -q '|Pending' "$tmp/pods"; then
    # The scheduler's events have a time of another name, and null for the usual one. What was before
    # the container's start is no cause any more.
    in_cluster get events -A --field-selector type=Warning -o \
      'jsonpath={range .items[*]}{.lastTimestamp}{.eventTime}|{.involvedObject.namespace}|{.involvedObject.name}|{.reason}|{.message}{"\n"}{end}' \
      2>/dev/null | START=$(printf '%s' "$state" | cut -d '|' -f 5 | cut -c 1-19) awk -F '|' '
        { sub(/^null/, ""); sub(/null\|/, "|") }
        substr($0, 1, 19) >= ENVIRON["START"]' |
      sort | grep -v '|BackOff|' | tail -n 12 | masked | cut -c 1-700 | sed 's/^/event=/'
  fi
  fact coredns "$(in_cluster -n kube-system get deployment coredns -o \
    'jsonpath={.status.availableReplicas}' 2>/dev/null)"
  fact smoke "$(in_cluster -n "$SMOKE_NAMESPACE" get jobs -o \
    'jsonpath={range .items[*]}{.status.succeeded}|{.status.failed};{end}' 2>/dev/null)"
  look_up
}

look_up() {
  # From a network of its own, the cluster's addresses are no way for the NAS.
  if [ "$network" = host ] && command -v nslookup >/dev/null 2>&1; then
    found=$(limited 6 nslookup "$DNS_NAME" "$DNS_SERVER" 2>&1)
  else
    found=$(limited 6 "$docker" exec "$CONTAINER" nslookup "$DNS_NAME" "$DNS_SERVER" 2>&1)
  fi && {
    fact lookup ok
    return 0
  }
  fact lookup "$(printf '%s\n' "$found" | grep -v '^$' | tail -n 1 | cut -c 1-300)"
}

# The certificates that end first, each as one line of base64; they hold no secret.
look_at_certificates() {
  # shellcheck disable=SC2016 # is expanded in the container
  limited 8 "$docker" exec "$CONTAINER" sh -c 'cd /var/lib/rancher/k3s || exit
    for file in server/tls/client-admin.crt server/tls/serving-kube-apiserver.crt agent/client-kubelet.crt agent/serving-kubelet.crt; do
      [ ! -f "$file" ] || { echo "file $file" && cat "$file"; }
    done' 2>/dev/null | awk '
    $1 == "file" { name = $2; first = 1; next }
    /^-----BEGIN CERTIFICATE/ { inside = first; text = ""; next }
    /^-----END/ { if (inside) print "certificate=" name "|" text; inside = 0; first = 0; next }
    inside { sub(/\r$/, ""); text = text $0 }'
}
