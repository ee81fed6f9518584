"""1, 4 and 8 stacks side by side, each with a NAS of its own.

Light ones: docker on the PATH and the daemon's proxy, without k3s. Eight clusters would take the
cores that the programs are measured on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic

from tests.bench.contenders import pulumi
from tests.bench.process import Command, timed
from tests.bench.results import Fleet, FleetCase
from tests.bench.watch import MemoryPeak, memory_of, repeating
from tests.lab import box
from tests.lab.engine import Engine
from tests.lab.paths import REPO
from tests.lab.process import say
from tests.lab.project import Project, lab_settings, open_project

STACK = "bench-light"
_PROGRAM = REPO / "tests" / "e2e" / "docker_only.py"
_CASES: dict[FleetCase, tuple[str, ...]] = {
    "up": ("up", "--yes", "--skip-preview"),
    "no-op": ("up", "--yes", "--skip-preview"),
    "destroy": ("destroy", "--yes", "--skip-preview"),
}


@contextmanager
def labs(name: str, number: int) -> Iterator[list[box.Lab]]:
    """So many NAS, each with its proxy and registry; removed at the end."""
    names = [f"{name}{index}" for index in range(1, number + 1)]
    with ExitStack() as at_end:
        for each in names:
            at_end.enter_context(box.in_use(each))
            at_end.callback(box.down, each)
        yield [box.up(each) for each in names]


def measure(
    running: Sequence[box.Lab], engine: Engine, sizes: Sequence[int], rounds: int
) -> list[Fleet]:
    """Each case once for the first so many NAS of `running`, in each round."""
    projects = [_project(lab, engine) for lab in running]
    found = []
    for number in range(1, rounds + 1):
        for size in sizes:
            for case in _CASES:
                found.append(_side_by_side(case, projects[:size], number))
    return found


def _project(lab: box.Lab, engine: Engine) -> Project:
    project = open_project(lab, engine, STACK)
    main = project.folder / "__main__.py"
    main.unlink()
    main.symlink_to(_PROGRAM)
    project.configure(*lab_settings(lab))
    return project


def _side_by_side(case: FleetCase, projects: Sequence[Project], number: int) -> Fleet:
    commands = [pulumi(project, *_CASES[case]) for project in projects]
    watched = _Sessions()
    began = monotonic()
    with ThreadPoolExecutor(len(commands)) as pool, repeating(watched.look, 0.5):
        list(pool.map(watched.run, commands))
    seconds = monotonic() - began
    say(f"{len(commands)} stacks: {case}: {seconds:.2f} s, {watched.peak.mib:.0f} MiB")
    return Fleet(
        case=case,
        stacks=len(commands),
        round=number,
        seconds=round(seconds, 3),
        mib=round(watched.peak.mib, 1),
    )


@dataclass
class _Sessions:
    """Commands that run at the same time, and the memory of all of them."""

    peak: MemoryPeak = field(default_factory=MemoryPeak)
    _running: set[int] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, command: Command) -> float:
        return timed(command, self._with)

    def look(self) -> None:
        with self._lock:
            running = set(self._running)
        self.peak.see(memory_of(running))

    @contextmanager
    def _with(self, pid: int) -> Iterator[None]:
        with self._lock:
            self._running.add(pid)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(pid)
