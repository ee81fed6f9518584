#!/bin/sh
# Service script of Container Station, reduced to its Docker daemon. As on the real one: root only,
# `restart` complains about jq but works, `status` needs jq and is of no use, and success is
# reported before the daemon is up.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
QPKG=$(/sbin/getcfg container-station Install_Path -f /etc/config/qpkg.conf)
PIDFILE=/var/run/docker.pid
LOGS=$QPKG/var/log
STOP_SECONDS=60

running() {
    [ -s $PIDFILE ] && grep -q dockerd "/proc/$(cat $PIDFILE)/cmdline" 2>/dev/null
}

start() {
    if running; then
        echo "Container Station is already running."
        return 0
    fi
    echo "Start Container Station..."
    rm -f $PIDFILE
    mkdir -p "$LOGS"
    echo "$(date +%s) start" >>"$LOGS/dockerd-starts.log"
    setsid "$QPKG/script/run-docker.sh" </dev/null >>"$LOGS/dockerd.log" 2>&1 &
}

stop() {
    echo "Stop Container Station..."
    running || return 0
    pid=$(cat $PIDFILE)
    kill -TERM "$pid"
    waited=0
    while running; do
        if [ $waited -ge $((STOP_SECONDS * 5)) ]; then
            kill -KILL "$pid"
            break
        fi
        usleep 200000
        waited=$((waited + 1))
    done
}

if [ "$(id -u)" -ne 0 ]; then
    echo "$0: you must be root" >&2
    exit 1
fi
case "$1" in
    start) start ;;
    stop) stop ;;
    restart)
        stop
        jq -r .port "$QPKG/etc/web.json"
        start
        ;;
    status)
        jq -r .status "$QPKG/etc/web.json"
        ;;
    *)
        echo "Usage: $0 {start|stop|restart|status}"
        exit 1
        ;;
esac
