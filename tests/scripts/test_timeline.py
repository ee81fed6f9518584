"""timeline.sh under BusyBox ash: what the NAS has noted, and what was told before."""

from __future__ import annotations

import re
import time

import pytest

from nas.timeline import read_stages
from tests.scripts.fake_nas import FakeNas
from tests.scripts.rendered import SAMPLES

LOG = "/var/lib/rancher/k3s/agent/containerd/containerd.log"
CONTAINERD = (
    'time="2026-11-25T09:30:13.862Z" level=info msg="RunPodSandbox for name:\\"coredns-7d9\\""\n'
    'time="2026-11-25T09:30:14.094502778Z" level=info msg="Pulled image '
    '\\"rancher/mirrored-pause:3.6\\" with image id \\"sha256:05\\", repo tag '
    '\\"docker.io/rancher/mirrored-pause:3.6\\", size \\"693733\\" in 198.643909ms"\n'
    'time="2026-11-25T09:30:15.087019261Z" level=info msg="Pulled image '
    '\\"rancher/mirrored-coredns-coredns:1.13.1\\" with image id \\"sha256:e3\\", '
    'size \\"27000139\\" in 735.676ms"\n'
)


@pytest.fixture
def cluster(nas: FakeNas) -> FakeNas:
    """A NAS whose cluster came up at 09:30."""
    nas.k3s(
        node_time="node=True 2026-11-25T09:30:12Z\n",
        events_starting="kubelet=2026-11-25T09:30:05Z\n",
        events_pulled=(
            "event=2026-11-25T09:30:15Z Successfully pulled image "
            '"rancher/mirrored-coredns-coredns:1.13.1" in 737ms (737ms including waiting).\n'
        ),
        jobs="smoke=2026-11-25T09:30:18Z 2026-11-25T09:30:21Z\n",
    )
    container = "/state/containers/k3s"
    nas.write(f"{container}/created_at", "2026-11-25T09:29:59.8Z\n")
    nas.write(LOG, CONTAINERD)
    nas.path("/etc/rancher").mkdir()
    # The container's programs run in the fake root, where the volumes lie at the same paths.
    for program in ("cat", "grep", "sh"):
        nas.inside("k3s", program, f'#!/bin/sh\nexec /bin/busybox {program} "$@"\n')
    return nas


def measure(nas: FakeNas, key: str = "1-2-abc", since: int = 0) -> str:
    done = nas.run("timeline.sh", f"measure {key} {since}", SAMPLES["timeline.sh"])
    assert done.status == 0, done.err
    return done.out


def value(out: str, name: str) -> int:
    match = re.search(rf"^{name}=(\d+)$", out, re.MULTILINE)
    assert match is not None, out
    return int(match[1])


def noted(nas: FakeNas) -> list[str]:
    """The record: key, since, measured."""
    return nas.read("/etc/rancher/nas-k3s-timeline").split()


def test_everything_that_was_noted_is_printed(cluster: FakeNas) -> None:
    lines = measure(cluster).splitlines()
    for line in (
        "created=2026-11-25T09:29:59.8Z",
        "started=2026-11-25T09:30:00.123456789Z",
        "pulled=2026-11-25T09:30:14.094502778Z rancher/mirrored-pause:3.6 198.643909ms",
        "pulled=2026-11-25T09:30:15.087019261Z rancher/mirrored-coredns-coredns:1.13.1 735.676ms",
        "node=True 2026-11-25T09:30:12Z",
        "kubelet=2026-11-25T09:30:05Z",
        "smoke=2026-11-25T09:30:18Z 2026-11-25T09:30:21Z",
    ):
        assert line in lines


def test_what_is_printed_becomes_stages(cluster: FakeNas) -> None:
    stages = {stage.name: stage.seconds for stage in read_stages("", "", measure(cluster))}
    assert stages["start-container"] == pytest.approx(0.323, abs=0.001)
    assert stages["k3s-init"] == pytest.approx(11.877, abs=0.001)
    assert stages["pause"] == pytest.approx(0.199, abs=0.001)
    assert stages["coredns"] == pytest.approx(0.736, abs=0.001)
    assert stages["ready"] == pytest.approx(5.913, abs=0.001)


def test_what_was_measured_before_is_told_from_what_is_new(cluster: FakeNas) -> None:
    first = measure(cluster, "1-2-abc")
    assert value(first, "since") == 0
    assert value(measure(cluster, "1-2-abc"), "since") == 0, "nothing new: the same timeline"
    second = measure(cluster, "7-2-abc")
    assert value(second, "since") == value(first, "measured")
    third = measure(cluster, "7-2-abc")
    assert value(third, "since") == value(second, "since")


def test_a_run_that_left_docker_as_it_was_tells_of_nothing_new(cluster: FakeNas) -> None:
    """Such as one after keepDaemonProxy was changed."""
    first = measure(cluster, "1-2-abc")
    quiet = measure(cluster, "5q-2-abc")
    assert "known=yes" in quiet
    assert value(quiet, "since") == value(first, "since")
    # But it was measured: the next run must not take it for one without an end.
    assert noted(cluster) == ["5q-2-abc", str(value(first, "since")), str(value(quiet, "measured"))]
    assert "known" not in measure(cluster, "5q-2-def"), "another container"
    assert "known" not in measure(cluster, "7-2-def"), "another restart"
    failed = measure(cluster, "5q-2-def", int(time.time()) + 50)
    assert "known" not in failed, "an up before it ended without a timeline"


def test_the_beginning_of_a_run_after_one_without_an_end_counts_and_is_kept(
    cluster: FakeNas,
) -> None:
    assert value(measure(cluster, "1-2-abc", 77), "since") == 77
    assert value(measure(cluster, "1-2-abc", 77), "since") == 77
    later = measure(cluster, "7-2-abc", 77)
    assert value(later, "since") > 77


@pytest.mark.parametrize(
    "record", ["", "x\n", "k since measured\n", "k 99999999999 99999999999\n", "\0\xff\n"]
)
def test_a_record_that_is_damaged_or_of_another_clock_counts_for_nothing(
    cluster: FakeNas, record: str
) -> None:
    cluster.write("/etc/rancher/nas-k3s-timeline", record)
    assert value(measure(cluster, "1-2-abc"), "since") == 0


def test_a_container_that_lets_nobody_in_makes_nothing_new(cluster: FakeNas) -> None:
    measure(cluster, "1-2-abc")
    cluster.inside("k3s", "sh", "#!/bin/sh\nexit 126\n")
    out = measure(cluster, "7-2-abc")
    assert value(out, "since") == value(out, "measured")
    assert all(stage.seconds is None for stage in read_stages("", "", out))


def test_without_a_container_or_docker_it_prints_little_and_never_fails(nas: FakeNas) -> None:
    assert {line.split("=")[0] for line in measure(nas).splitlines()} == {"measured", "since"}
    nas.path(nas.docker).unlink()
    assert measure(nas) == ""


def test_a_cluster_that_does_not_answer_leaves_what_docker_knows(cluster: FakeNas) -> None:
    cluster.inside("k3s", "kubectl", "#!/bin/sh\nexit 1\n")
    out = measure(cluster)
    assert "started=" in out
    assert "smoke=" not in out
