"""BusyBox ash, as the shell of a NAS."""

from __future__ import annotations

import subprocess

from tests.scripts.fake_nas import busybox


def ash(script: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a script as the program does: on the standard input of `sh -s ARGUMENTS`."""
    command = [str(busybox()), "ash", "-s", *arguments]
    return subprocess.run(
        command, input=script.encode(), capture_output=True, timeout=60, check=False
    )
