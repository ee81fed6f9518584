"""`make test`: runs the tiers one after the other and ends with a summary, also when one fails.

python -m tests.summary TIER...: each is a target of the Makefile. The first that fails is the last
that is run, and its exit status is that of the whole.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.results import FOLDER, SLOWEST, Results, read

OUTCOMES = ("passed", "failed", "error", "skipped")


@dataclass(frozen=True)
class Ran:
    """One tier: its exit status and seconds, None where it was not run."""

    tier: str
    status: int | None = None
    seconds: float = 0.0


def main(tiers: Sequence[str]) -> int:
    """Runs the tiers and prints the summary; the exit status of the one that failed, else 0."""
    with tempfile.TemporaryDirectory(prefix="nas-k3s-results-") as name:
        folder = Path(name)
        ran: list[Ran] = []
        try:
            for tier in tiers:
                ran.append(_run(tier, folder))
                if ran[-1].status:
                    break
        finally:
            ran += [Ran(tier) for tier in tiers[len(ran) :]]
            print(text(ran, read(folder)), flush=True)
    return next((one.status for one in ran if one.status), 0)


def _run(tier: str, folder: Path) -> Ran:
    began = time.monotonic()
    done = subprocess.run(
        [os.environ.get("MAKE", "make"), tier], env={**os.environ, FOLDER: str(folder)}, check=False
    )
    return Ran(tier, done.returncode, time.monotonic() - began)


def text(ran: Iterable[Ran], results: Sequence[Results]) -> str:
    """The summary."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        for tier, found in result.counts.items():
            counts.setdefault(tier, Counter()).update(found)
    lines = ["", "summary", _row("tier", *OUTCOMES, "seconds", "")]
    for one in ran:
        found = counts.get(one.tier, Counter())
        cells = [str(found[outcome]) if found else "" for outcome in OUTCOMES]
        said = {None: "not run", 0: ""}.get(one.status, f"failed with status {one.status}")
        took = "" if one.status is None else f"{one.seconds:.0f}"
        lines.append(_row(one.tier, *cells, took, said))
    everything = sum(counts.values(), Counter())
    took = f"{sum(one.seconds for one in ran):.0f}"
    lines.append(_row("all", *(str(everything[outcome]) for outcome in OUTCOMES), took, ""))
    lines += ["", *dict.fromkeys(result.engine for result in results if result.engine)]
    tests = {test: took for result in results for test, took in result.slowest.items()}
    slowest = sorted(tests.items(), key=lambda item: -item[1])[:SLOWEST]
    if slowest:
        lines += ["", "slowest tests, in seconds with their fixtures"]
        lines += [f"{took:8.1f}  {test}" for test, took in slowest]
    return "\n".join(lines) + "\n"


def _row(tier: str, *cells: str) -> str:
    *numbers, said = cells
    return f"{tier:<10}" + "".join(f"{cell:>9}" for cell in numbers) + (f"  {said}" if said else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
