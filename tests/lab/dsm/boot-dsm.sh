#!/bin/sh
# What is particular of DSM at boot: identity of the system and the Docker package, which lives on
# the volume and is linked into /var/packages.
PATH=/usr/bin:/bin:/usr/sbin:/sbin
export PATH
# shellcheck source=/dev/null
. /opt/nas-lab/settings
# APP, APP_VERSION
# shellcheck source=/dev/null
. /opt/nas-lab/app

mkdir -p /etc.defaults /etc /usr/syno/bin /var/services
major=${VERSION%%.*}
minor=${VERSION#*.}
minor=${minor%%.*}
cat >/etc.defaults/VERSION <<END
majorversion="$major"
minorversion="$minor"
major="$major"
minor="$minor"
micro="${VERSION##*.}"
buildphase="GM"
buildnumber="72806"
smallfixnumber="3"
nano="3"
base="72806"
productversion="$VERSION"
os_name="DSM"
builddate="2025/01/24"
buildtime="15:55:00"
END
cp /etc.defaults/VERSION /etc/VERSION
cat >/etc.defaults/synoinfo.conf <<END
company_title="Synology"
unique="synology_r1000_ds923+"
upnpmodelname="$MODEL"
maxdisks="4"
END
[ -e /etc/synoinfo.conf ] || cp /etc.defaults/synoinfo.conf /etc/synoinfo.conf
ln -sfn "/$POOL/homes" /var/services/homes

# The package.
# shellcheck disable=SC2153
volume=/$POOL
store=$volume/@appstore/$APP
conf=$volume/@appconf/$APP
data=$volume/@docker
packages=/var/packages/$APP
mkdir -p "$store" "$conf" "$data" "$packages" "$volume/docker"
if ! cmp -s /opt/nas-lab/package/.version "$store/.version"; then
    for entry in usr config scripts; do
        rm -rf "${store:?}/$entry"
        cp -a "/opt/nas-lab/package/$entry" "$store/$entry"
    done
    cp /opt/nas-lab/package/.version "$store/.version"
fi
if [ ! -e "$conf/dockerd.json" ]; then
    printf '%s' "$(sed "s/@APP@/$APP/g" /opt/nas-lab/package/dockerd.json)" >"$conf/dockerd.json"
    chown "$APP:$APP" "$conf/dockerd.json"
    chmod 600 "$conf/dockerd.json"
fi
ln -sfn "$store" "$packages/target"
ln -sfn "$conf" "$packages/etc"
mkdir -p "$packages/var"
ln -sfn "$data" "$packages/var/docker"
ln -sfn "$store/scripts" "$packages/scripts"
printf 'package="%s"\nversion="%s"\n' "$APP" "$APP_VERSION" >"$packages/INFO"
ln -sfn "$packages/target/usr/bin/docker" /usr/local/bin/docker
