"""An unchanged program changes nothing, whatever Docker the NAS has: on the old engine, after a
reboot, and when an update brings another engine to the same data."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.lab.box import Lab


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack that is up on the old engine."""
    lab = boot(**{**AS_FOUND, "engine": "debian"})
    with story_of(lab, "engines") as made:
        made.configure()
        made.must_up()
        yield made
    boot(**AS_FOUND)


def unchanged(story: Story) -> None:
    """No run finds anything to do, and none does anything."""
    before = story.container(), story.lab.dockerd_starts(), story.docker_json()
    for run in (("preview",), ("refresh", "--yes", "--skip-preview"), ("up", "--yes")):
        done = story.project.run(*run, "--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "changed on the NAS" not in done.stdout + done.stderr
    assert (story.container(), story.lab.dockerd_starts(), story.docker_json()) == before


def docker(story: Story) -> set[str]:
    """Resources of Docker by identity: a new one is another."""
    return {
        str(one["id"])
        for one in story.project.resources()
        if one["type"].startswith("docker:index/") and "id" in one
    }


def test_the_old_engine_finds_nothing_to_do_a_second_time(story: Story) -> None:
    assert story.must("docker version --format '{{.Server.Version}}'").startswith("20.10.")
    unchanged(story)


def test_a_reboot_of_the_nas_costs_the_wrapper_and_then_nothing(story: Story) -> None:
    before = docker(story), story.uid()
    story.lab.reboot()
    story.lab.nas("docker start notes")
    story.must_up()
    assert (docker(story), story.uid()) == before
    unchanged(story)


def test_another_engine_under_the_same_data_gets_its_proxy_and_then_nothing(
    story: Story,
) -> None:
    before = docker(story), story.uid()
    story.lab = story.lab.firmware_update("current")
    story.lab.nas("docker start notes")
    assert not story.must("docker version --format '{{.Server.Version}}'").startswith("20.10.")
    story.must_up()
    assert (docker(story), story.uid()) == before
    assert story.lab.addresses.proxy in story.must("docker info --format '{{.HTTPProxy}}'")
    assert story.running() == {*HOUSEHOLD_RUNNING, "k3s"}
    unchanged(story)
