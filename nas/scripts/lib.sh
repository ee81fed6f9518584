# shellcheck shell=sh
# Shared by all scripts. POSIX sh for BusyBox ash: no bash, jq, python, nohup; no `timeout`, whose
# options differ between BusyBox versions. Standard output carries results, standard error is for
# people. Variables in capitals come from the program, see
# remote_script.py; the linter sees each script whole, as it is rendered.

# A dropped connection must not stop a script half way through a restart.
trap '' HUP PIPE
# shellcheck disable=SC2034 # for docker-path.sh and facts.sh
SSH_PATH=${SSH_PATH:-$PATH}
# Settings that go before the table of platforms; not every script is given them.
DOCKER_PATH=${DOCKER_PATH:-}
DAEMON_CONFIG_FILE=${DAEMON_CONFIG_FILE:-}
# shellcheck disable=SC2034 # for restart.sh
DAEMON_RESTART_COMMAND=${DAEMON_RESTART_COMMAND:-}
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
# shellcheck disable=SC2034 # for restart.sh
owner_umask=$(umask)
umask 077
# shellcheck disable=SC2034 # for cluster-data.sh and facts-containers.sh
newline='
'

say() {
  # Never fails: nobody may be there any more to read it.
  printf 'nas-k3s: %s\n' "$*" >&2 || :
}

