#!/bin/sh
# Start script of the Docker package. As on the real one, each start of the package, so also each
# boot, first lets the updater bring the daemon's config file in order.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
unit=pkg-@APP@-dockerd.service
case "$1" in
    start)
        /var/packages/@APP@/target/usr/bin/updater postinst updatedockerdconf /var/packages/@APP@/etc/dockerd.json || exit 1
        systemctl start $unit
        ;;
    stop) systemctl stop $unit ;;
    status)
        systemctl is-active --quiet $unit || exit 3
        ;;
esac
