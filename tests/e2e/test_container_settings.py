"""How the container is made, on the NAS in a box: bridge network, data directory, refusals."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.lab.box import Lab
from tests.lab.project import forget_known_hosts

LISTENER = "nc -l -p 10250 -e true </dev/null >/dev/null 2>&1"
SHAPE = {
    "apiPort": 16443,
    # As the NAS shows it to people: `Container` is a symbolic link into the volume.
    "dataDirectory": "/share/Container/k3s-shape",
    "memoryLimit": "3g",
    "cpuLimit": 2,
    "kubeletArgs": ["max-pods=42"],
    "stopGrace": 40,
    "keepData": False,
}
BRIDGE = {
    **SHAPE,
    "networkMode": "bridge",
    "publishPorts": ["30080:30080", "30090-30091:30090-30091/udp"],
}


@dataclass
class Bridged:
    """A cluster that was moved to Docker's bridge; what there was before it.

    Attributes:
        network: links and rules of the NAS before the cluster.
        identity: the cluster's while it used the NAS's network.
    """

    story: Story
    network: list[str]
    identity: str

    @property
    def place(self) -> str:
        return f"{self.story.lab.pool}/Container/k3s-shape"


def addresses(story: Story) -> tuple[str, str]:
    """Address of the node and of the container."""
    path = "jsonpath={.status.addresses[?(@.type=='InternalIP')].address}"
    shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    container = story.must(f"docker inspect --format '{shown}' k3s").strip()
    return story.kubectl("get", "node", "shape", "-o", path), container


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """One stack for all tests of this file."""
    with story_of(session_lab, "shape") as made:
        yield made
    forget_known_hosts(session_lab)


@pytest.fixture(scope="module")
def bridged(story: Story) -> Bridged:
    """A cluster with limits and its data in a directory, first on the NAS's own network."""
    kind = story.must(f"stat -f -c %T {story.lab.pool}").strip()
    if kind == "tmpfs":
        pytest.skip("this machine keeps the lab's disks in memory, which is refused")
    network = story.network()
    story.configure(**SHAPE)
    story.must_up()
    assert "link cni0" in story.network()
    made = Bridged(story, network, story.uid())
    story.configure(**BRIDGE)
    story.must_up()
    return made


def test_what_cannot_work_on_this_nas_is_refused_before_anything_changes(story: Story) -> None:
    before = story.docker_json(), story.network()
    story.must(f"({LISTENER} & echo $! >/tmp/listener)")
    try:
        story.configure(clusterCidr="172.29.0.0/16", dataDirectory="/share/k3s", cpuLimit="512")
        done = story.up()
    finally:
        story.must("kill $(cat /tmp/listener); rm /tmp/listener")
    assert done.returncode != 0
    for part in (
        "port 10250 of the NAS is in use by nc",
        "nas-k3s:networkMode bridge",
        "overlaps Docker's network bridge (172.29.0.0/22)",
        "write a block that nothing in your network uses",
        "lies on a RAM disk",
        f"pulumi config set nas-k3s:dataDirectory {story.lab.pool}/k3s",
        "processors of the NAS",
    ):
        assert part in done.stdout, done.stdout
    assert story.project.resources() == []
    assert (story.docker_json(), story.network()) == before


def test_a_cluster_that_moves_to_a_bridge_is_the_same_and_leaves_nothing_behind(
    bridged: Bridged,
) -> None:
    story = bridged.story
    assert story.uid() == bridged.identity
    assert story.project.outputs()["endpoint"] == f"https://{story.lab.nas_host}:16443"
    node, container = addresses(bridged.story)
    assert node == container != story.lab.nas_host
    # The API server talks to the kubelet at the node's address.
    story.kubectl("-n", "kube-system", "logs", "deployment/coredns")
    assert not [line for line in story.network() if "KUBE-" in line or "cni0" in line]
    targets = {entry.target.rpartition(":")[0] for entry in story.lab.proxy_log()}
    assert not {target for target in targets if target.startswith(node.rpartition(".")[0])}


def test_limits_and_arguments_reach_docker_and_the_kubelet(bridged: Bridged) -> None:
    story = bridged.story
    assert story.kubectl("get", "node", "shape", "-o", "jsonpath={.status.capacity.pods}") == "42"
    limits = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.Config.StopTimeout}}"
    found = story.must(f"docker inspect --format '{limits}' k3s").split()
    assert found == [str(3 * 1024**3), str(2 * 10**9), "40"]
    ports = story.must("docker port k3s").split("\n")
    assert {line.split(" ")[0] for line in ports if line} == {
        "16443/tcp",
        "30080/tcp",
        "30090/udp",
        "30091/udp",
    }


def test_the_data_is_in_the_directory_and_for_root_alone(bridged: Bridged) -> None:
    place = bridged.place
    modes = bridged.story.must(f"stat -c '%a %u' {place} {place}/data {place}/etc")
    assert modes.splitlines() == ["700 0"] * 3
    bridged.story.must(f"test -s {place}/data/server/db/state.db && test -d {place}/etc/k3s")
    assert "k3s-data" not in bridged.story.must("docker volume ls -q").split()


def test_a_second_up_on_a_bridge_changes_nothing(bridged: Bridged) -> None:
    story = bridged.story
    before = story.container()
    story.must_up()
    assert set(story.changes()) == {"same"}
    done = story.project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert story.container() == before


def test_a_container_that_gets_another_address_is_the_same_cluster(bridged: Bridged) -> None:
    story = bridged.story
    before, _ = addresses(bridged.story)
    image = story.must("docker inspect --format '{{.Config.Image}}' photos").strip()
    story.must("docker stop k3s")
    story.must(f"docker run -d --name visitor --entrypoint sleep {image} 600")
    try:
        story.must("docker start k3s")
        assert _settled(bridged) != before
        assert story.uid() == bridged.identity
        story.kubectl("-n", "kube-system", "logs", "deployment/coredns")
        story.must_up()
        assert set(story.changes()) == {"same"}
    finally:
        story.must("docker rm -f visitor")


def _settled(bridged: Bridged) -> str:
    """The node's address once it is the container's, with the node ready and CoreDNS on it."""
    deadline = time.monotonic() + 120
    while True:
        try:
            node, container = addresses(bridged.story)
            assert node == container
            for waiting in (
                ("wait", "--for=condition=Ready", "node/shape", "--timeout=10s"),
                ("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=40s"),
            ):
                bridged.story.kubectl(*waiting)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return node


def test_destroy_takes_the_data_away_and_leaves_what_is_not_ours(bridged: Bridged) -> None:
    story, place = bridged.story, bridged.place
    story.must(f"echo mine >{place}/notes.txt")
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the cluster's data is gone from {place}" in done.stdout
    assert story.must(f"ls -A {place}").split() == ["notes.txt"]
    story.must(f"rm -r {place}")
    assert story.running() == HOUSEHOLD_RUNNING
    # Docker may give its other containers new addresses: whose rules are left is what counts.
    left = set(story.network()) - set(bridged.network)
    assert not [line for line in left if line.startswith("link ")]
    assert not [line for line in left if re.search("KUBE-|CNI-|FLANNEL-|16443|3008|3009", line)]
