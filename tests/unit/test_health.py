"""Clock, memory and disk of a NAS: warnings of the plan, and of doctor by the same judgement."""

from __future__ import annotations

from typing import Any

import pytest

from nas.checks.health import find_troubles
from nas.facts import parse_facts
from nas.plan import make_plan
from tests.unit.samples import FACTS, facts, settings

GIB = 1024**3
ROOM = {"data_size": 1000 * GIB, "data_free": 500 * GIB}


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
        (ROOM, ()),
        ({**ROOM, "data_free": GIB // 4}, ("disk-full",)),
        ({**ROOM, "data_free": 40 * GIB}, ("disk-pressure",)),
        ({"data_size": 8 * GIB, "data_free": 2 * GIB}, ("disk-short",)),
        ({**ROOM, "data_inodes": 1000, "data_free_inodes": 49}, ("inodes-gone",)),
        ({**ROOM, "data_inodes": 1000, "data_free_inodes": 51}, ()),
        ({**ROOM, "data_inodes": 0, "data_free_inodes": 0}, ()),
        ({"skew": 99.0, "memory_free": 1, **ROOM}, ("clock-off", "memory-gone")),
    ],
)
def test_what_ails_a_nas_is_named_once(changes: dict[str, Any], kinds: tuple[str, ...]) -> None:
    assert tuple(trouble.kind for trouble in find_troubles(facts(**changes))) == kinds


def test_preview_and_up_warn_of_it_with_what_to_do() -> None:
    before = make_plan(settings(), FACTS).warnings
    found = make_plan(settings(), facts(skew=-3600.0, data_size=GIB, data_free=1)).warnings
    new = [warning for warning in found if warning not in before]
    assert len(new) == 2
    assert "off by -3600 s" in new[0]
    assert "NTP" in new[0]
    assert "is full" in new[1]
    assert "docker image prune" in new[1]


def test_a_file_system_that_makes_inodes_as_it_goes_has_none_to_run_out_of() -> None:
    found = parse_facts("data_space=4096|1000|500|0|0\n")
    assert (found.data_size, found.data_free, found.data_inodes) == (4096000, 2048000, 0)


@pytest.mark.parametrize("text", ["", "4096|1000", "a|b|c|d|e", "4096|1000|-1|0|0"])
def test_what_stat_does_not_tell_is_left_out(text: str) -> None:
    assert parse_facts(f"data_space={text}\n").data_size is None
