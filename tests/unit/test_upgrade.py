"""Which k3s may follow the one that ran on the data, and what the user reads when one may not."""

from __future__ import annotations

from typing import Any

import pytest

from nas.checks.upgrade import (
    announced,
    check_upgrade,
    pending_restore,
    running_version,
    unchecked_upgrade,
)
from nas.errors import RefusedError
from nas.facts import Facts
from nas.plan import make_plan
from tests.unit.samples import facts, settings

HUB = "docker.io/rancher/k3s:"
SNAPSHOT = "v1.34.4-k3s1-20260131T093000Z"


def ran(version: str, **changes: Any) -> Facts:
    """A NAS whose container runs a release."""
    noted = {"ran_version": version.replace("-k3s", "+k3s"), "ran_image": f"{HUB}{version}"}
    there = {"container": "running", "container_tags": (f"rancher/k3s:{version}",)}
    return facts(**{**noted, **there, **changes})


def kept(version: str, **changes: Any) -> Facts:
    """A NAS with the data of a release, and no container."""
    return ran(version, container="", container_tags=(), **changes)


@pytest.mark.parametrize("now", [ran, kept])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v1.34.4-k3s1", "v1.34.4-k3s1"),
        ("v1.34.4-k3s1", "v1.34.5-k3s1"),
        ("v1.34.4-k3s1", "v1.34.2-k3s1"),
        ("v1.34.4-k3s2", "v1.34.4-k3s1"),
        ("v1.34.4-k3s1", "v1.35.0-k3s1"),
        ("v1.33.9-k3s1", "v1.34.0-k3s1"),
    ],
)
def test_a_minor_up_and_any_way_within_one_are_let_through(
    now: Any, before: str, after: str
) -> None:
    assert check_upgrade(settings(k3sVersion=after), now(before)) == []


def test_another_version_is_announced_with_what_it_means_for_the_cluster() -> None:
    there = ran("v1.34.4-k3s1")
    (line,) = announced(settings(k3sVersion="v1.34.5-k3s1"), there)
    assert line.startswith("k3s goes from v1.34.4-k3s1 to v1.34.5-k3s1: ")
    assert "the cluster restarts with its pods" in line
    assert line in make_plan(settings(k3sVersion="v1.34.5-k3s1"), there).warnings
    assert announced(settings(k3sVersion="v1.34.4-k3s1"), there) == []


def test_a_cluster_that_does_not_run_has_no_pods_to_announce_a_restart_of() -> None:
    assert announced(settings(k3sVersion="v1.34.5-k3s1"), kept("v1.34.4-k3s1")) == []
    assert announced(settings(), facts()) == []


def test_a_snapshot_that_is_put_back_is_announced_until_it_was() -> None:
    wanted = settings(restoreSnapshot=SNAPSHOT)
    (line,) = announced(wanted, ran("v1.34.4-k3s1", snapshots=(SNAPSHOT,)))
    assert line.startswith(f"the data goes back to the snapshot {SNAPSHOT}: ")
    assert announced(wanted, ran("v1.34.4-k3s1", restored=SNAPSHOT)) == []


@pytest.mark.parametrize("now", [ran, kept])
def test_a_skipped_minor_is_refused_with_the_one_to_go_through(now: Any) -> None:
    (problem,) = check_upgrade(settings(k3sVersion="v1.36.1-k3s1"), now("v1.34.4-k3s1"))
    assert (problem.key, problem.value) == ("k3sVersion", '"v1.36.1-k3s1"')
    assert "skips a minor: v1.34.4-k3s1 runs on the cluster's data" in problem.why
    assert problem.fix.startswith("go to v1.35 first: write its newest release (https://")
    assert problem.fix.endswith("channels/v1.35 leads to it), `pulumi up`, then go on to v1.36")


@pytest.mark.parametrize("now", [ran, kept])
def test_a_way_down_is_refused_with_the_snapshot_that_makes_it_one(now: Any) -> None:
    older = SNAPSHOT.replace("2026", "2025")
    wanted = settings(k3sVersion="v1.34.4-k3s1")
    (problem,) = check_upgrade(wanted, now("v1.35.1-k3s1", snapshots=(SNAPSHOT, older)))
    assert problem.key == "k3sVersion"
    assert "is older than v1.35.1-k3s1, which ran on the cluster's data" in problem.why
    assert problem.fix.endswith(f"pulumi config set nas-k3s:restoreSnapshot {SNAPSHOT}")


def test_a_way_down_without_a_snapshot_of_that_version_says_what_there_is() -> None:
    wanted = settings(k3sVersion="v1.34.3-k3s1")
    (problem,) = check_upgrade(wanted, ran("v1.35.1-k3s1"))
    assert problem.fix == (
        "write a release of v1.35: pulumi config set nas-k3s:k3sVersion v1.35.1-k3s1"
    )
    (problem,) = check_upgrade(wanted, ran("v1.35.1-k3s1", snapshots=(SNAPSHOT,)))
    assert problem.fix.endswith(f"the version of a snapshot (restoreSnapshot): {SNAPSHOT}")


def test_an_image_of_the_owner_is_ruled_by_its_tag_and_named_by_its_setting() -> None:
    wanted = settings(k3sImage="own/k3s:v1.33.1-k3s1")
    (problem,) = check_upgrade(wanted, ran("v1.34.4-k3s1"))
    assert (problem.key, problem.value) == ("k3sImage", '"own/k3s:v1.33.1-k3s1"')
    assert problem.fix == "write a release of v1.34: an image of v1.34.4-k3s1 in k3sImage"


def test_a_way_down_is_refused_before_there_is_a_plan() -> None:
    with pytest.raises(RefusedError, match="no way down across minors"):
        make_plan(settings(k3sVersion="v1.33.1-k3s1"), ran("v1.34.4-k3s1"))


