"""One command, timed from its start to its end, with what it says kept for when it fails."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.lab.process import LabError


class Watcher(Protocol):
    """Looks at a process and all that it starts, for as long as the block lasts."""

    def __call__(self, pid: int) -> AbstractContextManager[object]: ...


@dataclass(frozen=True)
class Command:
    """What to start. `name` is for messages."""

    name: str
    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    stdin: str = ""


def timed(command: Command, watcher: Watcher | None = None, deadline: float = 900) -> float:
    """Seconds until it ended well.

    Its output goes to files: an ssh that stays in the background would keep a pipe open.

    Raises:
        LabError: with the last lines when it fails or does not end in time.
    """
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as given:
        given.write(command.stdin.encode())
        given.seek(0)
        began = time.monotonic()
        child = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=dict(command.environment),
            stdin=given,
            stdout=said,
            stderr=subprocess.STDOUT,
            # By this its watcher finds all that belongs to it.
            start_new_session=True,
        )
        with watcher(child.pid) if watcher else nullcontext():
            try:
                code = child.wait(deadline)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise LabError(f"{command.name} did not end within {deadline:.0f} s") from None
        took = time.monotonic() - began
        if code != 0:
            said.seek(0)
            text = said.read().decode(errors="replace").strip().splitlines()
            raise LabError(f"{command.name} ended with {code}:\n" + "\n".join(text[-30:]))
        return took
