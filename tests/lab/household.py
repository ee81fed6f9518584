"""The other containers that run on the NAS, which the program must leave as it finds them."""

from __future__ import annotations

from collections.abc import Callable

from .images import HOUSEHOLD_REFERENCE
from .process import LabError, say

# Names and what a daemon restart does to them, by Docker's restart policies: photos comes back
# (unless-stopped), notes stays down (no policy), old-backup stays down (stopped by hand).
NAMES = ("photos", "notes", "old-backup")
# The container of the second daemon, where there is one; users never see it.
SYSTEM_NAME = "system-app"
# Where photos answers HTTP on the NAS, through a published port.
PHOTOS_PORT = 8090

# httpd has no handler for SIGTERM as the first process of a container; KILL spares ten seconds.
_SCRIPT = f"""
set -e
docker load --quiet --input /opt/nas-lab/household.tar
docker run --detach --name photos --restart unless-stopped --stop-signal KILL \\
    --publish {PHOTOS_PORT}:80 --volume photos:/www {HOUSEHOLD_REFERENCE} \\
    sh -c 'echo photos >/www/index.html; exec httpd -f -p 80 -h /www'
docker run --detach --name notes --stop-signal KILL {HOUSEHOLD_REFERENCE} httpd -f -p 80
docker run --detach --name old-backup --restart unless-stopped --stop-signal KILL \\
    {HOUSEHOLD_REFERENCE} httpd -f -p 80
docker stop old-backup
"""

Run = Callable[[str], tuple[int, str, str]]


def ensure(nas: Run, note: str, system_socket: str | None = None) -> bool:
    """Make the containers at the first boot of a NAS; True when they were made now.

    `nas` runs a command on the NAS, with docker on the PATH, and returns exit code, stdout and
    stderr. `note` is a file there that says that it was done, so a container that somebody removes
    stays removed. With `system_socket`, the NAS's other daemon gets its container as well. Raises
    LabError with what docker said.
    """
    if nas(f"test -e {note}")[0] == 0:
        return False
    say("nas: starting the containers of the household")
    nas(f"docker rm --force {' '.join(NAMES)}")  # of a first boot that was cut short
    code, out, err = nas(_SCRIPT)
    if code != 0:
        raise LabError(f"the household's containers do not start: {(err or out).strip()[-300:]}")
    if system_socket is not None:
        docker = f"docker --host unix://{system_socket}"
        nas(f"{docker} rm --force {SYSTEM_NAME}")
        code, out, err = nas(
            f"{docker} load --quiet --input /opt/nas-lab/household.tar && "
            f"{docker} run --detach --name {SYSTEM_NAME} --restart unless-stopped "
            f"--stop-signal KILL --network none {HOUSEHOLD_REFERENCE} sleep 1000000"
        )
        if code != 0:
            said = (err or out).strip()[-300:]
            raise LabError(f"the container of the NAS's own daemon does not start: {said}")
    nas(f"mkdir -p {note.rpartition('/')[0]} && touch {note}")
    return True
