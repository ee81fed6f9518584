"""The raw figures, as docs/performance.json keeps them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tests.bench.stats import Spread, spread
from tests.lab.paths import REPO

QUIET_RUNS = 3
"""How often each round measures what changes nothing and takes seconds."""

FILE = REPO / "docs" / "performance.json"

Tool = Literal["floor", "ansible", "ours", "empty", "providers"]
"""`empty`: a Pulumi program that is one import; `providers`: one that makes the three providers."""
Case = Literal["cold", "no-op", "preview", "no-proxy", "bump", "destroy"]
FleetCase = Literal["up", "no-op", "destroy"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Machine(_Record):
    """Where it was measured. `load`: processes that wanted a core in the minute before."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    load: float


class Run(_Record):
    """One command, from its start to its end, in one round.

    `logins`: SSH connections that the NAS accepted. `restarts`: of its Docker daemon. `down`:
    seconds without an answer of the Kubernetes API, where that was watched.
    """

    tool: Tool
    case: Case
    round: int
    seconds: float
    logins: int
    restarts: int
    down: float | None = None


class Memory(_Record):
    """Most memory that all processes of one command held at one time, in MiB.

    A page that several of them share counts once (proportional set size). `parts`: the same moment
    by program.
    """

    case: Case
    mib: float
    parts: dict[str, float]


class Fleet(_Record):
    """One command for each of `stacks` stacks, side by side, each with a NAS of its own."""

    case: FleetCase
    stacks: int
    round: int
    seconds: float
    mib: float


class Results(_Record):
    """One whole measurement. `bounce`: seconds without an API when k3s is stopped and started."""

    measured: str
    machine: Machine
    versions: dict[str, str]
    rounds: int
    runs: list[Run]
    bounce: list[float]
    memory: list[Memory]
    fleet: list[Fleet]

    def of(
        self,
        tool: Tool,
        case: Case,
        figure: Callable[[Run], float | None] = lambda run: run.seconds,
    ) -> Spread | None:
        """One figure of a tool in a case, over all rounds."""
        chosen = (figure(run) for run in self.runs if (run.tool, run.case) == (tool, case))
        return spread(value for value in chosen if value is not None)

    def of_fleet(self, case: FleetCase, stacks: int) -> Spread | None:
        """Seconds for all stacks together."""
        return spread(run.seconds for run in self.fleet if (run.case, run.stacks) == (case, stacks))


def load(file: Path = FILE) -> Results:
    """Raises OSError without the file and ValueError (pydantic's) for what is none."""
    return Results.model_validate_json(file.read_text(encoding="utf-8"))


def save(results: Results, file: Path = FILE) -> None:
    file.write_text(results.model_dump_json(indent=1) + "\n", encoding="utf-8")
