"""The main job with the real engine on the NAS in a box: up, change, destroy, and faults."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from nas.smoke import SMOKE_NAMESPACE
from tests.e2e.conftest import boot
from tests.e2e.story import HOUSEHOLD_RUNNING, Story, story_of
from tests.lab import engine
from tests.lab.box import Lab
from tests.lab.keys import REGISTRY_NAMES
from tests.lab.project import forget_known_hosts

RESOURCES = 35
SENTINEL = "S3NTINELtoken"
# A lab that was kept has the requests of earlier runs, wrong ones on purpose too, in its log.
BEGAN = time.time()


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack on a NAS that has never seen us."""
    with story_of(session_lab, "main") as made:
        yield made
    forget_known_hosts(session_lab)


@pytest.fixture
def empty(story: Story) -> Story:
    """The stack without resources, the NAS without our cluster."""
    story.clear()
    story.configure()
    return story


@pytest.fixture
def with_login(story: Story) -> Iterator[Story]:
    """An empty stack behind a proxy that asks for user and password."""
    story.clear()
    open_lab = story.lab
    story.lab = boot(engine="current", proxy_auth=True)
    story.configure()
    yield story
    story.clear()
    boot(engine="current", proxy_auth=False)
    story.lab = open_lab


@pytest.fixture
def deployed(story: Story) -> Story:
    """The stack as `up` leaves it with the lab's settings."""
    story.configure()
    story.must_up()
    return story


def test_up_on_an_empty_stack_ends_with_a_ready_cluster(empty: Story) -> None:
    began = time.time()
    out = empty.must_up()
    assert empty.changes() == {"create": RESOURCES}, out

    nodes = empty.kubectl("get", "nodes", "-o", "wide")
    assert re.search(r"main +Ready .*v1\.34\.4\+k3s1", nodes)
    assert empty.lab.nas_host in nodes
    assert empty.project.outputs()["endpoint"] == f"https://{empty.lab.nas_host}:6443"
    pods = empty.kubectl("get", "pods", "-A", "-o", "wide")
    assert re.search(r"coredns-\S+ +1/1 +Running", pods)
    assert re.search(r"ready-smoke-\S+ +0/1 +Completed", pods)

    _, started = empty.container()
    start = datetime.fromisoformat(started[:26].rstrip("Z") + "+00:00").timestamp()
    entries = empty.lab.proxy_log(since=began)
    assert {entry.client for entry in entries} == {empty.lab.nas_host}
    first = {entry.target for entry in entries if entry.time < start}
    second = {entry.target for entry in entries if entry.time >= start}
    assert "registry-1.docker.io:443" in first, "stage 1: the daemon pulls the k3s image"
    assert "registry-1.docker.io:443" in second, "stage 2: containerd pulls inside k3s"


def test_nothing_inside_the_cluster_or_the_lan_is_asked_for_through_the_proxy(
    deployed: Story,
) -> None:
    # logs and exec make the API server talk to the kubelet at the node's address
    deployed.kubectl("-n", "kube-system", "logs", "deployment/coredns")
    hosts = {entry.target.rpartition(":")[0] for entry in deployed.lab.proxy_log(since=BEGAN)}
    assert hosts <= set(REGISTRY_NAMES), hosts


def test_a_second_up_changes_nothing_and_touches_nothing(deployed: Story) -> None:
    before = deployed.container(), deployed.lab.dockerd_starts(), deployed.docker_json()
    deployed.must_up()
    assert deployed.changes() == {"same": RESOURCES}
    done = deployed.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        deployed.container(),
        deployed.lab.dockerd_starts(),
        deployed.docker_json(),
    ) == before


def test_a_refresh_of_an_unchanged_stack_finds_no_change(deployed: Story) -> None:
    done = deployed.project.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_no_proxy_is_named_in_preview_and_restarts_the_daemon_once(
    deployed: Story,
) -> None:
    before = deployed.lab.dockerd_starts()
    running = deployed.running()
    proven_in = deployed.uid(SMOKE_NAMESPACE)
    deployed.configure(noProxy=["registry.lan"])
    preview = deployed.preview("--diff")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert re.search(r"noProxy: .*registry\.lan", preview.stdout)
    assert "Docker on the NAS will be restarted" in preview.stdout + preview.stderr
    assert deployed.lab.dockerd_starts() == before

    deployed.must_up()
    assert deployed.lab.dockerd_starts() == before + 1
    assert deployed.running() == running == {*HOUSEHOLD_RUNNING, "k3s"}
    assert "registry.lan" in deployed.must("docker info --format '{{.NoProxy}}'")
    assert "registry.lan" in deployed.must("docker inspect --format '{{.Config.Env}}' k3s")
    jobs = deployed.kubectl("-n", "nas-k3s-smoke", "get", "jobs", "-o", "name").split()
    assert len(jobs) == 1, "the smoke test of the replaced container is gone"
    assert deployed.uid(SMOKE_NAMESPACE) == proven_in, "its namespace is not"


