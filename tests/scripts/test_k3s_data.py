"""What is noted beside the cluster's data: read as facts, written by what proves a version, and
told when one does not come up."""

from __future__ import annotations

import pytest

from nas.facts import Facts, parse_facts
from tests.scripts.fake_nas import POOL, FakeNas
from tests.scripts.rendered import SAMPLES
from tests.scripts.test_cluster_ready import check
from tests.scripts.test_kubeconfig import read, start

DATA = f"{POOL}/volumes/k3s-data/_data"
NOTES = f"{DATA}/nas-k3s-version"
SNAPSHOT = "v1.34.4-k3s1-20260131T093000Z"
OLD = "docker.io/rancher/k3s:v1.34.4-k3s1"


@pytest.fixture
def data(nas: FakeNas) -> FakeNas:
    """A NAS with a k3s container and its data."""
    nas.k3s(readyz="ok")
    nas.write("/state/containers/k3s/places", f"/var/lib/rancher/k3s {DATA}\n")
    nas.path(DATA).mkdir(parents=True)
    return nas


def changed(nas: FakeNas, to: str, *, before: str = OLD, snapshot: str = SNAPSHOT) -> None:
    """The notes of a change of the image that has not proven itself."""
    version = before.rpartition(":")[2]
    text = f"version={to.rpartition(':')[2]}\nimage={to}\nbefore={version}\nbefore_image={before}\n"
    nas.write(NOTES, text + (f"snapshot={snapshot}\n" if snapshot else ""))


def facts(nas: FakeNas) -> Facts:
    done = nas.run("facts.sh", "facts", SAMPLES["facts.sh"])
    assert done.status == 0, done.err
    return parse_facts(done.out)


def failed(nas: FakeNas) -> list[str]:
    """What is said of the way back when k3s does not come up."""
    nas.write("/state/containers/k3s/log", "")
    nas.write("/state/containers/k3s/status", "restarting\n")
    done = read(nas, mode="wait")
    assert done.status == 1
    said = done.err.splitlines()
    begin = [index for index, line in enumerate(said) if "until this change" in line]
    return [line.removeprefix("nas-k3s: ") for line in said[begin[0] : -2]] if begin else []


# ---- facts


def test_versions_and_snapshots_are_facts_with_and_without_a_container(data: FakeNas) -> None:
    data.write(NOTES, f"version=v1.34.4+k3s1\nimage={OLD}\nbefore=x\nrestored={SNAPSHOT}\n")
    older = "v1.35.1-k3s1-20260130T093000Z"
    for name in (older, SNAPSHOT):
        data.write(f"{DATA}/nas-k3s-snapshots/{name}.tar", "")
    data.write("/state/containers/k3s/image", "sha256:old")
    data.write("/state/tags/sha256:old", "rancher/k3s:v1.34.4-k3s1\nown/k3s:stable\n\n")
    found = facts(data)
    assert (found.ran_version, found.ran_image) == ("v1.34.4+k3s1", OLD)
    assert (found.restored, found.snapshots) == (SNAPSHOT, (SNAPSHOT, older))
    assert found.container_tags == ("rancher/k3s:v1.34.4-k3s1", "own/k3s:stable")

    data.shell("rm -r /state/containers/k3s")
    assert facts(data).ran_version == ""
    data.write("/state/volumes/k3s-data", DATA)
    kept = facts(data)
    assert (kept.ran_version, kept.snapshots) == ("v1.34.4+k3s1", (SNAPSHOT, older))
    assert kept.container_tags == ()


# ---- what proves a version


def test_a_cluster_that_answers_notes_the_version_that_it_says_it_is(data: FakeNas) -> None:
    start(data)
    data.inside("k3s", "k3s", "#!/bin/sh\necho 'k3s version v1.34.4+k3s1 (abc)'\n")
    data.write(NOTES, "version=\nimage=own/k3s:stable\nbefore=v1.34.3-k3s1\n")
    done = read(data, mode="wait")
    assert (done.status, done.out) == (0, "")
    assert data.read(NOTES) == f"version=v1.34.4+k3s1\nimage={OLD}\nbefore=v1.34.3-k3s1\n"


def test_reading_the_kubeconfig_notes_nothing(data: FakeNas) -> None:
    start(data)
    assert read(data).status == 0
    assert not data.path(NOTES).exists()


def test_a_ready_cluster_ends_the_story_of_its_change(data: FakeNas) -> None:
    changed(data, "docker.io/rancher/k3s:v1.34.5-k3s1")
    assert check(data).status == 0
    assert data.read(NOTES) == ("version=v1.34.5-k3s1\nimage=docker.io/rancher/k3s:v1.34.5-k3s1\n")
    assert failed(data) == []


# ---- the way back


def test_within_a_minor_the_old_version_is_enough(data: FakeNas) -> None:
    changed(data, "docker.io/rancher/k3s:v1.34.5-k3s1")
    assert failed(data) == [
        "until this change v1.34.4-k3s1 ran; to go back to it:",
        "  pulumi config set nas-k3s:k3sVersion v1.34.4-k3s1",
        "  pulumi up",
        f"the data of then is kept in {DATA}/nas-k3s-snapshots/{SNAPSHOT}.tar; within v1.34 it "
        "need not be put back",
    ]


def test_from_the_next_minor_the_way_back_takes_the_snapshot(data: FakeNas) -> None:
    changed(data, "docker.io/rancher/k3s:v1.35.1-k3s1")
    assert failed(data) == [
        "until this change v1.34.4-k3s1 ran; to go back to it:",
        "  pulumi config set nas-k3s:k3sVersion v1.34.4-k3s1",
        f"  pulumi config set nas-k3s:restoreSnapshot {SNAPSHOT}",
        "  pulumi up",
    ]


def test_the_way_back_from_and_to_an_image_of_the_owner_names_its_setting(data: FakeNas) -> None:
    changed(data, "own/k3s:v1.34.5-k3s1")
    assert failed(data)[1:3] == [
        "  pulumi config rm nas-k3s:k3sImage",
        "  pulumi config set nas-k3s:k3sVersion v1.34.4-k3s1",
    ]
    changed(data, OLD, before="own/k3s:v1.34.3-k3s1", snapshot="")
    assert failed(data)[1:] == [
        "  pulumi config set nas-k3s:k3sImage own/k3s:v1.34.3-k3s1",
        "  pulumi up",
    ]


def test_a_cluster_that_is_not_ready_after_a_change_tells_it_too(data: FakeNas) -> None:
    changed(data, "docker.io/rancher/k3s:v1.35.1-k3s1")
    done = check(data, deployment_coredns="0", pods_running="")
    assert done.status == 1
    assert f"pulumi config set nas-k3s:restoreSnapshot {SNAPSHOT}" in done.err
    assert done.err.index("restoreSnapshot") < done.err.index("error: coredns is not ready")


def test_without_a_change_no_way_back_is_told(data: FakeNas) -> None:
    data.write(NOTES, f"version=v1.34.4+k3s1\nimage={OLD}\n")
    assert failed(data) == []
