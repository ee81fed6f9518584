#!/bin/sh
# Boot of the systemd NAS in a box, before any service: what the network, the disks and the accounts
# of a real one bring along.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
# PROFILE, POOL, POOL_FS, GATEWAY, RESOLVER, MODEL, VERSION, SUDO, ROOT_SSH, ADMIN, ADMIN_UID
# shellcheck source=/dev/null
. /opt/nas-lab/settings
# shellcheck source=tests/lab/nas/network.sh
. /opt/nas-lab/network.sh

cat /opt/nas-lab/mozilla.pem /opt/nas-lab/ca.pem >/etc/ssl/certs/ca-certificates.crt
mkdir -p /run/sshd /mnt/lab
cp /opt/nas-lab/ssh_host_ed25519_key /etc/ssh/ssh_host_ed25519_key
chmod 600 /etc/ssh/ssh_host_ed25519_key

# shellcheck disable=SC2153
case "$PROFILE" in
    synology)
        /opt/nas-lab/disk.sh /mnt/disk 64G "/$POOL" || exit 1
        homes=/$POOL/homes
        ;;
    *)
        # / is an overlay here, on which an engine can keep nothing.
        for folder in docker containerd; do
            mkdir -p /srv/$folder /var/lib/$folder
            mount --bind /srv/$folder /var/lib/$folder
        done
        homes=/home
        ;;
esac

# keys OWNER HOME
keys() {
    mkdir -p "$2/.ssh"
    cp /opt/nas-lab/authorized_keys "$2/.ssh/authorized_keys"
    chmod 700 "$2" "$2/.ssh"
    chmod 600 "$2/.ssh/authorized_keys"
    chown -R "$1" "$2"
}
keys "$ADMIN" "$homes/$ADMIN"
keys root /root

case "$ROOT_SSH" in
    yes) echo "PermitRootLogin prohibit-password" >/etc/ssh/root.conf ;;
    *) echo "PermitRootLogin no" >/etc/ssh/root.conf ;;
esac
[ -e /etc/ssh/lab.conf ] || : >/etc/ssh/lab.conf

# Once in the life of this root file system, as the accounts were made when the NAS was set up.
if [ ! -e /etc/sudoers.d/nas-lab ]; then
    {
        printf '%s:' "$ADMIN"
        cat /opt/nas-lab/sudo-password
    } | /opt/nas-lab/bin/chpasswd -c SHA512
    case "$SUDO" in
        password) echo "$ADMIN ALL=(ALL) ALL" ;;
        nopasswd) echo "$ADMIN ALL=(ALL) NOPASSWD: ALL" ;;
        *) echo "# nobody" ;;
    esac >/etc/sudoers.d/nas-lab
    chmod 440 /etc/sudoers.d/nas-lab
fi
[ ! -x /opt/nas-lab/boot-dsm ] || /opt/nas-lab/boot-dsm
