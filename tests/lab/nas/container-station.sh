#!/bin/sh
# Service script of Container Station, reduced to its two Docker daemons. As on the real one: root
# only, `restart` complains about jq but works, `status` needs jq and is of no use, and success is
# reported before the daemon is up. That `restart` leaves the other apps' daemon alone is a choice
# of the lab.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
QPKG=$(/sbin/getcfg container-station Install_Path -f /etc/config/qpkg.conf)
PIDFILE=/var/run/docker.pid
LOGS=$QPKG/var/log
# Of the lab.
STARTS=/mnt/HDA_ROOT/.nas-lab
STOP_SECONDS=60

SYSTEM_PIDFILE=/var/run/system-docker.pid

# running PIDFILE
running() {
    [ -s "$1" ] && grep -q dockerd "/proc/$(cat "$1")/cmdline" 2>/dev/null
}

start_system() {
    running $SYSTEM_PIDFILE && return 0
    rm -f $SYSTEM_PIDFILE
    setsid "$QPKG/script/run-docker.sh" system </dev/null >>"$LOGS/system-dockerd.log" 2>&1 &
}

start() {
    mkdir -p "$LOGS" "$STARTS"
    # First, so that the first dockerd in a list of processes is the wrong one.
    start_system
    if running $PIDFILE; then
        echo "Container Station is already running."
        return 0
    fi
    echo "Start Container Station..."
    rm -f $PIDFILE
    echo "$(date +%s) start" >>"$STARTS/dockerd-starts.log"
    setsid "$QPKG/script/run-docker.sh" </dev/null >>"$LOGS/dockerd.log" 2>&1 &
}

# stop PIDFILE
stop() {
    running "$1" || return 0
    pid=$(cat "$1")
    kill -TERM "$pid"
    waited=0
    while running "$1"; do
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
    stop)
        echo "Stop Container Station..."
        stop $PIDFILE
        stop $SYSTEM_PIDFILE
        ;;
    restart)
        echo "Stop Container Station..."
        stop $PIDFILE
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
