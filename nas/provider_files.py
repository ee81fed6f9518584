"""Copies of the kubeconfig that Pulumi's Kubernetes provider leaves on this machine.

Each time that it is configured it writes one for Helm into the temporary directory, mode 0600, and
never removes it (pulumi-kubernetes 4.34, `writeKubeconfigToFile`): a login to the cluster for each
run. `python -m nas.provider_files CONTEXT` removes those of one cluster.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from pathlib import Path

MODULE = "nas.provider_files"

# As Go names a temporary file: a random number of 32 bits.
_NAME = re.compile(r"kubeconfig[0-9]{6,10}")
_NAMED = re.compile(r"^(?:- |  )name: (.*)$", re.MULTILINE)
_LARGEST = 1 << 20


def remove(context: str) -> int:
    """Removes the copies whose one context, cluster and user have this name; returns how many.

    Those of other people, and what cannot be removed, stay. Never raises.
    """
    # Go knows no other variable for the place, Python's tempfile does.
    place = Path(os.environ.get("TMPDIR") or "/tmp")
    removed = 0
    with contextlib.suppress(OSError):
        for file in list(place.iterdir()):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if _NAME.fullmatch(file.name) and _is_copy(file, context):
                    file.unlink()
                    removed += 1
    return removed


def _is_copy(file: Path, context: str) -> bool:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
        return False
    if status.st_size > _LARGEST:
        return False
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    return (
        f"current-context: {context}" in lines
        and "kind: Config" in lines
        and _NAMED.findall(text) == [context] * 3
    )


if __name__ == "__main__":
    remove(sys.argv[1])
