"""The same job by each contender on the same NAS, in alternating order, round by round."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.bench.box import counts, put_back
from tests.bench.contenders import Contender, Ours
from tests.bench.job import MORE_NO_PROXY, NEXT, Wanted
from tests.bench.process import Command, Watcher, timed
from tests.bench.results import QUIET_RUNS, Case, Memory, Run, Tool
from tests.bench.watch import Downtime, MemoryPeak
from tests.bench.yardstick import Yardstick
from tests.lab.box import Lab
from tests.lab.process import say

COLD = Wanted()
NO_PROXY = Wanted(no_proxy=(MORE_NO_PROXY,))
BUMP = Wanted(NEXT, (MORE_NO_PROXY,))

_T = TypeVar("_T")


def rotated(contenders: Sequence[_T], round_: int) -> Iterator[_T]:
    """Each round begins with another."""
    first = round_ % len(contenders)
    yield from [*contenders[first:], *contenders[:first]]


@dataclass
class Duel:
    """Runs and collects."""

    lab: Lab
    runs: list[Run] = field(default_factory=list)
    bounce: list[float] = field(default_factory=list)
    memory: list[Memory] = field(default_factory=list)

    def round(self, number: int, contenders: Sequence[Contender]) -> None:
        """All cases of each contender."""
        for contender in rotated(contenders, number):
            put_back(self.lab)
            self._job(number, contender)

    def yardsticks(self, number: int, yardsticks: Sequence[Yardstick]) -> None:
        """Programs that make nothing; their stacks are up."""
        for yardstick in yardsticks:
            for _ in range(QUIET_RUNS):
                self._run(number, yardstick.tool, "no-op", yardstick.up())
                self._run(number, yardstick.tool, "preview", yardstick.preview())

    def memory_round(self, ours: Ours) -> None:
        """The cases once more, watched for memory and not timed: to look costs time."""
        put_back(self.lab)
        commands: dict[Case, Wanted] = {"cold": COLD, "no-op": COLD, "bump": Wanted(NEXT)}
        for case, wanted in commands.items():
            self._watch(case, ours.apply(wanted))
        self._watch("preview", ours.preview(Wanted(NEXT)))
        self._watch("destroy", ours.destroy())

    def _job(self, number: int, contender: Contender) -> None:
        tool = contender.tool
        self._run(number, tool, "cold", contender.apply(COLD))
        for _ in range(QUIET_RUNS):
            self._run(number, tool, "no-op", contender.apply(COLD))
            if isinstance(contender, Ours):
                self._run(number, tool, "preview", contender.preview(COLD))
        self._run(number, tool, "no-proxy", contender.apply(NO_PROXY))
        if tool == "floor":
            self._bounce()
        down = Downtime(self._kubeconfig())
        self._run(number, tool, "bump", contender.apply(BUMP), down)
        self._run(number, tool, "destroy", contender.destroy())

    def _run(
        self, number: int, tool: Tool, case: Case, command: Command, down: Downtime | None = None
    ) -> None:
        before = counts(self.lab)
        watcher: Watcher | None = None if down is None else down.watching
        seconds = timed(command, watcher)
        logins, restarts = counts(self.lab).since(before)
        say(f"round {number}: {tool} {case}: {seconds:.2f} s, {logins} logins, {restarts} restarts")
        self.runs.append(
            Run(
                tool=tool,
                case=case,
                round=number,
                seconds=round(seconds, 3),
                logins=logins,
                restarts=restarts,
                down=None if down is None else round(down.seconds, 3),
            )
        )

    def _watch(self, case: Case, command: Command) -> None:
        peak = MemoryPeak()
        timed(command, peak.watching)
        parts = {name: round(mib, 1) for name, mib in sorted(peak.parts.items())}
        self.memory.append(Memory(case=case, mib=round(peak.mib, 1), parts=parts))
        say(f"memory: {case}: {peak.mib:.0f} MiB")

    def _bounce(self) -> None:
        """How long the API is away when k3s is stopped and started, and nothing else."""
        down = Downtime(self._kubeconfig())
        with down.watching(0):
            time.sleep(0.5)
            self.lab.nas_must("docker stop -t 30 k3s && docker start k3s")
            end = time.monotonic() + 60
            while down.seconds == 0.0 and time.monotonic() < end:
                time.sleep(0.05)
        self.bounce.append(round(down.seconds, 3))
        say(f"stop and start of k3s: {down.seconds:.2f} s without its API")

    def _kubeconfig(self) -> str:
        text = self.lab.nas_must("docker exec k3s cat /etc/rancher/k3s/k3s.yaml")
        return text.replace("127.0.0.1", self.lab.nas_host)


def forget(ours: Ours) -> None:
    """Takes the stack's resources out of the state, when an earlier run was cut off."""
    if ours.project.resources():
        ours.project.must("destroy", "--yes", "--skip-preview")
