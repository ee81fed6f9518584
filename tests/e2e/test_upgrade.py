"""Another version of k3s with the real engine: up, refused, failed and back, over a minor and back.

The tests go on from each other's cluster, each from the version that it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import CompletedProcess

import pytest

from tests.e2e.story import HOUSEHOLD_RUNNING, Story
from tests.e2e.test_main_job import RESOURCES
from tests.lab import engine
from tests.lab.box import Lab
from tests.lab.project import open_project
from tests.lab.releases import NEVER_UP, RELEASES

FIRST, PATCH, MINOR, OLDER = "v1.34.4-k3s1", "v1.34.5-k3s1", "v1.35.1-k3s1", "v1.33.8-k3s1"
EVENTS = "/tmp/upgrade-events"
NAME = re.compile(r"^(v[\d.]+-k3s\d-\d{8}T\d{6}Z)\.tar$", re.MULTILINE)


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack on a NAS that has pulled none of the other releases yet."""
    made = Story(session_lab, open_project(session_lab, engine.ensure_engine(), "upgrade"))
    _forget(made)
    yield made
    _forget(made)


def _forget(story: Story) -> None:
    story.clear()
    story.lab.nas("docker rmi " + " ".join(f"rancher/k3s:{tag}" for tag in RELEASES))


def at(story: Story, version: str) -> None:
    """The cluster runs this version."""
    story.configure(k3sVersion=version)
    story.must_up()
    assert version.replace("-k3s", "+k3s") in story.kubectl("get", "nodes")


def outside(story: Story) -> tuple[int, str, set[str]]:
    """What no change of the version may touch: Docker itself and the household."""
    started = "docker inspect --format '{{.Id}} {{.State.StartedAt}}' photos notes"
    return story.lab.dockerd_starts(), story.must(started), story.running()


def configmaps(story: Story) -> set[str]:
    names = story.kubectl("get", "configmaps", "-o", "name").split()
    return {name.rpartition("/")[2] for name in names}


def snapshots(story: Story) -> list[str]:
    listing = story.must(
        "ls $(docker volume inspect --format '{{.Mountpoint}}' k3s-data)/nas-k3s-snapshots"
    )
    return NAME.findall(listing)


