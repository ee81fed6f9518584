#!/bin/sh
# disk.sh FOLDER SIZE MOUNT: mounts the NAS's volume, a btrfs on the disk image FOLDER/disk.img, which
# is made with SIZE (as truncate takes it; it only uses what is written) when it is not there yet.
# Where the kernel has no btrfs or no loop devices, FOLDER itself is mounted and a line says so.
PATH=/opt/nas-lab/bin:/usr/bin:/bin:/usr/sbin:/sbin
folder=$1
image=$folder/disk.img
mount=$3
mkdir -p "$mount"
if [ ! -e "$image" ] && [ ! -d "$folder/plain" ]; then
    rm -f "$image.new"
    if truncate -s "$2" "$image.new" && mkfs.btrfs -q -f "$image.new" >/dev/null; then
        mv "$image.new" "$image"
    fi
fi
number=0
while [ $number -lt 64 ]; do
    [ -b /dev/loop$number ] || mknod /dev/loop$number b 7 $number
    number=$((number + 1))
done
# A loop device of the last boot may still be on its way out.
tries=0
while [ -e "$image" ] && ! busybox mount -t btrfs -o loop,noatime "$image" "$mount" 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -ge 50 ]; then
        # Once it was mounted, its content must not be passed over silently.
        [ ! -e "$folder/used" ] || {
            echo "nas: $image cannot be mounted" >&2
            exit 1
        }
        rm -f "$image"
    fi
    busybox usleep 200000
done
if [ -e "$image" ]; then
    touch "$folder/used"
else
    echo "nas: no btrfs on loop devices here: the volume is a plain folder" >&2
    mkdir -p "$folder/plain"
    busybox mount --bind "$folder/plain" "$mount"
fi
