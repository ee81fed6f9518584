"""The kinds of NAS that the lab can be, and where each keeps what tests look at.

A profile is one entry of TRAITS, an image (images.py or systemd_images.py) and its tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# "current" is built from the engine's Go module, "debian" is the distribution's 20.10.
Engine = Literal["current", "debian"]
Profile = Literal["qnap", "quts-hero", "synology", "systemd"]
# What the administrator's account has to do to become uid 0; "none": it is in no sudoers file.
Sudo = Literal["password", "nopasswd", "none"]

# The administrator's account where uid 0 is not the one that logs in, as DSM numbers it.
ADMIN, ADMIN_UID = "nasadmin", 1026


@dataclass(frozen=True)
class Traits:
    """What is the same for every instance of a profile.

    `pool` is the default name of the volume, which is a directory of `parent`; `pool_fs` the file
    system that it gets on a disk image of its own, None for the one that carries the lab.
    `keeps_root`: / outlives a reboot, and only a firmware update replaces it. `sudo` and
    `root_ssh` are defaults; None on a NAS whose only administrator is uid 0 itself.
    """

    engines: tuple[Engine, ...]
    pool: str
    parent: str
    pool_fs: str | None
    keeps_root: bool
    sudo: Sudo | None
    root_ssh: bool | None
    web_port: int
    model: str
    version: str


TRAITS: Mapping[Profile, Traits] = {
    "qnap": Traits(
        engines=("current", "debian"),
        pool="CACHEDEV1_DATA",
        parent="/share/",
        pool_fs=None,
        keeps_root=False,
        sudo=None,
        root_ssh=None,
        web_port=8080,
        model="TS-464",
        version="5.2.4",
    ),
    "quts-hero": Traits(
        engines=("current",),
        pool="ZFS530_DATA",
        parent="/share/",
        # BusyBox's stat has no name for it, as it has none for ZFS.
        pool_fs="btrfs",
        keeps_root=False,
        sudo=None,
        root_ssh=None,
        web_port=8080,
        model="TS-h886",
        version="h5.2.4",
    ),
    "synology": Traits(
        engines=("current", "debian"),
        pool="volume1",
        parent="/",
        pool_fs="btrfs",
        keeps_root=True,
        sudo="password",
        root_ssh=False,
        web_port=5000,
        model="DS923+",
        version="7.2.2",
    ),
    "systemd": Traits(
        engines=("current", "debian"),
        pool="srv",
        parent="/",
        pool_fs=None,
        keeps_root=True,
        sudo="nopasswd",
        root_ssh=True,
        web_port=80,
        model="",
        version="",
    ),
}


@dataclass(frozen=True)
class Layout:
    """Absolute paths and commands on one NAS.

    `unit` is the daemon's systemd unit, None where there is no systemd; `app` the name of the
    Docker package. `starts` is a note of the lab's own, one line for each start of the daemon.
    `system_socket` is the socket of the second daemon, None where there is none.
    """

    volume: str
    app: str
    app_folder: str
    docker_bin: str
    docker_json: str
    unit: str | None
    dropins: str | None
    restart: str
    start: str
    starts: str
    household: str
    system_socket: str | None


def layout(profile: Profile, engine: Engine, pool: str) -> Layout:
    """Where a NAS of this profile, engine and pool name has its things."""
    volume = f"{TRAITS[profile].parent}{pool}"
    if profile == "synology":
        app = package(engine)
        unit = f"pkg-{app}-dockerd.service"
        return Layout(
            volume=volume,
            app=app,
            app_folder=f"/var/packages/{app}",
            docker_bin="/usr/local/bin",
            docker_json=f"/var/packages/{app}/etc/dockerd.json",
            unit=unit,
            dropins=f"/etc/systemd/system/{unit}.d",
            restart=f"/usr/syno/bin/synopkg restart {app}",
            start=f"/usr/syno/bin/synopkg start {app}",
            starts="/mnt/lab/dockerd-starts.log",
            household="/mnt/lab/household",
            system_socket=None,
        )
    if profile == "systemd":
        return Layout(
            volume=volume,
            app="docker",
            app_folder="/etc/docker",
            docker_bin="/usr/bin",
            docker_json="/etc/docker/daemon.json",
            unit="docker.service",
            dropins="/etc/systemd/system/docker.service.d",
            restart="systemctl restart docker",
            start="systemctl start docker",
            starts="/mnt/lab/dockerd-starts.log",
            household="/mnt/lab/household",
            system_socket=None,
        )
    app_folder = f"{volume}/.qpkg/container-station"
    script = "/etc/init.d/container-station.sh"
    return Layout(
        volume=volume,
        app="container-station",
        app_folder=app_folder,
        docker_bin=f"{app_folder}/bin",
        docker_json=f"{app_folder}/etc/docker.json",
        unit=None,
        dropins=None,
        restart=f"{script} restart",
        start=f"{script} start",
        starts="/mnt/HDA_ROOT/.nas-lab/dockerd-starts.log",
        household=f"{volume}/Container/.household",
        system_socket="/var/run/system-docker.sock",
    )


def package(engine: Engine) -> str:
    """Name of the Synology package that brings this engine."""
    return "ContainerManager" if engine == "current" else "Docker"
