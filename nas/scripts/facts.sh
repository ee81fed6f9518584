# shellcheck shell=sh
# Reads what the NAS is, changes nothing. Prints `name=value` lines; a fact that cannot be read is
# left out. Variables: PLATFORM, CONTAINER, STACK_LABEL, ENV_LABEL, and those of the parts.

main() {
  begin_way
  printf 'uid=%s\n' "${SSH_UID:-$(id -u)}"
  printf 'user=%s\n' "${SSH_USER:-$(id -un)}"
  printf 'sudo=%s\n' "${SUDO_STATE:-}"
  printf 'hostname=%s\n' "$(hostname)"
  printf 'kernel=%s\n' "$(uname -r)"
  printf 'machine=%s\n' "$(uname -m)"
  printf 'time=%s\n' "$(now)"
  # client address, client port, server address, server port: the third is what we reached
  [ -z "${SSH_CONNECTION:-}" ] || printf 'address=%s\n' "$(set_words 3 "$SSH_CONNECTION")"
  awk '/^(MemTotal|MemAvailable):/ { print tolower(substr($1, 1, length($1) - 1)) "=" $2 }' \
    /proc/meminfo 2>/dev/null
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then echo cgroup=2; else echo cgroup=1; fi
  if look_for_platform; then
    printf 'platform=%s\n' "$platform"
    docker_facts
  fi
  kernel_facts
  route_facts
  port_facts
  volume_facts
  end_way
  printf 'cpus=%s\n' "$(grep -c '^processor' /proc/cpuinfo 2>/dev/null)"
  return 0
}

set_words() {
  set_word=$1
  # shellcheck disable=SC2086
  set -- $2
  shift $((set_word - 1))
  printf '%s' "$1"
}

docker_facts() {
  find_docker || return 0
  printf 'docker=%s\n' "$docker"
  find_docker_access
  printf 'docker_access=%s\nsocket=%s\n' "$docker_access" "$(socket_rights)"
  # Our wrapper of a docker that has moved since is of no use.
  if on_path=$(PATH=$SSH_PATH command -v docker) &&
    { is_ours "$on_path" || [ "$docker_access" != sudo ]; } &&
    { ! is_ours "$on_path" || wrapper_text | cmp -s - "$on_path"; }; then
    printf 'docker_on_path=%s\n' "$on_path"
  fi
  find_dockerd && printf 'dockerd=%s\n' "$dockerd"
  find_config && printf 'config=%s\n' "$config"
  proxy_facts
  info=$(bounded 15 "$docker" info --format \
    '{{.ServerVersion}}|{{.Driver}}|{{.DockerRootDir}}|{{.HTTPProxy}}|{{.HTTPSProxy}}|{{.NoProxy}}' 2>/dev/null) || return 0
  saved_ifs=$IFS
  IFS='|'
  # The owner's no-proxy list may hold a '*'.
  set -f
  # shellcheck disable=SC2086
  set -- $info
  set +f
  IFS=$saved_ifs
  [ $# -ge 3 ] || return 0
  printf 'engine=%s\nstorage_driver=%s\ndata_root=%s\n' "$1" "$2" "$3"
  [ -z "${4:-}" ] || printf 'http_proxy=%s\n' "$4"
  [ -z "${5:-}" ] || printf 'https_proxy=%s\n' "$5"
  [ -z "${6:-}" ] || printf 'no_proxy=%s\n' "$6"
  begin_image "${4:-}"
  storage_facts "$3"
  printf 'data_space=%s\n' "$(stat -f -c '%S|%b|%a|%c|%d' "$3" 2>/dev/null)"
  docker_network_facts
  running_facts
  state=$(bounded 15 "$docker" inspect --format '{{.State.Status}}' "$CONTAINER" 2>/dev/null) &&
    printf 'container=%s\n' "$state"
  [ -z "$state" ] || container_facts
  container_tags | sed 's/^/container_tag=/'
  if find_data; then
    sed -n 's/^\(version\|image\|restored\)=/ran_&/p' "$data/$NOTES" 2>/dev/null
    snapshot_names | sed 's/^/snapshot=/'
  fi
  printf 'own_container=%s\n' "$(bounded 15 "$docker" ps --all --filter "label=$STACK_LABEL" \
    --format '{{.Names}}' 2>/dev/null | head -n 1)"
  cluster_facts "$3/volumes"
}

# How many containers run, and which of them Docker would not start again by itself. One question for
# all: a NAS has many of them, and a slow processor.
running_facts() {
  running=$(bounded 15 "$docker" ps -q 2>/dev/null)
  printf 'running=%s\n' "$(printf '%s' "$running" | grep -c .)"
  # shellcheck disable=SC2086 # a list
  [ -z "$running" ] ||
    bounded 15 "$docker" inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.Name}}' $running 2>/dev/null |
    awk '$1 != "always" && $1 != "unless-stopped" { sub(/^[^\/]*\//, ""); print "no_restart_policy=" $0 }'
}

# How the k3s container was made; the arguments are ours and hold no secret, the owner's may.
container_facts() {
  bounded 15 "$docker" inspect --format 'network={{.HostConfig.NetworkMode}}
created={{json .Created}}
{{range .Config.Cmd}}{{println .}}{{end}}{{range .HostConfig.Mounts}}{{println .Target .Source}}{{end}}{{range $port, $bindings := .HostConfig.PortBindings}}{{range $bindings}}published={{.HostPort}}/{{$port}}
{{end}}{{end}}' "$CONTAINER" 2>/dev/null |
    sed -n 's/^network=/container_network=/p
      s/^created="\(.*\)"$/container_created=\1/p
      s/^--https-listen-port=/container_port=/p
      s/^--\(cluster-cidr\|service-cidr\|cluster-domain\|node-name\|snapshotter\)=/container_flag=&/p
      s#^/var/lib/rancher/k3s \(.*\)#container_data=\1#p
      s#^published=\([0-9]*\)/.*/#container_publishes=\1/#p'
  env_changed | sed 's/^/env_changed=/'
}

# What we wrote for the daemon's proxy, and what stands there now: checksums, no texts.
proxy_facts() {
  [ -z "$dockerd" ] || proxy_flags | sed 's/^/dockerd_flag=/'
  look_for_strategy || return 0
  [ "$strategy" != refuse ] && "${strategy}_locate" || return 0
  printf 'proxy_file=%s\nput=%s\n' "$place" "$("${strategy}_put" 2>/dev/null)"
  sed -n 's/^\(put\|proxy\|no_proxy\)=/applied_&/p' "$place.nas-k3s-applied" 2>/dev/null
  [ ! -f "$place.nas-k3s-applied" ] ||
    printf 'applied_time=%s\n' "$(date -r "$place.nas-k3s-applied" +%s 2>/dev/null)"
}
