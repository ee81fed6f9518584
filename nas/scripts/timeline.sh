# shellcheck shell=sh
# What the NAS itself has noted about the way to a ready cluster: its clock, Docker, containerd and
# Kubernetes. Never fails: the cluster works without it.
#
# measure KEY  prints raw times; KEY names what there is to measure, and the same KEY again means
#              that nothing new happened. `since` is the time before which everything was measured
#              already.
#
# Variables: PLATFORM, CONTAINER, NODE, SMOKE_NAMESPACE.

# In a volume of the container, so that it goes with the cluster's data. One line: the last KEY, its
# `since`, and when it was measured.
RECORD=/etc/rancher/nas-k3s-timeline
CONTAINERD_LOG=/var/lib/rancher/k3s/agent/containerd/containerd.log

main() {
  case $1 in
    measure)
      if look_for_platform && find_docker; then measure "$2"; fi
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
  note_since "$1"
  container_times
  image_time
  containerd_pulls
  kubernetes_times
}

note_since() {
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
  if [ "$1" = "${2-}" ]; then since=${3:-0}; else since=${4:-0}; fi
  case $since in
    *[!0-9]*) since=0 ;;
  esac
  # A clock that was set back.
  [ "$since" -le "$measured" ] || since=0
  printf 'since=%s\n' "$since"
  [ "$1" = "${2-}" ] ||
    printf '%s %s %s\n' "$1" "$since" "$measured" |
    in_container --interactive "$CONTAINER" sh -c "cat >$RECORD" || :
}

container_times() {
  image=
  seen=$(bounded 15 "$docker" inspect --format '{{.Image}} {{json .Created}} {{json .State.StartedAt}}' "$CONTAINER" 2>/dev/null) || return 0
  image=${seen%% *}
  printf '%s\n' "$seen" | tr -d '"' | awk '{ print "created=" $2; print "started=" $3 }'
}

# When Docker had the whole image: the time of its config's file, or, where containerd keeps the
# images, the time that it was named.
image_time() {
  [ -n "$image" ] || return 0
  store=$(bounded 15 "$docker" info --format '{{.DockerRootDir}}/image/{{.Driver}}/imagedb/content/sha256' 2>/dev/null) || return 0
  stored=$(date -r "$store/${image#sha256:}" +%s 2>/dev/null) && printf 'image_stored=%s\n' "$stored"
  printf 'image_named=%s\n' "$(bounded 15 "$docker" image inspect --format '{{json .Metadata.LastTagTime}}' "$image" 2>/dev/null | tr -d '"')"
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

kubernetes_times() {
  kubectl get node "$NODE" -o \
    'jsonpath={range .status.conditions[?(@.type=="Ready")]}node={.status} {.lastTransitionTime}{"\n"}{end}' 2>/dev/null
  kubectl -n default get events --field-selector involvedObject.kind=Node,reason=Starting -o \
    'jsonpath={range .items[?(@.source.component=="kubelet")]}kubelet={.lastTimestamp}{"\n"}{end}' 2>/dev/null
  kubectl -n kube-system get events --field-selector reason=Pulled -o \
    'jsonpath={range .items[*]}event={.lastTimestamp} {.message}{"\n"}{end}' 2>/dev/null
  kubectl -n "$SMOKE_NAMESPACE" get jobs -o \
    'jsonpath={range .items[*]}smoke={.status.startTime} {.status.completionTime}{"\n"}{end}' 2>/dev/null
  return 0
}
