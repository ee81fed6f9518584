"""What goes wrong on a NAS, done to one in a box on purpose, and undone.

Nothing here outlives a reboot: it is mounts and files in RAM. `heal` undoes all of it.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from typing import Literal

from .process import LabError
from .profiles import Layout

RestartMode = Literal["normal", "fails", "lies", "hangs"]

_STATE = "/run/nas-lab"
_FULL = f"{_STATE}/full"
_READ_ONLY = f"{_STATE}/read-only"
_RESTART = f"{_STATE}/restart"
_IGNORED = f"{_STATE}/ignored"
# run-docker.sh of the QNAP knows this name.
_IGNORED_FILE = f"{_STATE}/ignored-config.json"
_SYSTEMCTL = "/usr/bin/systemctl"

_RESTART_BODY: dict[RestartMode, str] = {
    "fails": 'echo "$0: internal error (-11)" >&2; exit 1',
    "lies": "exit 0",
    "hangs": "while :; do sleep 3600; done",
}


class Faults:
    """The ways to break one NAS.

    `must` runs a command there as uid 0 and returns its stdout, raising LabError when it fails;
    `pid` tells the daemon's process id, None when it is down.
    """

    def __init__(
        self, layout: Layout, must: Callable[[str], str], pid: Callable[[], int | None]
    ) -> None:
        self._layout = layout
        self._must = must
        self._pid = pid

    def kill_dockerd(self) -> int:
        """SIGKILL for the daemon of /var/run/docker.sock; returns its process id.

        systemd starts it again after a moment where its unit says so; on a QNAP it stays down.
        """
        pid = self._pid()
        if pid is None:
            raise LabError("the Docker daemon of the NAS does not run: nothing to kill")
        self._must(f"kill -KILL {pid}")
        end = time.monotonic() + 10
        while self._pid() == pid:
            if time.monotonic() > end:
                raise LabError(f"the Docker daemon {pid} of the NAS outlives SIGKILL")
            time.sleep(0.05)
        return pid

    def fill_disk(self, folder: str | None = None) -> None:
        """Leave no free block on the volume of `folder`, by default of the daemon's config file.

        The folder becomes a RAM disk with its content and no room, so that nothing else fills up.
        As on a full disk, an empty file can still be made; its content cannot be written.
        """
        place = shlex.quote(folder or self._config_folder())
        self._must(
            f"set -e; mkdir -p {_FULL}/under; place=$(readlink -f {place}); "
            f"[ ! -e {_FULL}/place ] || {{ echo 'a disk is full already' >&2; exit 1; }}; "
            f'mount --bind "$place" {_FULL}/under; '
            f"size=$(du -sk {_FULL}/under | cut -f 1); "
            'mount -t tmpfs -o size=$((size + 64))k,mode=755 tmpfs "$place"; '
            f'echo "$place" >{_FULL}/place; '
            f'cp -a {_FULL}/under/. "$place"/; '
            'dd if=/dev/zero of="$place/.full" bs=4096 2>/dev/null || true; '
            '! dd if=/dev/zero of="$place/.full2" bs=4096 count=1 2>/dev/null; '
            'rm -f "$place/.full2"'
        )

    def free_disk(self) -> None:
        """Undo `fill_disk`; what was changed in the folder meanwhile stays changed."""
        self._must(
            f"set -e; [ -e {_FULL}/place ] || exit 0; place=$(cat {_FULL}/place); "
            'rm -f "$place/.full"; '
            f"cd {_FULL}/under; find . ! -name . | while read -r name; do "
            '[ -e "$place/$name" ] || [ -L "$place/$name" ] || rm -rf "./$name"; done; '
            f'cd /; cp -a "$place"/. {_FULL}/under/; '
            f'umount -l "$place"; umount -l {_FULL}/under; rm -f {_FULL}/place'
        )

    def read_only(self, path: str) -> None:
        """Make the file or folder read-only as a read-only file system is, for uid 0 as well."""
        self._must(
            f"set -e; mkdir -p {_STATE}; place=$(readlink -f {shlex.quote(path)}); "
            '[ -e "$place" ]; mount --bind "$place" "$place"; '
            f'mount -o remount,ro,bind "$place"; echo "$place" >>{_READ_ONLY}'
        )

    def writable(self, path: str) -> None:
        """Undo `read_only`."""
        self._must(
            f'set -e; place=$(readlink -f {shlex.quote(path)}); umount -l "$place"; '
            f'grep -v -x -F "$place" {_READ_ONLY} >{_READ_ONLY}.new || true; '
            f"mv {_READ_ONLY}.new {_READ_ONLY}"
        )

    def restart_command(self, mode: RestartMode) -> None:
        """How the vendor's command that starts, stops and restarts the daemon behaves.

        "fails" does nothing and says so, "lies" does nothing and reports success, "hangs" never
        ends, "normal" is itself. With systemd it is systemctl, which the vendor's tools call, for
        the verbs that start or stop units; everything else it does as ever.
        """
        if self._layout.unit is None:
            target = f"{self._layout.app_folder}/container-station.sh"
            real = f"{_RESTART}/container-station.sh"
        else:
            target, real = _SYSTEMCTL, f"{_RESTART}/systemctl"
        self._must(f"[ ! -e {_RESTART}/on ] || {{ umount -l {target} && rm -f {_RESTART}/on; }}")
        if mode == "normal":
            return
        script = (
            "#!/bin/sh\n"
            'for word in "$@"; do\n'
            '    case "$word" in\n'
            f"        start | stop | restart | try-restart | reload-or-restart) "
            f"{_RESTART_BODY[mode]} ;;\n"
            "    esac\n"
            "done\n"
            f'exec {real} "$@"\n'
        )
        self._must(
            f"set -e; mkdir -p {_RESTART}; cp -a {target} {real}; "
            f"printf '%s' {shlex.quote(script)} >{_RESTART}/fault; chmod 755 {_RESTART}/fault; "
            f"mount --bind {_RESTART}/fault {target}; touch {_RESTART}/on"
        )

    def daemon_ignores_config(self, on: bool = True, *, only_variables: bool = False) -> None:
        """From its next start on, the daemon reads the config file as it is now, whatever is in it
        then, and gets no proxy variables: it comes back without the proxy.

        Its command line, and the file for everybody else, look as they should. For the file systemd
        gives the daemon mounts of its own, which a containerd outside does not see: no container
        starts then. With `only_variables` the file counts, and containers start.
        """
        unit = self._layout.unit
        if unit is None:
            config = shlex.quote(self._layout.docker_json)
            self._must(
                f"mkdir -p {_STATE} && cat {config} >{_IGNORED_FILE}"
                if on
                else f"rm -f {_IGNORED_FILE}"
            )
            return
        dropin = f"/run/systemd/system/{unit}.d"
        if not on:
            self._must(f"rm -f {dropin}/zz-nas-lab.conf && {_SYSTEMCTL} daemon-reload")
            return
        folder = self._must(f"readlink -f {shlex.quote(self._config_folder())}").strip()
        names = "HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY"
        text = f"[Service]\nUnsetEnvironment={names} {names.lower()}\n"
        if not only_variables:
            text += f"BindReadOnlyPaths={_IGNORED}:{folder}\n"
        self._must(
            f"set -e; rm -rf {_IGNORED}; mkdir -p {_IGNORED} {dropin}; "
            f"cp -a {shlex.quote(folder)}/. {_IGNORED}/; "
            f"printf '%s' {shlex.quote(text)} >{dropin}/zz-nas-lab.conf; "
            f"{_SYSTEMCTL} daemon-reload"
        )

    def drop_ssh(self) -> int:
        """Cut every ssh session that is open now; returns how many processes served them.

        What a session had started goes on running on the NAS, as after a broken connection.
        """
        killed = self._must(
            "listener=$(cat /var/run/sshd.pid); for pid in $(pidof sshd); do "
            '[ "$pid" = "$listener" ] || { kill -KILL "$pid" && echo "$pid"; }; done; true'
        )
        return len(killed.split())

    def heal(self) -> None:
        """Undo all that was done here, whatever it was; a daemon that is down stays down."""
        self.restart_command("normal")
        self.free_disk()
        self._must(
            f'[ ! -e {_READ_ONLY} ] || while read -r place; do umount -l "$place"; '
            f"done <{_READ_ONLY}; rm -f {_READ_ONLY}"
        )
        self.daemon_ignores_config(False)

    def _config_folder(self) -> str:
        """Where the config file really lies, or would lie."""
        found = self._must(
            f"readlink -f {shlex.quote(self._layout.docker_json)} || echo "
            f"{shlex.quote(self._layout.docker_json)}"
        ).strip()
        return found.rpartition("/")[0]
