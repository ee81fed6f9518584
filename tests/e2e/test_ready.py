"""What `up` proves of a cluster: packaged components, and logs and exec through the API server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.story import Story, story_of
from tests.lab import paths
from tests.lab.box import Lab
from tests.lab.project import Project

# The API server then asks for the node at an address that is none of the LAN's.
PREFERS_EXTERNAL = "--kube-apiserver-arg=kubelet-preferred-address-types=ExternalIP"


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    with story_of(session_lab, "ready") as made:
        yield made


@pytest.fixture(scope="module")
def network_before(story: Story) -> list[str]:
    """Links and rules of the NAS before the cluster was there."""
    return story.own_network()


def test_a_web_interface_on_port_80_is_named_before_traefik_takes_it(
    story: Story, network_before: list[str]
) -> None:
    story.configure(disable=[])
    before = story.lab.dockerd_starts(), story.docker_json()
    story.must("httpd -p 80 -h /home/Qhttpd")
    try:
        done = story.up()
    finally:
        # The one of port 8080 belongs to the NAS.
        story.must("kill $(ps | awk '/httpd -p 80 / && !/awk/ { print $1 }')")
    assert done.returncode != 0
    assert "nas-k3s:disable = []" in done.stdout
    assert "in use is 80 by httpd" in done.stdout
    assert story.project.resources() == []
    assert (story.lab.dockerd_starts(), story.docker_json()) == before
    assert story.own_network() == network_before


def test_a_node_that_the_api_server_asks_the_proxy_for_is_told_with_what_heals_it(
    story: Story,
) -> None:
    found = story.must("ip -o -4 addr show docker0 | awk '{ print $4 }'").strip()
    address = found.partition("/")[0]
    arguments = [f"--node-external-ip={address}", PREFERS_EXTERNAL]
    story.configure(serverArgs=arguments)
    done = story.up()
    assert done.returncode != 0
    assert f"the API server asks the proxy {story.lab.addresses.proxy}:7222" in done.stdout
    assert f"ExternalIP {address}" in done.stdout
    assert "add the address of the node to nas-k3s:noProxy" in done.stdout
    assert f"{address}:10250" in {entry.target for entry in story.lab.proxy_log()}

    story.configure(serverArgs=arguments, noProxy=[address])
    story.must_up()
    assert "CoreDNS" in story.kubectl("-n", "kube-system", "logs", "deployment/coredns")


def test_every_component_that_is_on_is_waited_for(story: Story) -> None:
    story.configure(disable=[])
    out = story.must_up()
    for name in (
        *("coredns", "local-path-provisioner", "metrics-server", "traefik", "svclb-traefik"),
        *("helm-install-traefik-crd", "helm-install-traefik"),
    ):
        assert f"nas-k3s: {name}: " in out
    assert "logs: the API server reaches the kubelet" in out
    assert "exec: CoreDNS-" in out
    ready = story.kubectl("-n", "kube-system", "get", "deployments,daemonsets")
    assert ready.count("1/1") == 4
    assert story.kubectl(
        "-n", "kube-system", "exec", "deployment/coredns", "--", "/coredns", "-plugins"
    )
    assert "Address" in story.kubectl("-n", "nas-k3s-smoke", "logs", "-l", "job-name")


def test_a_second_up_does_not_take_the_load_balancer_for_a_stranger(story: Story) -> None:
    done = story.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def app(story: Story) -> Iterator[Project]:
    """The example of an app stack, not yet up, pointed to the cluster's stack."""
    folder = story.lab.state.folder / "projects" / "app"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(paths.REPO / "examples" / "app", folder)
    made = Project(story.lab, story.project.engine, folder, "app")
    made.run("stack", "rm", "--yes")
    made.must("stack", "init")
    made.must("config", "set", "cluster", f"organization/nas-k3s/{story.project.stack}")
    yield made
    made.must("destroy", "--yes", "--skip-preview", "--remove")


def test_an_app_stack_builds_on_the_outputs_alone(story: Story, app: Project) -> None:
    outputs = story.project.outputs()
    assert outputs["nodeIp"] == story.lab.nas_host
    assert outputs["kubeletVersion"] == "v1.34.4+k3s1"
    app.must("up", "--yes", "--skip-preview")
    served = story.kubectl("get", "--raw", "/api/v1/namespaces/hello/services/hello:80/proxy/")
    assert served == "hello from the NAS\n"
    assert app.outputs() == {"url": "http://hello.hello.svc.cluster.local/"}
    again = app.run("preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout + again.stderr
    state = app.must("stack", "export")
    assert "client-key-data" not in state
    app.must("destroy", "--yes", "--skip-preview")
    assert "hello" not in story.kubectl("get", "namespaces", "-o", "name")


def test_destroy_takes_the_rules_of_the_load_balancer_back_too(
    story: Story, network_before: list[str]
) -> None:
    assert [rule for rule in story.network() if "CNI-HOSTPORT" in rule]
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert story.own_network() == network_before
