"""What ails a NAS without standing in the way of a run: its clock, its memory, its disk.

Preview and up warn of it, and doctor names it: one judgement for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nas.fact_lines import Space
from nas.facts import Facts

CLOCK_OFF, CLOCK_FAR = 30, 300
"""Seconds. Beyond the second TLS and Kubernetes refuse what is signed for now."""
MEMORY_SHORT, MEMORY_GONE = 512 * 1024, 96 * 1024
"""KiB that programs can still have."""
DISK_GONE = 512 * 1024**2
DISK_SHORT = 4 * 1024**3
"""Bytes: the k3s image and what runs in the cluster take some of them."""
EVICTION = 0.05
"""k3s's kubelet evicts pods below this share of free space or inodes (its eviction-hard)."""


@dataclass(frozen=True)
class Trouble:
    """One thing that ails; `kind` is a leaf of the catalogue, `grave` when things fail by it."""

    kind: Literal[
        "clock-far",
        "clock-off",
        "memory-gone",
        "memory-short",
        "disk-full",
        "disk-pressure",
        "disk-short",
        "inodes-gone",
    ]
    grave: bool
    values: Mapping[str, str] = field(default_factory=dict)


def check_clock(facts: Facts) -> Trouble | None:
    """Whether the NAS's clock agrees with this machine's."""
    if facts.skew is None or abs(facts.skew) < CLOCK_OFF:
        return None
    shown = {"skew": f"{facts.skew:+.0f}"}
    if abs(facts.skew) >= CLOCK_FAR:
        return Trouble("clock-far", True, shown)
    return Trouble("clock-off", False, shown)


def check_memory(facts: Facts) -> Trouble | None:
    """Whether programs can still have some."""
    if facts.memory_free is None or facts.memory_free >= MEMORY_SHORT:
        return None
    values = {"free": str(facts.memory_free // 1024), "total": str((facts.memory or 0) // 1024)}
    if facts.memory_free < MEMORY_GONE:
        return Trouble("memory-gone", True, values)
    return Trouble("memory-short", False, values)


def check_disk(facts: Facts) -> Trouble | None:
    """Whether Docker and the cluster can still write; of two disks that ail, the worse."""
    places = ((facts.data_root, facts.docker_space), (facts.data_directory, facts.directory_space))
    found = (_check_space(place, space) for place, space in places if space is not None)
    ailing = [trouble for trouble in found if trouble is not None]
    return min(ailing, key=lambda trouble: not trouble.grave, default=None)


def _check_space(place: str, space: Space) -> Trouble | None:
    values = {
        "place": place,
        "free": f"{space.free / 1024**3:.1f}",
        "size": f"{space.size / 1024**3:.1f}",
    }
    if space.free < DISK_GONE:
        return Trouble("disk-full", True, values)
    if space.free < EVICTION * space.size:
        return Trouble("disk-pressure", True, values)
    if space.inodes and space.free_inodes < EVICTION * space.inodes:
        return Trouble("inodes-gone", True, {**values, "inodes": str(space.free_inodes)})
    if space.free < DISK_SHORT:
        return Trouble("disk-short", False, values)
    return None


def find_troubles(facts: Facts) -> tuple[Trouble, ...]:
    """Everything that ails."""
    found = (check_clock(facts), check_memory(facts), check_disk(facts))
    return tuple(trouble for trouble in found if trouble is not None)
