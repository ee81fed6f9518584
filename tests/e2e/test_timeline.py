"""The timeline of a real up, against the proxy's log and Docker's own notes; and its page."""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from nas.timeline import STAGES, from_line
from tests.e2e.story import Story, story_of
from tests.lab import browser
from tests.lab.box import Lab
from tests.lab.process import LabError
from tests.lab.project import forget_known_hosts

Times = dict[str, tuple[float, float]]
SECOND = 1.0
"""Kubernetes, and the scripts' own clock, write whole seconds."""


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack on a NAS that has never seen us, and its first up."""
    with story_of(session_lab, "timeline") as made:
        made.configure()
        yield made
    forget_known_hosts(session_lab)


def measured(story: Story) -> Times:
    """Stage -> start and end of what ran."""
    return {
        stage.name: (stage.start, stage.end)
        for stage in from_line(story.project.outputs()["timeline"])
        if stage.start is not None and stage.end is not None
    }


def docker_time(story: Story, what: str) -> float:
    text = story.must(f"docker inspect --format '{{{{json {what}}}}}' k3s").strip().strip('"')
    return datetime.fromisoformat(text).timestamp()


def test_a_first_up_measures_every_stage_as_proxy_and_docker_saw_it(story: Story) -> None:
    before = float(story.must("date +%s"))
    out = story.must_up()
    after = float(story.must("date +%s")) + SECOND
    found = measured(story)
    assert list(found) == [name for name in STAGES if name != "traefik"]
    assert "timeline, by the clock of the NAS" in out
    for start, end in found.values():
        assert before <= start <= end <= after
    starts = [start for start, _ in found.values()]
    assert all(one <= two + SECOND for one, two in itertools.pairwise(starts)), found

    by_docker = [docker_time(story, what) for what in (".Created", ".State.StartedAt")]
    assert list(found["start-container"]) == pytest.approx(by_docker, abs=0.002)
    asked = [one.time for one in story.lab.proxy_log(since=before)]
    for stage in ("verify", "pull-image", "coredns"):
        start, end = found[stage]
        assert any(start - SECOND <= time <= end + SECOND for time in asked), (stage, found, asked)
    restarted = story.lab.nas(f"tail -n 1 {story.lab.layout.starts}")[1]
    stamp = re.search(r"\d{10}", restarted)
    if stamp is not None:
        start, end = found["restart-daemon"]
        assert start - SECOND <= float(stamp[0]) <= end + SECOND


def test_an_up_without_changes_keeps_the_timeline_and_does_not_show_it_again(
    story: Story,
) -> None:
    before = story.project.outputs()["timeline"]
    out = story.must_up()
    assert set(story.changes()) == {"same"}
    assert story.project.outputs()["timeline"] == before
    assert "timeline, by the clock of the NAS" not in out


def test_text_and_page_show_it_and_the_page_opens_in_a_browser(
    story: Story, tmp_path: Path
) -> None:
    shown = story.nas("timeline")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"pull the k3s image +[0-9.]+ s +\(expected 80 s\) +█", shown.stdout)

    page = tmp_path / "page.html"
    done = story.nas("timeline", "--html", str(page), "--lang", "zh")
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    assert 'class="sign ok"' in text
    assert 'class="sign bad"' not in text, re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    try:
        browser.ensure_browser()
    except LabError as error:
        pytest.skip(f"no Chromium for this machine: {error}")
    pictures = [browser.look(page, size=(1280, 1500), dark=dark) for dark in (False, True)]
    for picture in pictures:
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">II", picture[16:24]) == (1280, 1500)
        # A page without content is some kilobytes.
        assert len(picture) > 60_000
    assert pictures[0] != pictures[1]


def test_another_container_is_measured_alone(story: Story) -> None:
    """The daemon's proxy and all images were there already."""
    story.configure(tlsSans=["nas.example.lan"])
    story.must_up()
    found = measured(story)
    assert set(found) == {"start-container", "k3s-init", "ready"}
    assert found["start-container"][1] == pytest.approx(
        docker_time(story, ".State.StartedAt"), abs=0.002
    )


def test_another_version_shows_its_pull_which_the_old_server_runs_through(story: Story) -> None:
    newer = "v1.34.5-k3s1"
    story.lab.nas(f"docker rmi rancher/k3s:{newer}")
    story.configure(tlsSans=["nas.example.lan"], k3sVersion=newer)
    began = float(story.must("date +%s"))
    story.must_up()
    found = measured(story)
    assert set(found) == {"pull-image", "start-container", "k3s-init", "ready"}
    start, end = found["pull-image"]
    assert began <= start < end <= found["start-container"][0] + SECOND


def test_what_an_up_did_that_failed_is_not_of_the_next_one(story: Story) -> None:
    story.clear()
    story.configure(proxyScope="none", readyTimeout=20)
    assert story.up().returncode != 0
    story.configure()
    began = float(story.must("date +%s"))
    story.must_up()
    found = measured(story)
    assert set(found) == {"start-container", "k3s-init", "pause", "coredns", "ready"}
    assert all(start >= began - SECOND for start, _ in found.values()), found
    story.must_up()
    assert set(story.changes()) == {"same"}
