#!/bin/sh
# Starts a Docker daemon of Container Station: `run-docker.sh` the one of the user's containers,
# `run-docker.sh system` the one of other apps' containers. Variables of the session that asked for it, such
# as a proxy, must not reach the daemon.
unset HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY all_proxy
QPKG=$(/sbin/getcfg container-station Install_Path -f /etc/config/qpkg.conf)
DATA=${QPKG%/.qpkg/*}/Container/container-station-data
PATH=$QPKG/bin:/usr/bin:/bin:/usr/sbin:/sbin
HOME=/root
export PATH HOME

if [ "$1" = system ]; then
    DOCKER_OPTS="--host unix:///var/run/system-docker.sock --pidfile /var/run/system-docker.pid"
    DOCKER_OPTS="$DOCKER_OPTS --exec-root /var/run/system-docker"
    DOCKER_OPTS="$DOCKER_OPTS --data-root $DATA/lib/system-docker"
    CONFIG=$QPKG/etc/system-docker.json
    # A bridge of its own: with none, a starting daemon removes docker0, which is the other one's.
    if ! ip link show sysdocker0 >/dev/null 2>&1; then
        ip link add name sysdocker0 type bridge
        ip addr add 10.0.5.1/24 dev sysdocker0
        ip link set sysdocker0 up
    fi
else
    DOCKER_OPTS="--host unix:///var/run/docker.sock --pidfile /var/run/docker.pid"
    DOCKER_OPTS="$DOCKER_OPTS --data-root $DATA/lib/docker"
    CONFIG=$QPKG/etc/docker.json
    # Of the lab: a test wants a daemon that reads another file at this path.
    FAULT=/run/nas-lab/ignored-config.json
    if [ -e $FAULT ] && [ -z "$IGNORED" ]; then
        export CONFIG FAULT
        # shellcheck disable=SC2016
        IGNORED=1 exec unshare -m sh -c 'mount --bind $FAULT "$CONFIG" && exec "$0"' "$0"
    fi
fi
DOCKER_OPTS="$DOCKER_OPTS $(cat "$QPKG/script/engine-options") --config-file $CONFIG"
# shellcheck disable=SC2086  # a list of options
exec dockerd $DOCKER_OPTS
