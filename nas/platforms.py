"""The table of platforms: where each NAS keeps Docker, how its daemon restarts, which way a proxy
takes into it, and what to click where there is no way.

Adding a NAS is one `Platform` here and its tests. The scripts that run on the NAS get the table as
one shell function a platform (`shell_table`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Choice = Literal["auto", "truenas", "unraid", "synology", "qnap", "systemd", "custom"]
"""What the setting `platform` may say: a row of the table, or that the NAS is asked."""

Route = Literal["config-file", "systemd", "vendor-script", "refuse"]
"""How a proxy gets into the daemon: the member `proxies` of its config file, the environment by a
systemd drop-in, exports in the vendor's start script, or only by the owner's hand."""


@dataclass(frozen=True)
class Platform:
    """Where one kind of NAS keeps Docker.

    Shell snippets run under BusyBox ash on the NAS. Paths may hold `$root` and globs; they are
    tried in order, and the first that exists is taken.

    Attributes:
        name: value of the setting `platform`.
        title: for people.
        detect: shell condition, true on this platform. The first row that matches is taken.
        docker: where the docker CLI lies.
        config: where the daemon's config file lies when the running dockerd does not say.
        restart: shell command that restarts the daemon; `$unit` is its systemd unit.
        routes: way of a proxy for an engine that knows `proxies` in its file, and for an older.
        install: what gives this NAS a running Docker.
        by_hand: what the owner has to click or edit where the route is `refuse`.
        root: shell command that prints the install root of its Docker package.
        units: names of the daemon's systemd unit, without `.service`.
        start_script: the vendor's start script, for the route `vendor-script`.
        create_config: whether the first of `config` is made when no config file is there.
        notice: what the owner should know about the route for old engines.
        volumes: regular expression of where its disks are mounted; what lies elsewhere is small,
            or lost with an update.
        volume: one of them, as an example.
        root_in_memory: whether / is a RAM disk, whatever its file system says.
    """

    name: str
    title: str
    detect: str
    docker: tuple[str, ...]
    config: tuple[str, ...]
    restart: str
    routes: tuple[Route, Route]
    install: str
    by_hand: str
    root: str = ":"
    units: tuple[str, ...] = ()
    start_script: str = ""
    create_config: bool = False
    notice: str = ""
    volumes: str = "/"
    volume: str = ""
    root_in_memory: bool = False


RESTART_UNIT = (
    # Some restarts in a row otherwise hit systemd's start limit.
    'systemctl reset-failed "$unit" 2>/dev/null; systemctl restart "$unit"'
)

TRUENAS = Platform(
    name="truenas",
    title="TrueNAS SCALE with Apps",
    detect="command -v midclt >/dev/null 2>&1",
    docker=("/usr/bin/docker",),
    # Rendered anew by the middleware at each start of Docker.
    config=("/etc/docker/daemon.json",),
    restart=RESTART_UNIT,
    units=("docker",),
    routes=("refuse", "refuse"),
    install="choose a pool in Apps > Configuration",
    volumes="/mnt/",
    by_hand=(
        "TrueNAS writes Docker's configuration anew at each start: enter the proxy in its web UI "
        "under Network > Global Configuration > Settings > HTTP Proxy, then stop and start Apps "
        "(Apps > Configuration > Unset Pool, Choose Pool)"
    ),
)

UNRAID = Platform(
    name="unraid",
    title="Unraid",
    detect="[ -f /etc/unraid-version ]",
    docker=("/usr/bin/docker",),
    # /etc is a RAM disk, and only /boot and /mnt survive a reboot.
    config=("/etc/docker/daemon.json",),
    restart="/etc/rc.d/rc.docker restart",
    routes=("refuse", "refuse"),
    install="enable Docker in Settings > Docker",
    volumes="/mnt/",
    root_in_memory=True,
    by_hand=(
        "Unraid keeps /etc in RAM and only /boot survives: let /boot/config/go write the member "
        '"proxies" into /etc/docker/daemon.json before Docker starts, run that line once, then '
        "set Enable Docker to No and to Yes again in Settings > Docker"
    ),
)

SYNOLOGY = Platform(
    name="synology",
    title="Synology DSM with Container Manager or Docker",
    detect="[ -f /etc/synoinfo.conf ] || [ -f /etc.defaults/synoinfo.conf ]",
    docker=(
        "/usr/local/bin/docker",
        "/var/packages/ContainerManager/target/usr/bin/docker",
        "/var/packages/Docker/target/usr/bin/docker",
    ),
    config=(
        "/var/packages/ContainerManager/etc/dockerd.json",
        "/var/packages/Docker/etc/dockerd.json",
    ),
    restart=RESTART_UNIT,
    units=("pkg-ContainerManager-dockerd", "pkg-Docker-dockerd"),
    # The package's start script takes unknown members out of the file again.
    routes=("systemd", "systemd"),
    install="install and start Container Manager in the Package Center",
    by_hand="install and start Container Manager in the Package Center",
    volumes=r"/volume(?:USB|SATA)?\d+/",
    volume="/volume1",
)

QNAP = Platform(
    name="qnap",
    title="QNAP QTS or QuTS hero with Container Station",
    detect="[ -f /etc/config/qpkg.conf ]",
    # The install root differs per box (pool names, encrypted volumes): ask the system.
    root="/sbin/getcfg container-station Install_Path -f /etc/config/qpkg.conf",
    docker=(
        "$root/bin/docker",
        "$root/usr/bin/.libs/docker",
        "/share/*/.qpkg/container-station/bin/docker",
    ),
    config=(
        "$root/etc/docker.json",
        "$root/var/container-station-data/etc/docker.json",
    ),
    restart="/etc/init.d/container-station.sh restart",
    routes=("config-file", "vendor-script"),
    start_script="$root/script/run-docker.sh",
    install="install and start Container Station",
    by_hand="update Container Station in the App Center",
    volumes="/share/",
    volume="/share/CACHEDEV1_DATA",
    root_in_memory=True,
    notice=(
        "this Docker is too old for a proxy in its config file, so it goes into Container "
        "Station's start script; an update of Container Station overwrites that: run "
        "`pulumi up` after one"
    ),
)

SYSTEMD = Platform(
    name="systemd",
    title="Linux with systemd (OpenMediaVault, UGREEN, fnOS, Debian ...)",
    detect="[ -d /run/systemd/system ]",
    docker=("/usr/bin/docker", "/usr/local/bin/docker"),
    config=("/etc/docker/daemon.json",),
    restart=RESTART_UNIT,
    units=("docker", "dockerd"),
    routes=("config-file", "systemd"),
    create_config=True,
    install="install Docker and start it: systemctl enable --now docker",
    by_hand="update Docker to 23 or newer",
)

CUSTOM = Platform(
    name="custom",
    title="a NAS of your own description",
    # Only by name: nothing says so on the NAS.
    detect="false",
    docker=("/usr/bin/docker", "/usr/local/bin/docker"),
    config=("/etc/docker/daemon.json",),
    # The setting daemonRestartCommand comes first, and this platform needs it.
    restart="false",
    routes=("config-file", "refuse"),
    create_config=True,
    install="start Docker, and name its CLI in nas-k3s:dockerPath",
    by_hand=(
        "update Docker to 23 or newer, or give its daemon HTTP_PROXY, HTTPS_PROXY and NO_PROXY in "
        "its environment"
    ),
)

PLATFORMS: tuple[Platform, ...] = (TRUENAS, UNRAID, SYNOLOGY, QNAP, SYSTEMD, CUSTOM)
"""Most special first: TrueNAS and DSM run systemd too."""


def platform_named(name: str) -> Platform | None:
    """The row of the table, None for `auto` and unknown names."""
    return next((row for row in PLATFORMS if row.name == name), None)


def shell_table(platforms: Iterable[Platform] = PLATFORMS) -> str:
    """The table as shell: `platform_names` and a function `platform_<name> QUESTION` for each."""
    rows = list(platforms)
    names = " ".join(row.name for row in rows)
    return "\n".join([f"platform_names={shlex.quote(names)}", *map(_shell_row, rows)]) + "\n"


def _shell_row(row: Platform) -> str:
    def paths(items: tuple[str, ...]) -> str:
        # Unquoted on purpose: globs expand, and `$root` never holds a space on a NAS volume path
        # that Docker itself accepts.
        return "printf '%s\\n' " + " ".join(items) if items else ":"

    def text(words: str) -> str:
        return f"printf '%s\\n' {shlex.quote(words)}" if words else ":"

    created = row.config[:1] if row.create_config else ()
    start_script = (row.start_script,) if row.start_script else ()
    return f"""# shellcheck disable=SC2086,SC2154
platform_{row.name}() {{
  case $1 in
    title) {text(row.title)} ;;
    detect) {row.detect} ;;
    root) {row.root} ;;
    docker) {paths(row.docker)} ;;
    config) {paths(row.config)} ;;
    create_config) {paths(created)} ;;
    restart) {row.restart} ;;
    units) {paths(row.units)} ;;
    start_script) {paths(start_script)} ;;
    route) {text(row.routes[0])} ;;
    route_old) {text(row.routes[1])} ;;
    install) {text(row.install)} ;;
    by_hand) {text(row.by_hand)} ;;
    notice) {text(row.notice)} ;;
  esac
}}"""
