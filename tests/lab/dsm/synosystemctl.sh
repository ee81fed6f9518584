#!/bin/sh
# DSM's front of systemctl.
if [ "$(id -u)" -ne 0 ]; then
    echo "synosystemctl: permission denied, you must be root" >&2
    exit 1
fi
case "$1" in
    start | stop | restart | daemon-reload)
        /usr/bin/systemctl "$@" || {
            echo "Fail to $1 [$2]."
            exit 1
        }
        [ -z "$2" ] || echo "[$2] $1 done."
        ;;
    get-active-status) /usr/bin/systemctl is-active "$2" ;;
    *)
        echo "Usage: synosystemctl start|stop|restart|daemon-reload|get-active-status [UNIT]" >&2
        exit 1
        ;;
esac
