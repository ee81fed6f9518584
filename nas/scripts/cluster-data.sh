# shellcheck shell=sh
# Where the cluster's data lies on the NAS, and what it says about the cluster. Needs find_docker.

# The file in the data that says which cluster it is. No dot in front: whoever empties the
# directory with `rm -rf DIR/*` means this file too.
# shellcheck disable=SC2034 # for cluster-id.sh and facts.sh
CLUSTER_ID_FILE=nas-k3s-cluster
# The file in the data with what it was made with, and cannot be changed on it: `FLAG=VALUE` lines.
# shellcheck disable=SC2034
MADE_WITH_FILE=nas-k3s-made-with
# Beside the kubeconfig: the checksum of the one that was handed out.
# shellcheck disable=SC2034 # for kubeconfig.sh, facts.sh and host-cleanup.sh
HANDED_OUT_FILE=nas-k3s-handed-out

# Beside that directory: what timeline.sh measured last. One line: the last KEY, its `since`, and when
# it was measured.
# shellcheck disable=SC2034 # for timeline.sh and facts.sh
TIMELINE_FILE=nas-k3s-timeline

# find_place PLACE: sets place to the directory of a volume or to a directory of that name, empty when
# there is none. Status 1: it cannot be seen, because Docker does not answer or keeps its data where
# we cannot look.
find_place() {
  ask_volumes "$1"
  look_for_place "$1"
}

# ask_volumes PLACE...: sets volumes to lines `NAME DIRECTORY`, or to `?` when Docker does not answer.
# Directories alone are no question for it.
ask_volumes() {
  volumes=
  for volume in "$@"; do
    case $volume in
      /*) ;;
      *)
        volumes=$(bounded 15 "$docker" volume ls --format '{{.Name}} {{.Mountpoint}}' 2>/dev/null) || volumes='?'
        return 0
        ;;
    esac
  done
}

# look_for_place PLACE: as find_place, in what ask_volumes was told.
look_for_place() {
  place=
  case $1 in
    /*)
      [ ! -d "$1" ] || place=$1
      return 0
      ;;
  esac
  [ "$volumes" != '?' ] || return 1
  case $newline$volumes in
    *"$newline$1 "*) ;;
    *) return 0 ;;
  esac
  place=$newline$volumes
  place=${place#*"$newline$1 "}
  place=${place%%"$newline"*}
  # A driver of the owner's may say it only when it is asked for this one.
  [ -n "$place" ] ||
    place=$(bounded 15 "$docker" volume inspect --format '{{.Mountpoint}}' "$1" 2>/dev/null) || return 1
  [ -n "$place" ] && [ -d "$place" ]
}

# The fingerprint of the secret part of the token on standard input, nothing when there is none.
token_sum() {
  token_of=$(cat)
  token_of=${token_of#K10*::}
  token_of=${token_of#*:}
  [ -z "$token_of" ] || printf '%s' "$token_of" | md5sum | cut -d ' ' -f 1
}

# The checksum of the certificates in the kubeconfig on standard input, nothing when there are none.
certificates_sum() {
  sum_of=$(grep -E '^ *(certificate-authority|client-certificate)-data: *[^ ]')
  [ -z "$sum_of" ] || printf '%s\n' "$sum_of" | md5sum | cut -d ' ' -f 1
}
