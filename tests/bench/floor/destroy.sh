# shellcheck shell=sh
# The way back of apply.sh: the container, its files, Docker's own config. Links and iptables rules
# of k3s stay. Variables: DOCKER_BIN, DOCKER_JSON, RESTART.
set -eu
PATH=$PATH:$DOCKER_BIN
docker stop -t 30 k3s >/dev/null
docker rm k3s >/dev/null
rm -f "${DOCKER_JSON%/*}/floor-ca.pem" "${DOCKER_JSON%/*}/floor-env"
running=$(docker ps -q)
cat "$DOCKER_JSON.before" >"$DOCKER_JSON"
rm "$DOCKER_JSON.before"
sh -c "$RESTART" >&2
until docker info --format '{{.NoProxy}}' >/dev/null 2>&1; do sleep 0.2; done
# shellcheck disable=SC2086 # a list
docker start $running >/dev/null
