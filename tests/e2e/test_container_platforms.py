"""The container on Docker's bridge with its data in a directory, where it is no current QNAP."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.e2e.test_container_settings import BRIDGE, addresses
from tests.e2e.test_lab_profiles import on
from tests.lab.box import Lab
from tests.lab.project import forget_known_hosts

# An old engine, and systemd; test_container_settings.py has a current QNAP.
PAIRS = [("qnap", "debian"), ("systemd", "current")]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} with the {pair[1]} engine")
def story(request: pytest.FixtureRequest, session_lab: Lab) -> Iterator[Story]:
    lab = on(*request.param)
    if lab.nas_must(f"stat -f -c %T {lab.pool}").strip() == "tmpfs":
        pytest.skip("this machine keeps the lab's disks in memory, which is refused")
    with story_of(lab, "shape") as made:
        yield made
    forget_known_hosts(lab)
    boot(**AS_FOUND)


def test_a_bridge_and_a_directory_work_and_destroy_takes_both_back(story: Story) -> None:
    place = f"{story.lab.pool}/k3s-shape"
    network = story.network()
    story.configure(**{**BRIDGE, "dataDirectory": place})
    story.must_up()
    node, container = addresses(story)
    assert node == container != story.lab.nas_host
    assert story.kubectl("get", "node", "shape", "-o", "jsonpath={.status.capacity.pods}") == "42"
    story.kubectl("-n", "kube-system", "logs", "deployment/coredns")
    assert not [line for line in story.network() if "KUBE-" in line or "cni0" in line]
    assert story.must(f"stat -c '%a %u' {place}").strip() == "700 0"
    story.must(f"test -s {place}/data/server/db/state.db")

    for run in (("preview",), ("refresh", "--yes", "--skip-preview")):
        done = story.project.run(*run, "--expect-no-changes")
        assert done.returncode == 0, done.stdout + done.stderr

    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    story.must(f"test ! -e {place}")
    assert story.running() == HOUSEHOLD_RUNNING
    left = set(story.network()) - set(network)
    assert not [line for line in left if re.search("^link |KUBE-|CNI-|16443|3008|3009", line)]
