"""What the program has to reach, and what it reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.results import Case, Results, Run
from tests.bench.stats import Spread, ratio, spread

CHANGING: tuple[Case, ...] = ("no-proxy", "destroy")
"""Where Docker's own proxy changes after the first `up`."""


@dataclass(frozen=True)
class Goal:
    """One goal. `figure` None: it was not measured; met when it is at most `most` and at least
    `least`. `why`: what is said where it is missed."""

    key: str
    title: str
    figure: float | None
    most: float
    least: float = 0.0
    unit: str = "x"
    why: str = ""

    @property
    def met(self) -> bool:
        return self.figure is not None and self.least <= self.figure <= self.most


def goals(results: Results) -> tuple[Goal, ...]:
    """All of them, in the order of the page."""
    of = results.of
    peer = of("ansible", "no-op")
    quiet = _quiet(results)
    return (
        Goal(
            "cold",
            "first `up`, against the script",
            ratio(of("ours", "cold"), of("floor", "cold")),
            1.15,
            why=_COLD,
        ),
        Goal(
            "no-op",
            "`up` that changes nothing, against the playbook's",
            ratio(of("ours", "no-op"), peer),
            0.5,
            why=quiet,
        ),
        Goal(
            "preview",
            "`preview`, against the same",
            ratio(of("ours", "preview"), peer),
            0.5,
            why=quiet,
        ),
        Goal(
            "no-op-empty",
            "`up` that changes nothing, against a program with the same plugins that makes nothing",
            ratio(of("ours", "no-op"), of("providers", "no-op")),
            2,
            why=quiet,
        ),
        Goal(
            "preview-empty",
            "`preview`, against the same",
            ratio(of("ours", "preview"), of("providers", "preview")),
            2,
            why=quiet,
        ),
        Goal(
            "no-proxy",
            "change of `noProxy`, against the script",
            ratio(of("ours", "no-proxy"), of("floor", "no-proxy")),
            1.3,
            why=_CHANGE,
        ),
        Goal(
            "restarts-first",
            "restarts of Docker by the first `up`",
            _most(of("ours", "cold", _restarts)),
            1,
            1,
            "",
            why=_ALONE,
        ),
        Goal(
            "restarts-quiet",
            "restarts of Docker by an `up` without a change, a preview, another version",
            _most(_of_cases(results, ("no-op", "preview", "bump"))),
            0,
            unit="",
            why=_ALONE,
        ),
        Goal(
            "restarts-changing",
            "restarts of Docker by another `noProxy` and by destroy",
            _most(_of_cases(results, CHANGING)),
            0,
            unit="",
            why=_RESTART,
        ),
        Goal(
            "down",
            "no API while the version changes, against a stop and a start of k3s",
            ratio(of("ours", "bump", down), spread(results.bounce)),
            1,
            why=_DOWN,
        ),
        Goal(
            "fleet",
            f"`up` per stack, {_largest(results)} stacks side by side against one",
            _per_stack(results),
            1,
            why="the stacks share the cores of this machine.",
        ),
    )


def _restarts(run: Run) -> float:
    return run.restarts


def down(run: Run) -> float | None:
    return run.down


def _of_cases(results: Results, cases: Sequence[Case]) -> Spread | None:
    found = [run.restarts for run in results.runs if run.tool == "ours" and run.case in cases]
    return spread(found)


def _most(found: Spread | None) -> float | None:
    return None if found is None else found.most


def _largest(results: Results) -> int:
    return max((run.stacks for run in results.fleet), default=0)


def _per_stack(results: Results) -> float | None:
    """Seconds per stack of the largest number over those of one."""
    largest = _largest(results)
    quotient = ratio(results.of_fleet("up", largest), results.of_fleet("up", 1))
    return None if quotient is None else quotient / largest


def _quiet(results: Results) -> str:
    slow = any("stand-in" in version for version in results.versions.values())
    in_python = ", stand-ins in Python among them" if slow else ""
    return (
        f"most of it is Pulumi's own start and that of the plugins{in_python}; the rest is the "
        "look at the NAS, seven calls of docker there, by which changes that others made are seen. "
        "`drift: off` does not save the look, which also finds what has to be refused."
    )


# What is said of a missed goal holds for every measurement: the figures are in the tables.
_COLD = (
    "before it pulls the image the program has started an engine, a language host and three"
    " plugins, has read the NAS, has put docker on the PATH and has asked proxy and "
    "registry; after CoreDNS runs come logs, exec, the Job and the timeline. The script "
    "does none of that. Of the Job, two seconds are those in which Kubernetes notices that "
    "its pod has ended; it does not run beside the other checks, because an error that they "
    "find would then be told only when the Job is given up. It is a number of seconds and "
    "no share: with an image that comes over a slow line, the quotient is smaller."
)
_CHANGE = (
    "when Docker restarts, it starts the old k3s again, which is then stopped in the middle"
    " of that and made anew; the script does the same. On top come the start of Pulumi and "
    "the proof of the new container."
)
_RESTART = (
    "Docker reads its proxy at its start only, so another list and the way back cost one "
    "each. The script and the playbook pay the same."
)
_DOWN = (
    "the old server is also paused for the snapshot of its data, and its container removed "
    "and made anew where a stop and a start keep it; the new version then starts on a "
    "machine that runs Pulumi as well."
)
_ALONE = "Docker restarts for its proxy alone."
