"""What a run of pytest has to tell the summary of `make test`: a file of results for each run."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

FOLDER = "NAS_K3S_RESULTS"
"""Variable that names the folder for these files; without it none is written."""
SLOWEST = 10
WITH_ENGINE = frozenset({"contract", "e2e"})
"""Tiers that use Pulumi's engine and its providers."""


@dataclass
class Results:
    """One run of pytest.

    Attributes:
        counts: tier -> outcome (`passed`, `failed`, `skipped`, `error`) -> number of tests.
        slowest: test -> seconds with its fixtures, the longest first.
        engine: the engine and the providers that the run used, empty where it needs none.
    """

    counts: dict[str, dict[str, int]]
    slowest: dict[str, float] = field(default_factory=dict)
    engine: str = ""


def read(folder: Path) -> list[Results]:
    """All that runs have written there, in the order of their ends."""
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return [Results(**json.loads(file.read_text(encoding="utf-8"))) for file in files]


class Recorder:
    """Pytest plugin: counts what it sees, and writes it at the end of the session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts: dict[str, Counter[str]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts a test once: by its call, or by what kept it from one or failed after it."""
        self._seconds[report.nodeid] += report.duration
        outcome: str = report.outcome
        if report.when != "call":
            if outcome == "passed" or (outcome == "skipped" and report.when == "teardown"):
                return
            outcome = "error" if outcome == "failed" else outcome
        self._counts.setdefault(tier_of(report.nodeid), Counter())[outcome] += 1

    def pytest_sessionfinish(self) -> None:
        if not self._counts:
            return
        used = "" if WITH_ENGINE.isdisjoint(self._counts) else _engine()
        longest = sorted(self._seconds.items(), key=lambda item: -item[1])[:SLOWEST]
        slowest = {test: round(took, 1) for test, took in longest}
        found = Results({tier: dict(n) for tier, n in self._counts.items()}, slowest, used)
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{os.getpid()}.json"
        file.write_text(json.dumps(asdict(found)), encoding="utf-8")


def tier_of(test: str) -> str:
    """`e2e` of `tests/e2e/test_x.py::test_y`."""
    return test.removeprefix("tests/").partition("/")[0]


def _engine() -> str:
    # Not at the top: the cheap tiers need nothing of the lab.
    from tests.lab import engine
    from tests.lab.process import LabError

    try:
        return engine.ensure_engine().describe()
    except LabError as error:
        return f"no engine: {error}"
