#!/bin/sh
# The proxy box: squid as long as the box runs, except while /run/proxy-off exists.
# /opt/proxy-lab/user and password exist when the proxy asks for a login.
mkdir -p /var/log/squid /run/squid
touch /var/log/squid/access.log
chown -R proxy:proxy /var/log/squid /run/squid
if [ -s /opt/proxy-lab/user ]; then
    hash=$(mkpasswd -m sha256 -P 0 </opt/proxy-lab/password)
    echo "$(cat /opt/proxy-lab/user):$hash" >/etc/squid/passwd
    chown proxy:proxy /etc/squid/passwd
    chmod 400 /etc/squid/passwd
    cat >/etc/squid/auth.conf <<'END'
auth_param basic program /usr/lib/squid/basic_ncsa_auth /etc/squid/passwd
auth_param basic realm lab
auth_param basic children 1
acl logged_in proxy_auth REQUIRED
http_access deny !logged_in
END
else
    : >/etc/squid/auth.conf
fi
child=
trap 'stop-squid; exit 0' TERM INT
while :; do
    if [ -e /run/proxy-off ]; then
        sleep 1 &
    else
        rm -f /run/squid/squid.pid
        squid -N -f /etc/squid/squid.conf &
    fi
    child=$!
    wait $child
    usleep 200000
done
