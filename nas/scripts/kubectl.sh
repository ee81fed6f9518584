# shellcheck shell=sh
# kubectl as k3s brings it, in its container; needs find_docker and CONTAINER.

kubectl() {
  bounded 20 "$docker" exec "$CONTAINER" kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml "$@"
}