def test_destroy_leaves_the_nas_as_it_was(empty: Story) -> None:
    before = empty.docker_json(), empty.network()
    empty.must_up()
    assert any("KUBE-" in line for line in empty.network())
    assert "link cni0" in empty.network()
    assert empty.docker_json() != before[0]

    done = empty.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    for volume in ("k3s-data", "k3s-etc"):
        assert f"{empty.lab.layout.docker_bin}/docker volume rm {volume}" in done.stdout
    assert empty.project.resources() == []
    assert empty.docker_json() == before[0]
    assert empty.network() == before[1]
    assert empty.running() == HOUSEHOLD_RUNNING
    assert empty.lab.ssh("docker version")[0] == 127
    assert "k3s" not in empty.must("docker ps -a --format '{{.Names}}'").split()
    left = empty.must(f"ls {empty.lab.docker_json.rpartition('/')[0]}")
    assert "nas-k3s" not in left


def test_the_kept_data_brings_the_same_cluster_back(deployed: Story) -> None:
    before = deployed.uid()
    assert deployed.destroy().returncode == 0
    deployed.configure(clusterCidr="10.52.0.0/16", nodeName="other", token="another")
    refused = deployed.preview()
    assert refused.returncode != 0
    for part in (
        "is not the block of this cluster's pods, 10.42.0.0/16",
        "is not the name of this cluster's node",
        "is not the token that this cluster's data is encrypted with",
    ):
        assert part in refused.stdout, refused.stdout
    deployed.configure()
    deployed.must_up()
    assert deployed.uid() == before


def test_destroy_ends_also_when_the_cluster_is_dead_already(deployed: Story) -> None:
    deployed.must("docker rm -f k3s")
    done = deployed.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.project.resources() == []
    assert not [line for line in deployed.network() if "KUBE-" in line or "cni0" in line]


def test_a_proxy_that_is_down_is_named_and_the_nas_goes_on_as_before(empty: Story) -> None:
    before = empty.docker_json(), empty.lab.dockerd_starts()
    with empty.proxy_down():
        began = time.monotonic()
        done = empty.up()
        took = time.monotonic() - began
    assert done.returncode != 0
    assert took < 90
    assert "refuses connections" in done.stdout
    assert f"{empty.lab.addresses.proxy}:7222" in done.stdout
    assert "nas-k3s:proxy" in done.stdout
    assert (empty.docker_json(), empty.lab.dockerd_starts()) == before
    assert empty.running() == HOUSEHOLD_RUNNING


def test_a_wrong_proxy_password_is_named_as_such(with_login: Story) -> None:
    before = with_login.docker_json(), with_login.lab.dockerd_starts()
    with_login.configure(proxyPassword=SENTINEL)
    done = with_login.up()
    assert done.returncode != 0
    assert "does not take the password of" in done.stdout
    assert "nas-k3s:proxyPassword" in done.stdout
    assert SENTINEL not in done.stdout + done.stderr
    assert (with_login.docker_json(), with_login.lab.dockerd_starts()) == before


def test_a_proxy_that_re_signs_is_seen_before_docker_restarts(empty: Story) -> None:
    before = empty.docker_json(), empty.lab.dockerd_starts()
    empty.project.must("config", "rm", "nas-k3s:caCertificatesFile")
    for done in (empty.preview(), empty.up()):
        assert done.returncode != 0
        assert "nas-k3s:caCertificatesFile is not set" in done.stdout
        assert "nas-k3s lab CA" in done.stdout
    assert (empty.docker_json(), empty.lab.dockerd_starts()) == before


