"""Several measurements of one thing, as one figure with its spread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Median, least and most of `count` measurements, in the unit that they came in."""

    middle: float
    least: float
    most: float
    count: int


def spread(values: Iterable[float]) -> Spread | None:
    """None without any."""
    found = list(values)
    if not found:
        return None
    return Spread(median(found), min(found), max(found), len(found))


def ratio(this: Spread | None, that: Spread | None) -> float | None:
    """Median by median; None where one is missing or the divisor is 0."""
    if this is None or that is None or that.middle == 0:
        return None
    return this.middle / that.middle
