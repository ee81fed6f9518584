"""What makes a fake root one kind of NAS: where its Docker lies and how it restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FAKES = Path(__file__).parent / "fake"
POOL = "/share/CE_CACHEDEV3_DATA"
QPKG = f"{POOL}/.qpkg/container-station"

RUN_DOCKER = f"""#!/bin/sh
# Starts the daemon of Container Station: dockerd gets its options from here
unset HTTP_PROXY HTTPS_PROXY NO_PROXY
DOCKER_OPTS="--config-file {QPKG}/etc/docker.json"
exec {QPKG}/bin/dockerd $DOCKER_OPTS"""
"""The vendor's start script; like some in the field, without a line end at its end."""

Script = Callable[[str, str], None]


@dataclass(frozen=True)
class Kind:
    """One kind of NAS.

    Attributes:
        docker: path of the docker CLI.
        config: path of the daemon's config file; `file`: where that really lies.
        flagged: whether dockerd's command line names it.
        files: plain files that the NAS has.
        scripts: programs that it has.
        unit: the daemon's systemd unit.
    """

    docker: str
    config: str
    flagged: bool
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


def _synology(package: str) -> Kind:
    conf = f"/volume1/@appconf/{package}/dockerd.json"
    return Kind(
        docker="/usr/local/bin/docker",
        config=f"/var/packages/{package}/etc/dockerd.json",
        flagged=True,
        files={
            "/etc/synoinfo.conf": 'unique="synology"\n',
            # A template that nobody reads.
            f"/volume1/@appstore/{package}/config/dockerd.json": "{}\n",
            f"/usr/local/lib/systemd/system/pkg-{package}-dockerd.service": "[Service]\n",
            "/run/systemd/system/x": "",
            "/etc/systemd/system/x": "",
        },
        unit=f"pkg-{package}-dockerd",
        links={f"/var/packages/{package}/etc": conf.rpartition("/")[0]},
    )


KINDS: Mapping[str, Kind] = {
    "qnap": Kind(
        docker=f"{QPKG}/bin/docker",
        config=f"{QPKG}/etc/docker.json",
        flagged=True,
        files={"/etc/config/qpkg.conf": f"[container-station]\nInstall_Path = {QPKG}\n"},
        scripts={
            "/sbin/getcfg": f"#!/bin/sh\necho {QPKG}\n",
            f"{QPKG}/bin/dockerd": f"#!/bin/sh\nexec {QPKG}/bin/docker fake-restart\n",
            f"{QPKG}/script/run-docker.sh": RUN_DOCKER,
            "/etc/init.d/container-station.sh": (
                "#!/bin/sh\necho 'jq not found' >&2\n"
                f"[ -f /state/idle ] || {QPKG}/script/run-docker.sh\n"
            ),
        },
    ),
    "synology": _synology("ContainerManager"),
    "synology-7.1": _synology("Docker"),
    "systemd": Kind(
        docker="/usr/bin/docker",
        config="/etc/docker/daemon.json",
        flagged=False,
        files={
            "/run/systemd/system/x": "",
            "/etc/systemd/system/x": "",
            "/usr/lib/systemd/system/docker.service": "[Service]\n",
        },
        unit="docker",
    ),
    "truenas": Kind(
        docker="/usr/bin/docker",
        config="/etc/docker/daemon.json",
        flagged=False,
        files={"/run/systemd/system/x": ""},
        scripts={"/usr/bin/midclt": "#!/bin/sh\n"},
        unit="docker",
    ),
    "unraid": Kind(
        docker="/usr/bin/docker",
        config="/etc/docker/daemon.json",
        flagged=False,
        files={"/etc/unraid-version": 'version="7.0.0"\n'},
        scripts={"/etc/rc.d/rc.docker": "#!/bin/sh\nexec /usr/bin/docker fake-restart\n"},
    ),
    "custom": Kind(
        docker="/opt/box/docker",
        config="/opt/box/engine.json",
        flagged=False,
        scripts={"/opt/box/rc": "#!/bin/sh\nexec /opt/box/docker fake-restart\n"},
    ),
}
