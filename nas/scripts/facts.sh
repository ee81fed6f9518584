# shellcheck shell=sh
# Reads what the NAS is, changes nothing. Prints `name=value` lines; a fact that cannot be read is
# left out. Each question to Docker takes its CLI a tenth of a second and more on a NAS: they are few,
# and each for all that it can tell. Variables: PLATFORM, OTHER_RUN_PATIENCE (seconds in which another run
# may end), and those of the parts.

main() {
  # What it has done by half would be taken for what somebody else did.
  await_other_run "$OTHER_RUN_PATIENCE"
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
  # Also one that has begun meanwhile.
  ! other_run || printf 'other_run=%s\n' "${lock_owner%% *}"
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
  ask_engine
  proxy_facts
  [ -n "$info" ] || return 0
  printf 'engine=%s\ndata_root=%s\n' "$engine" "$data_root"
  [ -z "$shown_http" ] || printf 'http_proxy=%s\n' "$shown_http"
  [ -z "$shown_https" ] || printf 'https_proxy=%s\n' "$shown_https"
  [ -z "$shown_no" ] || printf 'no_proxy=%s\n' "$shown_no"
  printf '%s\n' "$info" | sed -n '1d; s/./docker_pool=&/p'
  look_at_containers
  running_facts
  container_facts
  tag_facts
  begin_image "$shown_http"
  storage_facts "$data_root"
  space_fact docker_space "$data_root"
  docker_network_facts
  ask_volumes "$DATA_PLACE" "$ETC_PLACE"
  if take_data "$(said_of_container mounted)" look_for_place; then
    sed -n 's/^\(version\|image\|restored\)=/ran_&/p' "$data/$NOTES" 2>/dev/null
    snapshot_names | sed 's/^/snapshot=/'
  fi
  cluster_facts "$data_root/volumes"
}

# Sets info to what Docker says of itself, empty when it does not answer, and engine, data_root and the
# proxies shown_*; the pools of its networks are the lines of info after the first.
ask_engine() {
  # The last of the line is the owner's and may hold anything. A CLI before 20.10 knows no pools: it
  # fails at them, with that line written.
  info=$(bounded 15 "$docker" info --format \
    '{{.ServerVersion}}|{{.DockerRootDir}}|{{.HTTPProxy}}|{{.HTTPSProxy}}|{{join (split .NoProxy "\n") " "}}
{{range .DefaultAddressPools}}{{println .Base}}{{end}}' 2>/dev/null)
  IFS='|' read -r engine data_root shown_http shown_https shown_no <<EOF
$info
EOF
}

# What we wrote for the daemon's proxy, and what stands there now: checksums, no texts.
proxy_facts() {
  [ -z "$dockerd" ] || proxy_flags | sed 's/^/dockerd_flag=/'
  if [ -n "$engine" ]; then choose_strategy; else look_for_strategy; fi || return 0
  [ "$strategy" != refuse ] && "${strategy}_locate" || return 0
  printf 'proxy_file=%s\nput=%s\n' "$place" "$("${strategy}_put" 2>/dev/null)"
  sed -n 's/^\(put\|proxy\|no_proxy\)=/applied_&/p' "$place.nas-k3s-applied" 2>/dev/null
  [ ! -f "$place.nas-k3s-applied" ] ||
    printf 'applied_time=%s\n' "$(date -r "$place.nas-k3s-applied" +%s 2>/dev/null)"
}