def test_a_container_that_is_there_says_more_than_the_note_of_one_that_was_to_be() -> None:
    now = ran("v1.34.4-k3s1", ran_version="v1.35.1+k3s1", ran_image=f"{HUB}v1.35.1-k3s1")
    assert str(running_version(settings(), now)) == "v1.34.4-k3s1"
    assert check_upgrade(settings(k3sVersion="v1.34.4-k3s1"), now) == []


def test_an_image_whose_tags_tell_nothing_has_the_version_that_was_noted() -> None:
    now = ran("v1.35.1-k3s1", container_tags=("own/k3s:stable",))
    assert str(running_version(settings(), now)) == "v1.35.1-k3s1"
    assert len(check_upgrade(settings(k3sVersion="v1.34.4-k3s1"), now)) == 1


# ---- versions that nothing tells


@pytest.mark.parametrize(
    ("wanted", "now", "subject"),
    [
        ("own/k3s:stable", ran("v1.34.4-k3s1"), "the version of own/k3s:stable"),
        (f"own/k3s@sha256:{'0' * 64}", kept("v1.34.4-k3s1"), "the version of own/k3s@"),
        (
            "own/k3s:v1.36.1-k3s1",
            facts(container="running", container_tags=("own/k3s:stable",)),
            "what runs now",
        ),
    ],
)
def test_an_unknown_version_is_no_refusal_and_one_warning(
    wanted: str, now: Facts, subject: str
) -> None:
    changed = settings(k3sImage=wanted)
    assert check_upgrade(changed, now) == []
    (warning,) = unchecked_upgrade(changed, now)
    assert warning.startswith(subject)
    assert [line for line in make_plan(changed, now).warnings if "is not known" in line] == [
        warning
    ]


@pytest.mark.parametrize(
    ("image", "now"),
    [
        ("own/k3s:stable", ran("v1.34.4-k3s1", ran_image="own/k3s:stable")),
        ("docker.io/own/k3s:stable", facts(container_tags=("own/k3s:stable",))),
        ("own/k3s:stable", facts()),
        ("own/k3s:v1.35.1-k3s1", ran("v1.34.4-k3s1")),
    ],
    ids=["the same as noted", "the same by its tag", "nothing there yet", "both known"],
)
def test_without_a_change_or_with_both_known_there_is_no_warning(image: str, now: Facts) -> None:
    assert unchecked_upgrade(settings(k3sImage=image), now) == []


# ---- a snapshot that is put back


def test_a_snapshot_makes_a_way_down_to_its_version() -> None:
    now = ran("v1.35.1-k3s1", snapshots=(SNAPSHOT,))
    back = settings(k3sVersion="v1.34.4-k3s1", restoreSnapshot=SNAPSHOT)
    assert check_upgrade(back, now) == []
    plan = make_plan(back, now)
    assert plan.container_drift is not None
    assert plan.container_drift.startswith(f"the snapshot {SNAPSHOT} is put back (seen ")


@pytest.mark.parametrize("version", ["v1.34.5-k3s1", "v1.35.1-k3s1", "v1.33.1-k3s1"])
def test_a_snapshot_goes_back_with_its_own_version_only(version: str) -> None:
    other = settings(k3sVersion=version, restoreSnapshot=SNAPSHOT)
    (problem,) = check_upgrade(other, ran("v1.35.1-k3s1", snapshots=(SNAPSHOT,)))
    assert (problem.key, problem.value) == ("restoreSnapshot", f'"{SNAPSHOT}"')
    assert f"was taken of v1.34.4-k3s1, and k3sVersion asks for {version}" in problem.why
    assert problem.fix.startswith("pulumi config set nas-k3s:k3sVersion v1.34.4-k3s1")


@pytest.mark.parametrize(("there", "fix"), [(("a", "b"), "write one of a, b"), ((), "remove it")])
def test_a_snapshot_that_is_not_there_is_refused_with_those_that_are(
    there: tuple[str, ...], fix: str
) -> None:
    (problem,) = check_upgrade(
        settings(restoreSnapshot=SNAPSHOT), ran("v1.34.4-k3s1", snapshots=there)
    )
    assert (problem.key, problem.fix) == ("restoreSnapshot", fix)


def test_once_it_is_put_back_the_setting_does_nothing_more() -> None:
    done = kept("v1.34.4-k3s1", restored=SNAPSHOT)
    same = settings(k3sVersion="v1.34.4-k3s1", restoreSnapshot=SNAPSHOT)
    assert (check_upgrade(same, done), pending_restore(same, done)) == ([], ())
    up = settings(k3sVersion="v1.35.1-k3s1", restoreSnapshot=SNAPSHOT)
    assert check_upgrade(up, done) == []
    too_far = settings(k3sVersion="v1.36.1-k3s1", restoreSnapshot=SNAPSHOT)
    assert [problem.key for problem in check_upgrade(too_far, done)] == ["k3sVersion"]


def test_a_run_that_ended_behind_the_exchange_of_the_data_goes_on() -> None:
    """The data is the snapshot's already, the container still one of the newer version."""
    half = ran("v1.35.1-k3s1", ran_version="v1.34.4+k3s1", restored=SNAPSHOT)
    same = settings(k3sVersion="v1.34.4-k3s1", restoreSnapshot=SNAPSHOT)
    assert check_upgrade(same, half) == []


def test_a_nas_that_was_not_read_or_has_no_docker_running_puts_nothing_back() -> None:
    back = settings(restoreSnapshot=SNAPSHOT)
    assert pending_restore(back, None) == ()
    assert pending_restore(back, facts(engine="")) == ()
    assert check_upgrade(back, facts(engine="")) == []
