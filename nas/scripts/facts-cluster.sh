# shellcheck shell=sh
# Facts of the cluster in its data. Needs state (of the container) and ask_volumes. Variables: CONTAINER, DATA_PLACE and ETC_PLACE, volumes or directories.

# Which cluster the data is, what it was made with, the fingerprint of the token that it is encrypted
# with, whoever made it, and the certificates of its kubeconfig. From the volumes, because the
# container need not run. The client's certificates are public.
#
# cluster_facts DIRECTORY: the one of all of Docker's volumes.
cluster_facts() {
  cluster_token=
  if look_for_place "$DATA_PLACE"; then
    if [ -n "$place" ] && [ -d "$place/server" ]; then
      echo cluster_data=there
      sed 's/^/made_with=/' "$place/$MADE_WITH_FILE" 2>/dev/null
      cluster_token=$(token_sum 2>/dev/null <"$place/server/token")
    else
      echo cluster_data=none
      printf 'cluster_emptied=%s\n' "$(changed_at "${place:-$(place_above "$DATA_PLACE" "$1")}")"
    fi
    [ -z "$place" ] || sed -n '1s/^/cluster_id=/p' "$place/$CLUSTER_ID_FILE" 2>/dev/null
  fi
  [ -n "$cluster_token" ] || [ "$state" != running ] || cluster_token=$(token_inside)
  [ -z "$cluster_token" ] || printf 'token=%s\n' "$cluster_token"
  look_for_place "$ETC_PLACE" && [ -n "$place" ] || return 0
  awk 'NR == 1 && $3 ~ /^[0-9]+$/ { print "measured=" $3 }' "$place/$TIMELINE_FILE" 2>/dev/null
  [ -f "$place/k3s/k3s.yaml" ] || return 0
  printf 'kubeconfig=%s\napplied_kubeconfig=%s\n' "$(certificates_sum <"$place/k3s/k3s.yaml")" \
    "$(cat "$place/k3s/$HANDED_OUT_FILE" 2>/dev/null)"
  sed -n 's/^ *client-certificate-data: */client_certificate=/p' "$place/k3s/k3s.yaml" | head -n 1
}

# Where Docker keeps its data out of sight.
token_inside() {
  bounded 15 "$docker" exec "$CONTAINER" cat /var/lib/rancher/k3s/server/token 2>/dev/null | token_sum
}

# place_above PLACE DIRECTORY: what is there of the way to a place that is not.
place_above() {
  case $1 in
    /*) above=${1%/*} ;;
    *) above=$2 ;;
  esac
  above=$(existing "$above")
  printf '%s\n' "${above:-/}"
}

# When something was made in or removed from a directory, in seconds.
changed_at() {
  date -r "$1" +%s 2>/dev/null
}
