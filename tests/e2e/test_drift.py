"""What others change on the NAS: preview shows it, up heals it once, then nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.e2e.test_main_job import RESOURCES
from tests.lab.box import Lab
from tests.lab.breakages import Breakages


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack that is up."""
    with story_of(session_lab, "drift") as made:
        made.configure()
        made.must_up()
        yield made


def unchanged(story: Story) -> None:
    done = story.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed on the NAS" not in done.stdout + done.stderr


def heals(story: Story, what: str, mark: str) -> None:
    """Preview names it, up replaces the mark and updates its command, and nothing else.

    The timeline tells of what the daemon went through, and the cluster is proven after that.
    """
    before = story.container()
    shown = story.preview("--diff")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert what in shown.stdout
    assert "changed on the NAS since the last up" in shown.stdout + shown.stderr
    story.must_up()
    updated = 3 if mark == "daemon-proxy-drift" else 1
    expected = {"replace": 1, "update": updated, "same": RESOURCES - 1 - updated}
    assert story.changes() == expected, mark
    assert story.container()[0] == before[0]
    unchanged(story)


def test_a_first_up_leaves_marks_that_nobody_has_changed_anything(story: Story) -> None:
    marks = [one for one in story.project.resources() if one["type"] == "pulumi:index:Stash"]
    said = {one["urn"].rpartition("::")[2]: one["inputs"]["input"] for one in marks}
    # Not drift: which cluster the data is, and since when the timeline is measured.
    assert said.pop("k3s-cluster").startswith("nas-k3s/drift/k3s")
    assert said.pop("ready-since").isdecimal()
    assert said.pop("k3s-place") == "k3s-data k3s-etc"
    first = [said.pop(name) for name in ("docker-drift", "daemon-proxy-drift", "k3s-drift")]
    assert all(one.startswith("nothing of this program was on the NAS") for one in first), first
    assert set(said.values()) == {"none"}
    assert len(said) == 2
    unchanged(story)


def test_a_wiped_wrapper_is_put_back_and_docker_not_restarted(story: Story) -> None:
    starts = story.lab.dockerd_starts()
    wrapper = story.lab.ssh("command -v docker")[1].strip()
    assert wrapper
    story.must(f"rm {wrapper}")
    heals(story, "docker is not on the PATH of SSH commands", "docker-drift")
    assert story.lab.ssh("docker version")[0] == 0
    assert story.lab.dockerd_starts() == starts


def test_a_proxy_that_an_update_wiped_is_set_again_with_one_restart(story: Story) -> None:
    config = story.lab.docker_json
    story.must(f"cp -p {config}.nas-k3s-original {config}")
    story.must("/etc/init.d/container-station.sh restart")
    story.must("until docker info >/dev/null 2>&1; do sleep 1; done; docker start notes")
    starts = story.lab.dockerd_starts()
    heals(story, "the proxy is gone from", "daemon-proxy-drift")
    assert story.lab.dockerd_starts() == starts + 1
    assert story.running() == {*HOUSEHOLD_RUNNING, "k3s"}


def test_a_file_that_was_edited_while_docker_runs_on_is_mended_without_a_restart(
    story: Story,
) -> None:
    edited = story.docker_json()
    config = story.lab.docker_json
    starts = story.lab.dockerd_starts()
    story.must(f"cp -p {config}.nas-k3s-original {config}")
    heals(story, "the proxy is gone from", "daemon-proxy-drift")
    assert story.docker_json() == edited
    assert story.lab.dockerd_starts() == starts


def test_drift_that_is_off_is_not_looked_for(story: Story) -> None:
    wrapper = story.lab.ssh("command -v docker")[1].strip()
    text = story.must(f"cat {wrapper}")
    story.must(f"rm {wrapper}")
    story.configure(drift="off")
    unchanged(story)
    story.configure()
    assert text
    heals(story, "docker is not on the PATH of SSH commands", "docker-drift")


@pytest.mark.parametrize("fault", ["docker kill k3s", "docker stop k3s", "docker pause k3s"])
def test_a_container_that_does_not_run_is_started_and_proven(story: Story, fault: str) -> None:
    story.must_up()
    before = story.container()[0]
    story.must(fault)
    shown = story.preview()
    state = "paused" if "pause" in fault else "exited"
    assert f"the k3s container is {state} instead of running" in shown.stdout + shown.stderr
    story.must_up()
    # The mark, the wait for the API and the checks.
    assert story.changes() == {"replace": 1, "update": 2, "same": RESOURCES - 3}
    assert story.container()[0] == before
    story.node_is_ready()
    unchanged(story)


