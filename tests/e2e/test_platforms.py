"""The main job on each platform and engine that exist together in the field."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.e2e.test_lab_profiles import on
from tests.e2e.test_main_job import RESOURCES
from tests.lab.box import Lab
from tests.lab.project import forget_known_hosts

# QNAP with the current engine is what test_main_job.py is about. An administrator of a Synology
# needs sudo without a password for docker, because Docker over SSH cannot type one.
PAIRS = [
    ("qnap", "debian", {}),
    ("quts-hero", "current", {}),
    ("synology", "current", {"sudo": "nopasswd"}),
    ("synology", "debian", {"sudo": "nopasswd"}),
    ("systemd", "current", {}),
    ("systemd", "debian", {}),
]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} with the {pair[1]} engine")
def story(request: pytest.FixtureRequest, session_lab: Lab) -> Iterator[Story]:
    profile, docker_engine, settings = request.param
    lab = on(profile, docker_engine, **settings)
    with story_of(lab, "platform") as made:
        made.configure()
        yield made
    forget_known_hosts(lab)
    boot(**AS_FOUND)


def proxy_files(story: Story) -> str:
    """Content of every file that may hold the daemon's proxy, and of the folders around them."""
    return story.must(
        "for f in /etc/docker /etc/systemd/system /share/*/.qpkg/container-station/etc "
        "/share/*/.qpkg/container-station/script /volume1/@appconf; do "
        '[ ! -d "$f" ] || find "$f" -type f; done | sort | '
        'while read -r n; do echo "$n"; cat "$n"; done'
    )


def test_up_makes_a_ready_cluster_and_destroy_leaves_the_nas_as_it_was(story: Story) -> None:
    before = proxy_files(story)
    story.must_up()
    assert story.changes() == {"create": RESOURCES}
    story.node_is_ready()
    assert story.lab.addresses.proxy in story.must("docker info --format '{{.HTTPProxy}}'")
    assert proxy_files(story) != before

    starts = story.lab.dockerd_starts()
    story.must_up()
    assert story.changes() == {"same": RESOURCES}
    assert story.lab.dockerd_starts() == starts

    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy_files(story) == before
    assert story.running() == HOUSEHOLD_RUNNING
    assert story.lab.addresses.proxy not in story.must("docker info --format '{{.HTTPProxy}}'")
