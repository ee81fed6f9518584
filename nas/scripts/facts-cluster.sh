# shellcheck shell=sh
# Facts of the cluster in its data. Variables: DATA_PLACE and ETC_PLACE, volumes or directories.

# Which cluster the data is, and the certificates of its kubeconfig. From the volumes, because the
# container need not run. The client's certificates are public.
cluster_facts() {
  if find_place "$DATA_PLACE"; then
    if [ -n "$place" ] && [ -d "$place/server" ]; then
      echo cluster_data=there
    else
      echo cluster_data=none
    fi
    [ -z "$place" ] || sed -n '1s/^/cluster_id=/p' "$place/$CLUSTER_ID_FILE" 2>/dev/null
  fi
  find_place "$ETC_PLACE" && [ -f "$place/k3s/k3s.yaml" ] || return 0
  printf 'kubeconfig=%s\napplied_kubeconfig=%s\n' "$(certificates_sum <"$place/k3s/k3s.yaml")" \
    "$(cat "$place/k3s/$HANDED_OUT_FILE" 2>/dev/null)"
  sed -n 's/^ *client-certificate-data: */client_certificate=/p' "$place/k3s/k3s.yaml" | head -n 1
}