# fail WHY [FIX]
fail() {
  say "error: $1"
  [ $# -lt 2 ] || say "  -> $2"
  [ -z "${DOC_PAGE-}" ] || say "  see $DOC_PAGE"
  exit 1
}

# Masks what a log line or an error may hold: credentials in URLs and tokens.
masked() {
  sed -e 's#://[^/@ "]*@#://xxxxx:xxxxx@#g' \
    -e 's/\(K3S_TOKEN=\|--token[= ]\)[^ "]*/\1[secret]/g' \
    -e 's/\(K10\)[0-9a-f]\{20,\}::[^ "]*/\1[secret]/g'
}

now() {
  date +%s
}

# Hundredths of a second since some moment.
hundredths() {
  awk '{ printf "%d", $1 * 100; found = 1; exit } END { exit !found }' /proc/uptime 2>/dev/null ||
    printf '%s00' "$(now)"
}

# bounded SECONDS COMMAND...: runs it with this input, ends it after that time with status 124.
bounded() {
  bounded_limit=$1
  shift
  # A job in the background would read /dev/null; descriptor 3 keeps the input.
  { "$@" <&3 3<&- & } 3<&0
  bounded_job=$!
  bounded_guard "$bounded_job" "$bounded_limit" >/dev/null 2>&1 &
  bounded_watch=$!
  wait "$bounded_job" 2>/dev/null
  bounded_status=$?
  # 137 is also what a command has that somebody else killed: only the guard knows.
  [ "$bounded_status" -eq 137 ] || kill "$bounded_watch" 2>/dev/null
  wait "$bounded_watch" 2>/dev/null
  [ $? -ne 124 ] || return 124
  return "$bounded_status"
}

# bounded_guard PID SECONDS: status 124 when it had to kill.
bounded_guard() {
  guard_until=$(($(now) + $2))
  while kill -0 "$1" 2>/dev/null; do
    if [ "$(now)" -ge "$guard_until" ]; then
      kill -9 "$1" 2>/dev/null
      exit 124
    fi
    nap
  done
  exit 0
}

# A fifth of a second where sleep takes fractions, else a whole one.
nap() {
  sleep 0.2 2>/dev/null || sleep 1
}

need_root() {
  need_uid=$(id -u)
  [ "$need_uid" = 0 ] || fail "the user $(id -un) (uid $need_uid) may not manage Docker on this NAS" \
    "set nas-k3s:sshUser to the account with uid 0 (admin on QNAP, root elsewhere)"
}

make_tmp() {
  # What runs that were killed left behind may hold the proxy's password.
  for old_tmp in "${TMPDIR:-/tmp}"/nas-k3s.[0-9]*; do
    if [ -d "$old_tmp" ] && ! kill -0 "${old_tmp##*.}" 2>/dev/null; then rm -rf "$old_tmp"; fi
  done
  try_tmp || fail "cannot make a directory in ${TMPDIR:-/tmp}" "free space in /tmp of the NAS"
}

# Sets tmp to a directory of this run, or to nothing with status 1.
try_tmp() {
  # shellcheck disable=SC3028 # HOSTNAME is not used; $$ alone is enough for one run on one NAS
  tmp=${TMPDIR:-/tmp}/nas-k3s.$$
  mkdir "$tmp" 2>/dev/null || {
    tmp=
    return 1
  }
  trap 'rm -rf "$tmp"' EXIT
}

# Sets platform and root from the table, or fails with status 1; PLATFORM is the setting.
look_for_platform() {
  for platform in $platform_names; do
    if [ "$PLATFORM" = "$platform" ] || { [ "$PLATFORM" = auto ] && "platform_$platform" detect; }; then
      root=$("platform_$platform" root 2>/dev/null)
      return 0
    fi
  done
  return 1
}

find_platform() {
  look_for_platform || fail "this NAS is none of the known platforms ($platform_names)" \
    "set nas-k3s:platform if it is one of them after all"
}

# first_file PATH...: prints the first that is a file.
first_file() {
  for first_path in "$@"; do
    if [ -f "$first_path" ]; then
      printf '%s\n' "$first_path"
      return 0
    fi
  done
  return 1
}

# Marks the wrapper that docker-path.sh writes.
MARK='# nas-k3s: makes docker reachable over SSH; removed by pulumi destroy'

is_ours() {
  [ -f "$1" ] && grep -qF "$MARK" "$1" 2>/dev/null
}

# Sets docker to the docker CLI, wherever it lies, or fails with status 1; needs find_platform.
# Our own wrapper is none: it would run itself once the real one is gone.
find_docker() {
  docker=
  # The table's paths are one word each, globs already expanded.
  for found_docker in "$DOCKER_PATH" $("platform_$platform" docker) "$(command -v docker)"; do
    if [ -f "$found_docker" ] && ! is_ours "$found_docker"; then
      docker=$found_docker
      break
    fi
  done
  [ -n "$docker" ] || return 1
  # The CLI wants a home that it can write to, and the shell's own Docker settings are not ours.
  [ -w "${HOME:-/}" ] || HOME=/tmp
  export HOME
  unset DOCKER_HOST DOCKER_CONTEXT DOCKER_API_VERSION DOCKER_TLS_VERIFY
}

need_docker() {
  find_docker || fail "no docker found on this NAS ($("platform_$platform" title))" \
    "$("platform_$platform" install), then run again; nas-k3s:dockerPath names one elsewhere"
}

# Sets docker_access: how the account of SSH gets at the daemon, which is what `docker -H ssh://`
# needs: direct, sudo (without a password) or none. Needs find_docker.
find_docker_access() {
  if [ "${SSH_UID:-0}" = 0 ] || [ "${SSH_SOCKET:-no}" = yes ]; then
    docker_access=direct
  elif as_ssh_user sudo -k -n "$docker" version >/dev/null 2>&1; then
    docker_access=sudo
  else
    docker_access=none
  fi
}

as_ssh_user() {
  if [ "$(id -u)" = 0 ]; then bounded 15 sudo -n -u "$SSH_USER" "$@"; else bounded 15 "$@"; fi
}

# Owner, group and mode of Docker's socket, for people.
socket_rights() {
  # shellcheck disable=SC2012 # BusyBox's stat may lack -c
  ls -ldL /var/run/docker.sock 2>/dev/null | awk '{ print $3 ":" $4 " " $1 }'
}

# The wrapper that makes docker reachable for SSH commands.
wrapper_text() {
  printf '#!/bin/sh\n%s\n' "$MARK"
  # The CLI wants a home that it can write to.
  # shellcheck disable=SC2016
  printf '[ -w "${HOME:-/}" ] || HOME=/tmp\nexport HOME\n'
  # shellcheck disable=SC2016
  [ "$docker_access" != sudo ] ||
    printf '[ -w /var/run/docker.sock ] || exec sudo -n %s "$@"\n' "$docker"
  # shellcheck disable=SC2016
  printf 'exec %s "$@"\n' "$docker"
}

docker_answers() {
  bounded 15 "$docker" version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# Sets dockerd to the pid of the daemon that owns /var/run/docker.sock, empty when none runs.
# QNAP runs a second one for its own system containers: its command line says so.
find_dockerd() {
  dockerd=
  for proc in /proc/[0-9]*; do
    [ -r "$proc/comm" ] || continue
    read -r comm <"$proc/comm" 2>/dev/null || continue
    [ "$comm" = dockerd ] || continue
    if ! grep -q system-docker "$proc/cmdline" 2>/dev/null && ! in_container "$proc"; then
      dockerd=${proc#/proc/}
      return 0
    fi
  done
  return 1
}

# in_container PROC: whether a process is one of a container of Docker, whose id its cgroup names, and
# has process numbers of its own. (A vendor may keep Docker itself in a namespace.)
in_container() {
  own_ns=$(readlink /proc/self/ns/pid 2>/dev/null) && its_ns=$(readlink "$1/ns/pid" 2>/dev/null) || return 1
  [ "$own_ns" != "$its_ns" ] && grep -Eq '[0-9a-f]{64}' "$1/cgroup" 2>/dev/null
}

# dockerd_flag NAME: prints the value that the running dockerd got on its command line.
dockerd_flag() {
  tr '\000' '\n' <"/proc/$dockerd/cmdline" |
    FLAG=--$1 awk 'take { print; exit }
      $0 == ENVIRON["FLAG"] { take = 1; next }
      index($0, ENVIRON["FLAG"] "=") == 1 { print substr($0, length(ENVIRON["FLAG"]) + 2); exit }'
}

# Sets config to the file that the running dockerd reads: the setting first, then its own command
# line, then the places of the platform, where there may be no file yet.
find_config() {
  config=$DAEMON_CONFIG_FILE
  [ -n "$config" ] || [ -z "$dockerd" ] || config=$(dockerd_flag config-file)
  if [ -z "$config" ]; then
    # shellcheck disable=SC2046
    config=$(first_file $("platform_$platform" config)) || config=$("platform_$platform" create_config)
  fi
  [ -n "$config" ] || return 1
  while [ -L "$config" ]; do
    config=$(readlink -f "$config") || return 1
  done
}

# Sets unit to the systemd unit of the running dockerd: the one that says so, else the one that its
# cgroup names, else the first of the platform's that has a file.
find_unit() {
  unit=
  command -v systemctl >/dev/null 2>&1 || return 1
  units=$("platform_$platform" units)
  if [ -n "$dockerd" ]; then
    for unit in $units; do
      [ "$(bounded 15 systemctl show -p MainPID "$unit.service" 2>/dev/null)" != "MainPID=$dockerd" ] || return 0
    done
    unit=$(sed -n 's#^.*/\([^/]*\)\.service$#\1#p' "/proc/$dockerd/cgroup" 2>/dev/null | head -n 1)
    # A dockerd inside a container or a login session is in the cgroup of that.
    case $unit in
      *[Dd]ocker*) return 0 ;;
    esac
  fi
  for unit in $units; do
    for unit_directory in /etc /run /usr/local/lib /usr/lib /lib; do
      [ ! -f "$unit_directory/systemd/system/$unit.service" ] || return 0
    done
  done
  unit=
  return 1
}

# json_member OP FILE NAME [VALUE]: runs json.awk on FILE for its member NAME. BusyBox awk drops NUL
# bytes, which a crash can leave in a file; as another control character they are refused.
json_member() {
  { cat "$2" && printf E; } | tr '\000' '\001' | OP=$1 KEY=$3 VALUE=${4-} awk "$JSON_AWK"
}
