"""Arguments that k3s or its kubelet does not take: refused, or ended early and named."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.story import Story, story_of
from tests.lab.box import Lab

STACK = "arguments"
LINE = "failed to validate kubelet configuration"


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack that is up."""
    with story_of(session_lab, STACK) as made:
        made.configure()
        made.must_up()
        yield made


def doctor(story: Story) -> dict[str, Any]:
    done = story.nas("doctor", "--json", deadline=120, LC_ALL="C.UTF-8")
    assert done.stdout, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_an_option_that_k3s_does_not_have_stops_up_and_the_server_goes_on(story: Story) -> None:
    before = story.container()
    story.configure(serverArgs=["--no-such-option=1"])
    done = story.up()
    assert done.returncode != 0
    assert "nas-k3s:serverArgs: docker.io/rancher/k3s:v1.34.4-k3s1 does not take" in done.stdout
    assert "flag provided but not defined: -no-such-option" in done.stdout
    assert story.container() == before
    story.configure(serverArgs=["--debug"])
    story.must_up()
    assert story.container() != before


def test_a_value_that_only_the_kubelet_can_judge_ends_the_wait_and_doctor_names_it(
    story: Story,
) -> None:
    identity = story.uid()
    story.configure(kubeletArgs=["topology-manager-policy=nope"])
    began = time.monotonic()
    done = story.up()
    assert time.monotonic() - began < 120
    assert done.returncode != 0
    assert "k3s ends at every start: " in done.stdout, done.stdout
    assert LINE in done.stdout
    assert "nas-k3s:kubeletArgs" in done.stdout
    found = doctor(story)
    assert (found["primary"], found["leaf"]) == ("logs", "log-kubelet-args"), found
    (check,) = [one for one in found["checks"] if one["id"] == "logs"]
    assert LINE in check["seen"]
    assert "nas-k3s:kubeletArgs" in check["fix"]["text"]
    story.configure()
    story.must_up()
    assert story.uid() == identity
    assert doctor(story)["exitCode"] == 0
