"""What a Pulumi run that was killed leaves behind: the stack's lock, and resources half made."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import LabError, say
from .project import Project

_REFRESH_DEADLINE = 600.0
_CONTAINER = "docker:index/container:Container"


@dataclass(frozen=True)
class Lock:
    """A lock on a stack: who took it, where, and when (as Pulumi writes it)."""

    file: Path
    pid: int
    user: str
    host: str
    since: str

    @property
    def is_left_over(self) -> bool:
        """Whether it is of a Pulumi process of this machine that is gone."""
        return self.host == socket.gethostname() and not _runs_pulumi(self.pid)


def locks(backend: Path, stack: str) -> list[Lock]:
    """Locks on the stack in a file backend, whatever its project is called.

    They are JSON files below .pulumi/locks (pulumi's pkg/backend/diy/lock.go); one that is being
    written or was removed meanwhile is not among them.
    """
    return list(_read(backend / ".pulumi" / "locks", stack))


def _read(folder: Path, stack: str) -> Iterator[Lock]:
    for file in sorted(folder.rglob(f"{stack}/*.json")):
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            yield Lock(file, raw["pid"], raw["username"], raw["hostname"], raw["timestamp"])
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _runs_pulumi(pid: int) -> bool:
    """Whether this process runs and is the CLI, and not another one with a recycled id."""
    process = Path("/proc") / str(pid)
    try:
        program = (process / "exe").readlink().name
    except PermissionError:  # of another user
        try:
            program = (process / "comm").read_text(encoding="utf-8").strip()
        except OSError:
            return False
    except OSError:
        return False
    return program.removesuffix(" (deleted)").startswith("pulumi")


def clear(project: Project, tool: str) -> None:
    """Make a stack usable that a killed run left locked, or with resources half made.

    `tool` is how the user runs this project's CLI, for messages. Raises LabError for the lock of a
    process that is alive or on another machine: it is not touched.
    """
    found = locks(project.backend, project.stack)
    for lock in found:
        if not lock.is_left_over:
            who = f"process {lock.pid} of {lock.user} on {lock.host}, since {lock.since}"
            way_out = "wait for it, or end it"
            if lock.host != socket.gethostname():
                way_out = f"if that is over, `{tool} cancel --yes` removes the lock"
            raise LabError(f"stack {project.stack} is being worked on by {who}: {way_out}")
    if found:
        say(f"a run that was killed left stack {project.stack} locked: removing the lock")
        say(f"pulumi cancel --yes --stack {project.stack}")
        project.must("cancel", "--yes")
    pending = project.pending()
    if not pending:
        return
    names = [entry["resource"]["urn"].rpartition("::")[2] for entry in pending]
    say(f"a run that was killed left half-made: {', '.join(names)}")
    for container in half_made_containers(pending):
        # The state does not know it, and its name would be taken.
        say(f"removing the container {container} on the NAS")
        project.lab.nas(f"docker rm --force {shlex.quote(container)}")
    command = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates"]
    say(f"pulumi {' '.join(command)} --stack {project.stack}")
    failed = _failure(project, command)
    if failed is not None:
        say(f"that failed: {failed}; `{tool} refresh --clear-pending-creates` tries again")


def half_made_containers(pending: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the containers that were being created, as they are called on the NAS."""
    return [
        entry["resource"]["inputs"]["name"]
        for entry in pending
        if entry["type"] == "creating"
        and entry["resource"]["type"] == _CONTAINER
        and "name" in entry["resource"].get("inputs", {})
    ]


def _failure(project: Project, command: list[str]) -> str | None:
    """Runs `pulumi`; None, or in one line what went wrong."""
    try:
        done = project.run(*command, deadline=_REFRESH_DEADLINE)
    except subprocess.TimeoutExpired:
        return f"not done after {_REFRESH_DEADLINE:.0f} s"
    if done.returncode == 0:
        return None
    lines = f"{done.stdout}\n{done.stderr}".splitlines()
    errors = [line.strip() for line in lines if "error:" in line]
    return errors[0] if errors else f"it ended with {done.returncode}"
