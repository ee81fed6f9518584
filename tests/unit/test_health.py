"""Clock, memory and disk of a NAS: warnings of the plan, and of doctor by the same judgement."""

from __future__ import annotations

from typing import Any

import pytest

from nas.checks.health import find_troubles
from nas.fact_lines import Space
from nas.facts import parse_facts
from nas.plan import make_plan
from tests.unit.samples import FACTS, facts, settings

GIB = 1024**3


def room(free: int = 500 * GIB, size: int = 1000 * GIB, **inodes: int) -> dict[str, Space]:
    return {"docker_space": Space(size, free, **inodes)}


def other(free: int) -> dict[str, Space]:
    """Of `dataDirectory`, on a volume of its own."""
    return {"directory_space": Space(1000 * GIB, free)}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ()),
        ({"skew": 0.0}, ()),
        ({"skew": 29.9}, ()),
        ({"skew": -30.0}, ("clock-off",)),
        ({"skew": -300.0}, ("clock-far",)),
        ({"skew": 300.0}, ("clock-far",)),
        ({"memory_free": 600 * 1024}, ()),
        ({"memory_free": 500 * 1024}, ("memory-short",)),
        ({"memory_free": 90 * 1024}, ("memory-gone",)),
        (room(), ()),
        (room(free=GIB // 4), ("disk-full",)),
        (room(free=40 * GIB), ("disk-pressure",)),
        (room(size=8 * GIB, free=2 * GIB), ("disk-short",)),
        (room(inodes=1000, free_inodes=49), ("inodes-gone",)),
        (room(inodes=1000, free_inodes=51), ()),
        (room(inodes=0, free_inodes=0), ()),
        ({**room(), **other(500 * GIB)}, ()),
        ({**room(), **other(GIB // 4)}, ("disk-full",)),
        ({**room(size=8 * GIB, free=2 * GIB), **other(1)}, ("disk-full",)),
        ({"skew": 99.0, "memory_free": 1, **room()}, ("clock-off", "memory-gone")),
    ],
)
def test_what_ails_a_nas_is_named_once(changes: dict[str, Any], kinds: tuple[str, ...]) -> None:
    assert tuple(trouble.kind for trouble in find_troubles(facts(**changes))) == kinds


def test_preview_and_up_warn_of_it_with_what_to_do() -> None:
    before = make_plan(settings(), FACTS).warnings
    found = make_plan(settings(), facts(skew=-3600.0, **room(size=GIB, free=1))).warnings
    new = [warning for warning in found if warning not in before]
    assert len(new) == 2
    assert "off by -3600 s" in new[0]
    assert "NTP" in new[0]
    assert "is full" in new[1]
    assert "docker image prune" in new[1]


def test_a_file_system_that_makes_inodes_as_it_goes_has_none_to_run_out_of() -> None:
    found = parse_facts("docker_space=4096|1000|500|0|0\n")
    assert found.docker_space == Space(size=4096000, free=2048000)


@pytest.mark.parametrize("text", ["", "4096|1000", "a|b|c|d|e", "4096|1000|-1|0|0"])
def test_what_stat_does_not_tell_is_left_out(text: str) -> None:
    assert parse_facts(f"docker_space={text}\n").docker_space is None