def test_k3s_without_the_proxy_says_which_image_why_and_what_to_change(empty: Story) -> None:
    empty.configure(proxyScope="none", readyTimeout=40)
    done = empty.up()
    assert done.returncode != 0
    assert re.search(r"error: coredns is not ready after 40 s", done.stdout)
    assert re.search(r"rancher/mirrored-(pause|coredns)", done.stdout)
    assert re.search(r"lookup registry-1\.docker\.io|failed to pull", done.stdout)
    assert "set nas-k3s:proxyScope to all" in done.stdout

    empty.configure()
    empty.must_up()
    empty.node_is_ready()


def test_preview_of_an_empty_stack_works_with_the_nas_switched_off(empty: Story) -> None:
    with empty.switched_off():
        done = empty.preview(
            KUBECONFIG="/nonexistent", DOCKER_HOST="unix:///nonexistent.sock", HOME="/nonexistent"
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"+ {RESOURCES} to create" in done.stdout
    assert done.stdout.count("the NAS was not read") >= 1


def test_up_with_the_nas_switched_off_is_refused_at_once(empty: Story) -> None:
    with empty.switched_off():
        began = time.monotonic()
        done = empty.up()
        took = time.monotonic() - began
    assert done.returncode != 0
    assert took < 60
    assert 'nas-k3s:host = "' in done.stdout
    assert "cannot be reached" in done.stdout


def test_another_host_key_stops_before_anything_is_sent(empty: Story) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNk"
    empty.configure(sshHostKey=other)
    done = empty.preview()
    assert done.returncode != 0
    assert "nas-k3s:sshHostKey" in done.stdout
    assert empty.project.resources() == []


def test_bad_config_is_refused_with_key_value_and_fix(empty: Story) -> None:
    empty.configure(proxy="http://198.18.0.1", noProxy=["10.1.*"], prxy="x")
    done = empty.up()
    assert done.returncode != 0
    for part in ("nas-k3s:noProxy[0]", "10.1.*", "write 10.1.0.0/16", "nas-k3s:prxy"):
        assert part in done.stdout
    assert empty.project.resources() == []


def _events(text: str) -> str:
    """The lines of `up --json`. The official docker provider logs the container's environment for
    debugging, as docs/secrets.md says; the lab's stand-in has no such excuse."""
    if not os.environ.get(engine.OFFICIAL_PLUGINS):
        return text
    lines = text.splitlines()
    return "\n".join(line for line in lines if '"severity":"debug"' not in line)


def test_no_run_leaves_a_login_to_the_cluster_in_the_temporary_directory(
    deployed: Story, tmp_path: Path
) -> None:
    """Pulumi's Kubernetes provider writes one each time that it is configured."""
    here = {"TMPDIR": str(tmp_path)}
    for command in (["preview"], ["up", "--yes"], ["refresh", "--yes"], ["preview"]):
        done = deployed.project.run(*command, environment=here)
        assert done.returncode == 0, done.stdout + done.stderr
        left = [file.name for file in tmp_path.iterdir() if file.name.startswith("kubeconfig")]
        assert command[0] == "refresh" or not left, command
    done = deployed.project.run("destroy", "--yes", environment=here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not [file for file in tmp_path.rglob("*") if "client-key-data" in _text(file)]


def _text(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""


def test_no_secret_is_shown_logged_or_stored_in_plain_text(with_login: Story) -> None:
    stack, lab = with_login, with_login.lab
    stack.configure(token=SENTINEL)
    first = stack.up("--diff")
    assert first.returncode == 0, first.stdout + first.stderr
    stack.configure(token=SENTINEL, noProxy=["registry.lan"])
    shown = [
        first.stdout + first.stderr,
        stack.preview("--diff").stdout,
        stack.preview("--json").stdout,
        _events(stack.up("--json").stdout),
        stack.project.must("stack"),
        stack.project.must("stack", "output"),
        stack.project.must("stack", "export"),
        stack.backend_text(),
        stack.must("docker logs k3s 2>&1 | cat"),
        stack.must("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done 2>/dev/null; true"),
    ]
    secrets = {
        "proxy password": lab.proxy_password,
        "encoded proxy password": lab.proxy_url_with_login.rpartition("@")[0].rpartition(":")[2],
        "token": SENTINEL,
        "kubeconfig's key": re.findall(r"client-key-data: (\S+)", stack.kubeconfig())[0],
        "SSH key": lab.ssh_key.read_text().splitlines()[2],
    }
    for name, secret in secrets.items():
        assert secret
        assert secret not in "\n".join(shown), f"the {name} is in plain sight"
    assert SENTINEL in stack.must("docker inspect --format '{{.Config.Env}}' k3s")