def said(done: CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def follow(story: Story, done: CompletedProcess[str]) -> list[tuple[str, str]]:
    """Runs the `pulumi config set` that a message tells, and gives keys and values."""
    commands = re.findall(r"pulumi config set nas-k3s:(\S+) (\S+)", said(done))
    told = list(dict.fromkeys(commands))
    for key, value in told:
        story.project.must("config", "set", f"nas-k3s:{key}", value)
    return told


@contextmanager
def events(story: Story) -> Iterator[list[str]]:
    """What Docker does to images and the k3s container meanwhile: `ACTION NAME`, in order."""
    wanted = ("pull", "pause", "unpause", "die", "destroy", "create", "start", "restart")
    filters = " ".join(f"--filter event={action}" for action in wanted)
    form = "{{.Action}} {{.Actor.Attributes.name}}"
    pid = story.must(f"docker events {filters} --format '{form}' >{EVENTS} 2>&1 & echo $!")
    seen: list[str] = []
    try:
        yield seen
    finally:
        lines = story.must(f"kill {pid.strip()}; cat {EVENTS}").splitlines()
        seen += [line for line in lines if re.search(r" (k3s|\S*rancher/k3s:?\S*)$", line)]


def test_a_patch_is_pulled_and_the_data_kept_before_the_old_server_stops(story: Story) -> None:
    at(story, FIRST)
    story.kubectl("create", "configmap", "precious")
    before = story.container(), outside(story)

    story.configure(k3sVersion=PATCH)
    shown = story.preview()
    assert shown.returncode == 0, said(shown)
    assert re.search(r"\+-.*docker:index:Container +k3s-container +replace", shown.stdout)
    assert (story.container(), outside(story)) == before, "preview changes nothing"

    with events(story) as seen:
        out = story.must_up()
    assert re.search(r"snapshot v1\.34\.4-k3s1-\S+ of the data: .* was paused for \d+\.\d\d s", out)
    actions = [line.partition(" ")[0] for line in seen]
    assert actions == [
        *("pull", "pause", "unpause"),
        *("die", "destroy", "create", "start"),
    ], seen
    assert PATCH.replace("-k3s", "+k3s") in story.kubectl("get", "nodes")
    assert "precious" in configmaps(story)
    assert outside(story) == before[1]
    assert [name.rpartition("-")[0] for name in snapshots(story)] == [FIRST]
    again = story.preview("--expect-no-changes")
    assert again.returncode == 0, said(again)


@pytest.mark.parametrize(
    ("version", "why", "fix"),
    [
        ("v1.36.0-k3s1", "skips a minor: v1.34.5-k3s1 runs", "go to v1.35 first"),
        (OLDER, "is older than v1.34.5-k3s1, which ran", f"k3sVersion {PATCH}"),
        ("v1.34.99-k3s1", "the registry has no image", "write a release"),
    ],
    ids=["a skipped minor", "an older minor", "a release that does not exist"],
)
def test_what_cannot_follow_is_refused_while_the_old_server_runs_on(
    story: Story, version: str, why: str, fix: str
) -> None:
    at(story, PATCH)
    before = story.container(), outside(story), snapshots(story)
    story.configure(k3sVersion=version)
    with events(story) as seen:
        done = story.up()
    assert done.returncode != 0
    for text in ("nas-k3s:k3sVersion", why, fix):
        assert text in done.stdout, done.stdout
    assert seen == []
    assert (story.container(), outside(story), snapshots(story)) == before
    story.node_is_ready()


def test_a_version_that_does_not_come_up_says_the_way_back_which_goes_back(story: Story) -> None:
    at(story, PATCH)
    before = outside(story)
    story.configure(k3sVersion=NEVER_UP, readyTimeout=15)
    failed = story.up()
    assert failed.returncode != 0
    assert "until this change v1.34.5-k3s1 ran; to go back to it:" in failed.stdout
    name = snapshots(story)[-1]
    assert f"nas-k3s-snapshots/{snapshots(story)[-1]}.tar" in failed.stdout, name
    assert "this release never comes up" in failed.stdout, "the log of the container"

    assert follow(story, failed) == [("k3sVersion", PATCH)]
    story.must_up()
    assert PATCH.replace("-k3s", "+k3s") in story.kubectl("get", "nodes")
    assert "precious" in configmaps(story)
    assert outside(story) == before


def test_a_snapshot_brings_the_cluster_back_across_a_minor(story: Story) -> None:
    at(story, PATCH)
    at(story, MINOR)
    story.kubectl("create", "configmap", "later")
    assert {"precious", "later"} <= configmaps(story)
    before = outside(story)

    story.configure(k3sVersion=PATCH)
    refused = story.up()
    assert refused.returncode != 0
    assert "Kubernetes has no way down across minors" in refused.stdout
    ((key, name),) = follow(story, refused)
    assert key == "restoreSnapshot"
    assert name in snapshots(story)
    shown = story.preview()
    assert re.search(r"\+-.*docker:index:Container +k3s-container +replace", shown.stdout)

    out = story.must_up()
    assert f"the snapshot {name} is put back; the data that it replaces lies in" in out
    assert PATCH.replace("-k3s", "+k3s") in story.kubectl("get", "nodes")
    assert "precious" in configmaps(story)
    assert "later" not in configmaps(story)
    assert outside(story) == before

    story.must_up()
    assert story.changes() == {"same": RESOURCES}
    running = story.container()
    story.configure(k3sVersion=PATCH)
    story.must_up()
    assert story.changes() == {"update": 1, "same": RESOURCES - 1}
    assert story.container() == running, "the setting may go without a restart"


def test_a_snapshot_that_is_not_there_is_refused_with_those_that_are(story: Story) -> None:
    at(story, PATCH)
    before = story.container()
    story.configure(k3sVersion=PATCH, restoreSnapshot="v1.34.5-k3s1-20200101T000000Z")
    done = story.up()
    assert done.returncode != 0
    assert "nas-k3s:restoreSnapshot" in done.stdout
    assert (
        f"write one of {', '.join(sorted(snapshots(story), key=_time, reverse=True))}"
        in done.stdout
    )
    assert story.container() == before


def _time(snapshot: str) -> str:
    return snapshot.rpartition("-")[2]


def test_the_kept_data_of_a_newer_minor_is_not_given_to_an_older_one(story: Story) -> None:
    at(story, PATCH)
    done = story.destroy()
    assert done.returncode == 0, said(done)
    assert story.running() == HOUSEHOLD_RUNNING
    story.configure(k3sVersion=OLDER)
    refused = story.up()
    assert refused.returncode != 0
    assert "is older than v1.34.5-k3s1, which ran on the cluster's data" in refused.stdout
    assert "k3s" not in story.running()
