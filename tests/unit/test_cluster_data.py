"""Which cluster the data is: the same as long as the data lives."""

from __future__ import annotations

import pytest

from nas.cluster_data import ClusterIdentifier, cluster_identifier
from nas.facts import Facts
from tests.unit.samples import facts, settings

FIRST = "nas-k3s/nas88/k3s"
OWN = f"{FIRST}/20251125T090000Z"


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        (facts(cluster_data="none"), OWN),
        (facts(cluster_data="there", cluster_id=OWN), OWN),
        # claimed by a run that ended before k3s started
        (facts(cluster_data="none", cluster_id="nas-k3s/other/k3s"), "nas-k3s/other/k3s"),
        (facts(cluster_data="there"), FIRST),
        (facts(cluster_data="there", cluster_id="what's this?"), FIRST),
        (facts(cluster_data="there", cluster_id="x" * 300), FIRST),
        (facts(), None),
        (facts(cluster_data="none", time=None), None),
        (facts(cluster_data="none", cluster_emptied=1764061200, time=None), OWN),
        (None, None),
    ],
)
def test_the_data_says_which_cluster_it_is(known: Facts | None, seen: str | None) -> None:
    assert cluster_identifier(settings(), known) == ClusterIdentifier(FIRST, seen)


@pytest.mark.parametrize(
    "config",
    [{"host": "nas.lan"}, {"apiPort": "16443"}, {"tlsSans": "nas.example"}, {"k3sImage": "x:1"}],
)
def test_nothing_that_leaves_the_data_makes_another_cluster(config: dict[str, str]) -> None:
    kept = facts(cluster_data="there", cluster_id=OWN)
    assert cluster_identifier(settings(**config), kept).seen == OWN


def test_emptied_data_is_another_cluster_each_time() -> None:
    first, later = (
        cluster_identifier(settings(), facts(cluster_data="none", time=time)).seen
        for time in (1764061200, 1764061201)
    )
    assert first != later


def test_an_up_has_the_identifier_that_its_preview_showed() -> None:
    shown, done = (
        cluster_identifier(settings(), facts(cluster_data="none", cluster_emptied=99, time=time))
        for time in (1764061200, 1764061260)
    )
    assert shown == done
