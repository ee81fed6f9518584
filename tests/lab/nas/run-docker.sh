#!/bin/sh
# Starts the Docker daemon of Container Station. Variables of the session that asked for it, such
# as a proxy, must not reach the daemon.
unset HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY all_proxy
QPKG=$(/sbin/getcfg container-station Install_Path -f /etc/config/qpkg.conf)
DATA=${QPKG%/.qpkg/*}/Container/container-station-data
PATH=$QPKG/bin:/usr/bin:/bin:/usr/sbin:/sbin
HOME=/root
export PATH HOME

DOCKER_OPTS="--host unix:///var/run/docker.sock --pidfile /var/run/docker.pid"
DOCKER_OPTS="$DOCKER_OPTS --data-root $DATA/lib/docker $(cat "$QPKG/script/engine-options")"
DOCKER_OPTS="$DOCKER_OPTS --config-file $QPKG/etc/docker.json"
# shellcheck disable=SC2086  # a list of options
exec dockerd $DOCKER_OPTS
