#!/bin/sh
# Package tool of DSM, as far as starting and stopping the Docker package goes.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
action=$1
name=$2
if [ "$(id -u)" -ne 0 ]; then
    echo "synopkg: permission denied, you must be root" >&2
    exit 1
fi
case "$action" in
    start | stop | restart | status | version) ;;
    *)
        echo "Usage: synopkg start|stop|restart|status|version PACKAGE"
        exit 1
        ;;
esac
if [ ! -d "/var/packages/$name" ] || [ -z "$name" ]; then
    echo "package [$name] is not installed" >&2
    exit 255
fi
case "$action" in
    version) sed -n 's/^version="\(.*\)"/\1/p' "/var/packages/$name/INFO" ;;
    status)
        if systemctl is-active --quiet "pkgctl-$name.service"; then
            echo '{"package":"'"$name"'","status":"running"}'
        else
            echo '{"package":"'"$name"'","status":"stop"}'
            exit 3
        fi
        ;;
    *)
        if ! systemctl "$action" "pkgctl-$name.service"; then
            echo '{"action":"'"$action"'","error":{"code":272},"success":false}'
            exit 1
        fi
        echo '{"action":"'"$action"'","error":{"code":0},"success":true}'
        ;;
esac
