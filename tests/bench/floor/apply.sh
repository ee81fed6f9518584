# shellcheck shell=sh
# The floor: what somebody who knows this one NAS well would write by hand. One file, one ssh
# connection, no preview, no checks, no way back. A second run changes nothing.
#
# Variables: DOCKER_BIN, DOCKER_JSON, RESTART, PROXIES (JSON), NO_PROXY, CA, IMAGE, DATA, ETC, LABEL,
# NODE, VERSION, ENDPOINT, ENV_FILE (lines NAME=VALUE), COMMAND (words of k3s, quoted for a shell),
# READY (text of ready.sh). Prints the kubeconfig.
set -eu
PATH=$PATH:$DOCKER_BIN
umask 077

# 1. Docker's proxy, as the first member of its config file.
before=$DOCKER_JSON.before
[ -f "$before" ] || cp -p "$DOCKER_JSON" "$before"
{
  printf '{\n    "proxies": %s,\n' "$PROXIES"
  sed 1d "$before"
} >"$DOCKER_JSON.new"
if cmp -s "$DOCKER_JSON.new" "$DOCKER_JSON"; then
  rm "$DOCKER_JSON.new"
else
  running=$(docker ps -q)
  cat "$DOCKER_JSON.new" >"$DOCKER_JSON"
  rm "$DOCKER_JSON.new"
  sh -c "$RESTART" >&2
  until [ "$(docker info --format '{{.NoProxy}}' 2>/dev/null)" = "$NO_PROXY" ]; do sleep 0.2; done
  # shellcheck disable=SC2086 # a list
  [ -z "$running" ] || docker start $running >/dev/null
fi

# 2. The container, when it is not there as it should be.
if [ "$(docker inspect --format '{{.Config.Labels.floor}}' k3s 2>/dev/null)" != "$LABEL" ]; then
  folder=${DOCKER_JSON%/*}
  printf '%s' "$CA" >"$folder/floor-ca.pem"
  printf '%s' "$ENV_FILE" >"$folder/floor-env"
  docker pull -q "$IMAGE" >&2
  docker stop -t 30 k3s >/dev/null 2>&1 || true
  docker rm k3s >/dev/null 2>&1 || true
  eval "docker run -d --name k3s --hostname $NODE --label floor=$LABEL --privileged --network host \
    --restart unless-stopped --stop-timeout 30 --tmpfs /run --tmpfs /var/run \
    --ulimit nofile=65535:65535 --log-driver json-file --log-opt max-size=10m --log-opt max-file=3 \
    -v $DATA:/var/lib/rancher/k3s -v $ETC:/etc/rancher \
    -v $folder/floor-ca.pem:/etc/ssl/certs/floor-ca.pem:ro --env-file $folder/floor-env \
    $IMAGE $COMMAND" >&2
fi

# 3. Ready.
eval "$READY"

# 4. The kubeconfig.
docker exec k3s cat /etc/rancher/k3s/k3s.yaml | sed "s#server: .*#server: $ENDPOINT#"
