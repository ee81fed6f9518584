"""What an edit of each setting does, as docs/effects.md says: the page is made from this run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.effects import DOCKER, EDITS, K3S, PAGE, Edit, Effect, page
from tests.lab.box import Lab

OPERATIONS = {
    "update": "updates",
    "replace": "replaces",
    "create-replacement": "replaces",
    "delete-replaced": "replaces",
    "create": "creates",
    "delete": "deletes",
}
ANNOUNCED = "Docker on the NAS will be restarted"
ON_KUBECONFIG = ("ready-provider", "ready-namespace", "ready-smoke")
ON = [edit for edit in EDITS if edit.way == "preview"]
RUN = [edit for edit in EDITS if edit.way == "up"]
OFF = [edit for edit in EDITS if edit.way == "off"]


def name(edit: Edit) -> str:
    return edit.key


effects: dict[str, Effect] = {}
made: dict[str, Any] = {}
"""Settings of the edits that were run so far."""


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack that is up."""
    with story_of(session_lab, "effects") as told:
        told.configure()
        told.must_up()
        yield told


@pytest.fixture(scope="module")
def story_off(story: Story) -> Iterator[Story]:
    """The stack with its NAS switched off."""
    # Of the Job that the last edit changed the Kubernetes provider may have noted what it was
    # before: it takes the first event about one that is complete. The next up mends that.
    story.must_up()
    with story.switched_off():
        yield story


def effect(
    steps: Iterable[tuple[str, str]], restarts: Sequence[str] = (), unsure: Sequence[str] = ()
) -> Effect:
    """Of (operation, URN) pairs, the stack itself left out."""
    found: dict[str, set[str]] = {kind: set() for kind in OPERATIONS.values()}
    for operation, urn in steps:
        if operation in OPERATIONS and "pulumi:pulumi:Stack" not in urn:
            found[OPERATIONS[operation]].add(urn.rpartition("::")[2])
    perhaps = found["updates"] & set(unsure)
    return Effect(
        updates=tuple(sorted(found["updates"] - perhaps)),
        perhaps=tuple(sorted(perhaps)),
        replaces=tuple(sorted(found["replaces"])),
        creates=tuple(sorted(found["creates"])),
        deletes=tuple(sorted(found["deletes"])),
        restarts=tuple(restarts),
    )


def previewed(story: Story, edit: Edit) -> Effect:
    story.configure(**made, **edit.settings(story))
    done = story.preview("--json")
    told = json.loads(done.stdout[done.stdout.index("{") :])
    messages = "".join(entry["message"] for entry in told.get("diagnostics", []))
    if done.returncode != 0:
        refused = re.search(rf"nas-k3s:{edit.key} .*\n +(.*)\n +-> ", messages)
        assert refused, messages + done.stderr
        return Effect(refused=refused[1])
    steps = [(step["op"], step["urn"]) for step in told["steps"]]
    # What comes out of a command that runs again is not known before.
    again = any(urn.endswith("::cluster-kubeconfig") for _, urn in steps)
    unsure = ON_KUBECONFIG if again else ()
    docker = [DOCKER] if ANNOUNCED in messages else []
    k3s = [K3S] if "k3s-container" in effect(steps).replaces else []
    return effect(steps, [*docker, *k3s], unsure)


def run(story: Story, log: Path) -> list[tuple[str, str]]:
    """What an up really did."""
    arguments = ("up", "--yes", "--skip-preview", "--event-log", str(log))
    # The flag is there for the Automation API, which sets this.
    done = story.project.run(*arguments, environment={"PULUMI_DEBUG_COMMANDS": "true"})
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [event["resOutputsEvent"]["metadata"] for event in events if "resOutputsEvent" in event]
    return [(step["op"], step["urn"]) for step in steps]


def household(story: Story) -> set[str]:
    """When each of the owner's containers started."""
    names = " ".join(sorted(HOUSEHOLD_RUNNING))
    return set(story.must(f"docker inspect --format '{{{{.State.StartedAt}}}}' {names}").split())


@pytest.mark.parametrize("edit", ON, ids=name)
def test_an_edit_that_is_previewed(story: Story, edit: Edit) -> None:
    effects[edit.key] = previewed(story, edit)


@pytest.mark.parametrize("edit", RUN, ids=name)
def test_an_edit_that_is_run_does_what_preview_said(
    story: Story, edit: Edit, tmp_path: Path
) -> None:
    said = previewed(story, edit)
    assert not said.refused
    before = story.container(), story.lab.dockerd_starts(), household(story)
    done = effect(run(story, tmp_path / "events"), said.restarts)
    assert set(done.updates) - set(said.updates) <= set(said.perhaps)
    assert replace(done, updates=said.updates, perhaps=said.perhaps) == said
    assert set(said.updates) <= set(done.updates)
    made.update(edit.settings(story))
    after = story.container(), story.lab.dockerd_starts(), household(story)
    restarted = [DOCKER] if after[1] == before[1] + 1 else []
    restarted += [K3S] if after[0][0] != before[0][0] else []
    assert tuple(restarted) == said.restarts
    assert after[1] - before[1] == (1 if DOCKER in restarted else 0)
    assert (after[2] == before[2]) == (DOCKER not in restarted)
    assert (after[0] == before[0]) == (not restarted)
    effects[edit.key] = done


@pytest.mark.parametrize("edit", OFF, ids=name)
def test_an_edit_that_is_previewed_with_the_nas_switched_off(story_off: Story, edit: Edit) -> None:
    effects[edit.key] = previewed(story_off, edit)


def test_the_page_says_what_this_run_saw() -> None:
    if effects.keys() != {edit.key for edit in EDITS}:
        pytest.skip("only a part of the edits was run")
    if os.environ.get("NAS_K3S_WRITE_EFFECTS"):
        PAGE.write_text(page(effects), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(effects), "run `make effects`"