def gone(story: Story) -> None:
    story.must("docker rm -f k3s")


def by_hand(story: Story) -> None:
    Breakages(story.lab).start_by_hand("NO_PROXY")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (gone, "the k3s container is gone"),
        (by_hand, "the k3s container was made anew by somebody, with another NO_PROXY"),
    ],
)
def test_a_container_that_is_not_ours_any_more_is_made_anew_with_the_same_cluster(
    story: Story, fault: Callable[[Story], None], what: str
) -> None:
    story.must_up()
    before = story.uid()
    starts = story.lab.dockerd_starts()
    fault(story)
    shown = story.preview()
    assert what in shown.stdout + shown.stderr
    story.must_up()
    assert story.uid() == before
    assert story.lab.dockerd_starts() == starts
    unchanged(story)


def test_an_edit_of_where_the_data_is_stays_refused_while_the_container_is_gone(
    story: Story,
) -> None:
    story.must_up()
    gone(story)
    story.configure(containerName="foo", keepData="false")
    for done in (story.preview(), story.up()):
        assert done.returncode != 0
        said = done.stdout + done.stderr
        assert "is not where the data of this stack's cluster is: k3s-data and k3s-etc" in said
        assert "Traceback" not in said
    assert story.must("docker volume ls -q").split().count("k3s-data") == 1
    story.configure()
    story.must_up()
    unchanged(story)


def test_a_container_that_was_made_by_hand_goes_with_destroy(story: Story) -> None:
    story.must_up()
    by_hand(story)
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert story.running() == HOUSEHOLD_RUNNING
    assert not [line for line in story.network() if "KUBE" in line]
    shown = story.preview()
    assert "is gone" not in shown.stdout + shown.stderr


def test_without_a_proxy_a_container_that_is_gone_is_noticed_too(story: Story) -> None:
    story.configure(proxy="")
    story.must("docker image inspect rancher/k3s:v1.34.4-k3s1")
    story.must_up()
    story.must("docker rm -f k3s")
    shown = story.preview()
    assert "the k3s container is gone" in shown.stdout + shown.stderr
    story.configure()
    story.must_up()
    unchanged(story)


def test_a_proxy_taken_away_is_gone_from_docker_before_the_cluster_is_proven_and_can_come_back(
    story: Story,
) -> None:
    story.must_up()
    uid, starts, wanted = story.uid(), story.lab.dockerd_starts(), story.docker_json()
    story.configure(proxy="")
    shown = story.preview()
    assert "will be restarted to take its proxy away" in shown.stdout + shown.stderr
    story.must_up()
    assert story.lab.dockerd_starts() == starts + 1
    assert "proxies" not in story.docker_json()
    assert story.must("docker info --format '{{.HTTPProxy}}{{.HTTPSProxy}}'").strip() == ""
    # The container is younger than Docker, which does not take it down again behind the proof.
    made = story.must("docker inspect --format '{{.Created}}' k3s").strip()
    restarted = int(story.must("stat -c %Y /var/run/docker.pid"))
    assert datetime.fromisoformat(made).timestamp() >= restarted
    assert story.uid() == uid
    unchanged(story)

    story.configure()
    shown = story.preview()
    assert "changed on the NAS" not in shown.stdout + shown.stderr
    story.must_up()
    assert story.lab.dockerd_starts() == starts + 2
    assert story.docker_json() == wanted
    unchanged(story)


def test_what_a_destroy_by_another_state_took_from_the_nas_is_put_there_again(
    story: Story,
) -> None:
    story.must_up()
    uid, wanted, state = story.uid(), story.docker_json(), story.project.must("stack", "export")
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    story.project.must("stack", "import", stdin=state)
    shown = story.preview("--expect-no-changes")
    assert shown.returncode != 0, shown.stdout
    story.must_up()
    assert story.docker_json() == wanted
    assert "proxies" in wanted
    assert story.running() == {*HOUSEHOLD_RUNNING, "k3s"}
    assert story.lab.ssh("docker version")[0] == 0
    assert story.uid() == uid
    story.node_is_ready()
    unchanged(story)


def test_a_rebooted_nas_can_be_destroyed_without_an_up_in_between(story: Story) -> None:
    story.must_up()
    story.lab.reboot()
    assert story.lab.ssh("docker version")[0] == 127
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert story.project.resources() == []
    assert story.lab.ssh("docker version")[0] == 127
    story.must_up()


def test_a_rebooted_nas_is_healed_by_the_next_up(story: Story) -> None:
    story.lab.reboot()
    story.must_up()
    story.node_is_ready()
    unchanged(story)
