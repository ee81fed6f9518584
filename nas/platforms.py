"""The table of platforms: where each NAS keeps Docker and how its daemon is restarted.

Adding a NAS is one `Platform` here and its tests. The scripts that run on the NAS get the table as
one shell function a platform (`shell_table`), so no path of a vendor stands anywhere else.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Platform:
    """Where one kind of NAS keeps Docker.

    Shell snippets run under BusyBox ash on the NAS. Paths may hold `$root` and globs; they are
    tried in order, and the first that exists is taken.

    Attributes:
        name: value of the setting `platform`.
        title: for people.
        detect: shell condition, true on this platform.
        root: shell command that prints the install root of its Docker package.
        docker: where the docker CLI lies.
        config: where the daemon's config file lies when the running dockerd does not say.
        restart: shell command that restarts the daemon.
    """

    name: str
    title: str
    detect: str
    root: str
    docker: tuple[str, ...]
    config: tuple[str, ...]
    restart: str


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
)

PLATFORMS: tuple[Platform, ...] = (QNAP,)


def shell_table(platforms: Iterable[Platform] = PLATFORMS) -> str:
    """The table as shell: `platform_names` and a function `platform_<name> QUESTION` for each."""
    rows = list(platforms)
    names = " ".join(row.name for row in rows)
    return "\n".join([f"platform_names={shlex.quote(names)}", *map(_shell_row, rows)]) + "\n"


def _shell_row(row: Platform) -> str:
    def paths(items: tuple[str, ...]) -> str:
        # Unquoted on purpose: globs expand, and `$root` never holds a space on a NAS volume path
        # that Docker itself accepts.
        return "printf '%s\\n' " + " ".join(items)

    return f"""# shellcheck disable=SC2086
platform_{row.name}() {{
  case $1 in
    title) printf '%s\\n' {shlex.quote(row.title)} ;;
    detect) {row.detect} ;;
    root) {row.root} ;;
    docker) {paths(row.docker)} ;;
    config) {paths(row.config)} ;;
    restart) {row.restart} ;;
  esac
}}"""
