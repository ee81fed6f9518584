# shellcheck shell=sh
# What the NAS itself has noted about the way to a ready cluster: its clock, Docker, containerd and
# Kubernetes. Never fails: the cluster works without it.
#
# measure KEY SINCE  prints raw times; KEY names what there is to measure, and the same KEY again means
#                    that nothing new happened. `since` is the time before which everything was
#                    measured already, or SINCE, where that is later: when the run began that follows
#                    one without an end. `known=yes`: a KEY with a q behind its first part tells of
#                    nothing that was not measured already.
#
# Variables: PLATFORM, CONTAINER, NODE, SMOKE_NAMESPACE.

# In a volume of the container, so that it goes with the cluster's data.
RECORD=/etc/rancher/$TIMELINE_FILE
CONTAINERD_LOG=/var/lib/rancher/k3s/agent/containerd/containerd.log

main() {
  case $1 in
    measure)
      if look_for_platform && find_docker; then measure "$2" "$3"; fi
      ;;
  esac
  return 0
}

in_container() {
  bounded 15 "$docker" exec "$@" 2>/dev/null
}

measure() {
  measured=$(now)
  printf 'measured=%s\n' "$measured"
  note_since "$1" "$2"
  container_times
  try_tmp || return 0
  # Each is a process of its own in the container, and none needs another.
  for part in containerd_pulls node_times kubelet_starts image_events smoke_times; do
    "$part" >"$tmp/$part" 2>/dev/null &
  done
  wait
  cat "$tmp"/*
}

note_since() {
  not_before=$2
  record=$(in_container "$CONTAINER" sh -c "cat $RECORD 2>/dev/null; echo end")
  case $record in
    *end) record=${record%end} ;;
    *)
      # A container that lets nobody in tells nothing: then nothing is new.
      printf 'since=%s\n' "$measured"
      return 0
      ;;
  esac
  # shellcheck disable=SC2086
  set -- "$1" $record
  known=no
  case ${1%%-*} in
    *q)
      # A run that left the daemon as it was, and nothing else is new.
      if [ "${1#*-}" = "$(printf '%s' "${2-}" | cut -d - -f 2-)" ] &&
        [ "$not_before" -le "${4:-0}" ] 2>/dev/null; then
        known=yes
        echo known=yes
      fi
      ;;
  esac
  if [ "$1" = "${2-}" ] || [ "$known" = yes ]; then since=${3:-0}; else since=${4:-0}; fi
  case $since in
    *[!0-9]*) since=0 ;;
  esac
  # A clock that was set back.
  [ "$since" -le "$measured" ] || since=0
  [ "$not_before" -le "$since" ] || since=$not_before
  printf 'since=%s\n' "$since"
  [ "$1" = "${2-}" ] ||
    printf '%s %s %s\n' "$1" "$since" "$measured" |
    in_container --interactive "$CONTAINER" sh -c "cat >$RECORD" || :
}

container_times() {
  seen=$(bounded 15 "$docker" inspect --format '{{json .Created}} {{json .State.StartedAt}}' "$CONTAINER" 2>/dev/null) || return 0
  printf '%s\n' "$seen" | tr -d '"' | awk '{ print "created=" $1; print "started=" $2 }'
}

# time, name and duration of each image that containerd pulled; the log lives as long as the data.
containerd_pulls() {
  in_container "$CONTAINER" grep -F 'msg="Pulled image ' "$CONTAINERD_LOG" | tail -n 40 | awk '{
    time = name = took = $0
    sub(/^time="/, "", time); sub(/".*/, "", time)
    sub(/^.*msg="Pulled image [\\]"/, "", name); sub(/[\\]".*/, "", name)
    sub(/"[^"]*$/, "", took); sub(/^.* in /, "", took)
    print "pulled=" time " " name " " took
  }'
}

node_times() {
  kubectl get node "$NODE" -o \
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}node={.status} {.lastTransitionTime}{"\n"}{end}'
}

kubelet_starts() {
  kubectl -n default get events --field-selector involvedObject.kind=Node,reason=Starting -o \
    'jsonpath={range .items[?(@.source.component=="kubelet")]}kubelet={.lastTimestamp}{"\n"}{end}'
}

image_events() {
  kubectl -n kube-system get events --field-selector reason=Pulled -o \
    'jsonpath={range .items[*]}event={.lastTimestamp} {.message}{"\n"}{end}'
}

smoke_times() {
  kubectl -n "$SMOKE_NAMESPACE" get jobs -o \
    'jsonpath={range .items[*]}smoke={.status.startTime} {.status.completionTime}{"\n"}{end}'
}
