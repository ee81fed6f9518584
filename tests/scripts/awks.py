"""The awks that a NAS may have, and json.awk run by them on many documents at once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nas.remote_script import script_source
from tests.lab import debs
from tests.scripts.fake_nas import busybox

NAMES = ("busybox", "mawk", "gawk")


@cache
def awk(name: str) -> tuple[str, ...]:
    """Command line of an awk; the distribution's own where the machine has none."""
    if name == "busybox":
        return str(busybox()), "awk"
    found = shutil.which(name)
    if found is not None:
        return (found,)
    root = debs.root("awk", ["gawk", "mawk"])
    (loader,) = root.glob("usr/lib/*/ld-linux-*")
    return str(loader), "--library-path", str(loader.parent), str(root / "usr/bin" / name)


@dataclass(frozen=True)
class Result:
    """What one run of json.awk gave."""

    status: int
    out: bytes


# Reads N.in, leaves N.out and N.status. One shell for all documents: starting one for each would
# take longer than the awk does.
_LOOP = """cd "$1" && shift || exit 1
for file in *.in; do
  "$@" "$JSON_AWK" <$file >${file%.in}.out 2>&1
  echo $? >${file%.in}.status
done
"""


def edit(
    name: str, operation: str, documents: Sequence[str], where: Path, value: str = ""
) -> list[Result]:
    """json.awk's answer for each document; `where` is an empty directory or does not exist."""
    where.mkdir(exist_ok=True)
    for number, document in enumerate(documents):
        # The sentinel behind the text is what lib.sh adds.
        (where / f"{number}.in").write_bytes(document.encode() + b"E")
    command = [str(busybox()), "ash", "-c", _LOOP, "sh", str(where), *awk(name)]
    subprocess.run(command, env=_environment(operation, value), check=True, timeout=120)
    return [
        Result(
            int((where / f"{number}.status").read_text()), (where / f"{number}.out").read_bytes()
        )
        for number in range(len(documents))
    ]


def _environment(operation: str, value: str) -> Mapping[str, str]:
    ours = {"OP": operation, "KEY": "proxies", "VALUE": value}
    return {**os.environ, **ours, "LC_ALL": "C", "JSON_AWK": script_source("json.awk")}
