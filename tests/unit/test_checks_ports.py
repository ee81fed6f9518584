"""Ports of the NAS that something else has."""

from __future__ import annotations

import pytest

from nas.checks.ports import API_PORTS, asked_ports, check_ports
from nas.fact_lines import Listener
from tests.unit.samples import facts, settings

BRIDGE = {"networkMode": "bridge", "publishPorts": "8080:80,30053:53/udp"}


@pytest.mark.parametrize(
    ("listener", "why", "fix"),
    [
        (Listener(6443, program="nginx"), "port 6443 of the NAS is in use by nginx", "16443"),
        (Listener(10250, program="python3"), "port 10250", "stop python3, or pulumi config set"),
        (Listener(6444, scope="loopback"), "port 6444", "nas-k3s:networkMode bridge"),
        (Listener(10259, scope="all"), "port 10259", "networkMode bridge"),
        (Listener(6443, scope="one"), "port 6443", "16443"),
    ],
)
def test_a_port_that_is_taken_is_told_with_who_has_it(
    listener: Listener, why: str, fix: str
) -> None:
    (found,) = check_ports(settings(), facts(listeners=(listener,)))
    assert why in found.why
    assert fix in found.fix


@pytest.mark.parametrize(
    "listener",
    [
        # k3s takes these at 127.0.0.1 alone.
        Listener(10010, scope="one"),
        Listener(6443, protocol="udp"),
        Listener(8080),
    ],
)
def test_a_socket_that_is_in_nobodys_way_is_no_reason(listener: Listener) -> None:
    assert check_ports(settings(), facts(listeners=(listener,))) == []


def test_while_docker_is_down_nobody_knows_whose_a_k3s_is() -> None:
    """Ours goes on when dockerd is killed: it is no other Kubernetes to move away from."""
    held = tuple(Listener(port, program="k3s-server") for port in (6443, 10250, 6444))
    assert check_ports(settings(), facts(engine="", listeners=held)) == []


@pytest.mark.parametrize("program", ["k3s-server", "kubelite", "kube-apiserver"])
def test_another_kubernetes_is_named_as_one_with_all_that_it_holds(program: str) -> None:
    held = tuple(Listener(port, program=program) for port in (6443, 10250, 6444))
    (found,) = check_ports(settings(), facts(listeners=held))
    assert f"another Kubernetes ({program}) runs on the NAS" in found.why
    assert "6443, 6444, 10250" in found.why
    assert "stop it" in found.fix
    assert "bridge" in found.fix


def test_our_own_server_is_no_other_kubernetes() -> None:
    held = tuple(Listener(port, program="k3s-server") for port in (6443, 10250, 6444))
    ours = facts(listeners=held, container="running", container_port=6443, container_network="host")
    assert check_ports(settings(), ours) == []
    # One that ended holds nothing.
    assert check_ports(settings(), facts(listeners=held, container="exited"))


def test_on_a_bridge_only_published_ports_count() -> None:
    busy = (
        Listener(10250),
        Listener(8080, program="httpd"),
        Listener(30053, "udp", "all", "named"),
    )
    found = check_ports(settings(**BRIDGE), facts(listeners=busy))
    assert [one.key for one in found] == ["publishPorts", "publishPorts"]
    assert "8080 of the NAS is in use by httpd" in found[0].why
    assert "30053 of the NAS is in use by named" in found[1].why


def test_what_our_container_publishes_is_ours() -> None:
    busy = (Listener(8080, program="docker-proxy"), Listener(6443, program="docker-proxy"))
    known = facts(
        listeners=busy,
        container="running",
        container_network="bridge",
        container_port=6443,
        container_publishes=("6443/tcp", "8080/tcp"),
    )
    assert check_ports(settings(**BRIDGE), known) == []


def test_a_move_to_the_nass_network_finds_what_others_hold_there() -> None:
    known = facts(
        listeners=(Listener(6443, program="docker-proxy"), Listener(10250, program="nc")),
        container="running",
        container_network="bridge",
        container_publishes=("6443/tcp",),
    )
    (found,) = check_ports(settings(), known)
    assert "port 10250" in found.why


# ---- proposals


@pytest.mark.parametrize(
    ("config", "busy", "proposal"),
    [
        ({}, (6443,), "write a free one, e.g. 16443"),
        ({"apiPort": "16443"}, (16443,), "write a free one, e.g. 6443"),
        ({"apiPort": "16443"}, (16443, 6443), "write a free one, e.g. 26443"),
        ({"apiPort": "10250"}, (), "write a free one, e.g. 6443"),
        ({"networkMode": "bridge", "publishPorts": "16443:80"}, (6443,), "e.g. 26443"),
        ({}, API_PORTS, "write a free one"),
    ],
)
def test_a_port_that_is_proposed_is_free_by_the_same_facts(
    config: dict[str, str], busy: tuple[int, ...], proposal: str
) -> None:
    (found, *_) = check_ports(settings(**config), facts(ports_taken=busy))
    assert found.key == "apiPort"
    assert found.fix.endswith(proposal)


def test_beside_another_kubernetes_the_ports_that_it_holds_are_not_proposed() -> None:
    held = tuple(Listener(port, program="k3s-server") for port in (6443, 16443, 10250))
    (found,) = check_ports(settings(), facts(listeners=held))
    assert found.fix.endswith("with an apiPort that is free, e.g. 26443")
    held = tuple(Listener(port, program="k3s-server") for port in (*API_PORTS, 10250))
    (found,) = check_ports(settings(), facts(listeners=held))
    assert found.fix.endswith("with an apiPort that is free")


def test_the_port_of_our_own_server_is_a_good_proposal() -> None:
    held = (Listener(16443, program="k3s-server"), Listener(26443, program="nginx"))
    known = facts(
        listeners=held, container="running", container_port=16443, container_network="host"
    )
    (found,) = check_ports(settings(apiPort="26443"), known)
    assert found.fix.endswith("e.g. 6443")
    busy = facts(
        listeners=(*held, Listener(6443)),
        container="running",
        container_port=16443,
        container_network="host",
    )
    (found,) = check_ports(settings(apiPort="26443"), busy)
    assert found.fix.endswith("e.g. 16443")


def test_the_nas_is_asked_about_every_port_that_may_be_proposed() -> None:
    assert {*API_PORTS, 9443, 10250} <= set(asked_ports(settings(apiPort="9443")))


def test_a_bridge_is_proposed_together_with_what_it_asks_for() -> None:
    for held in (Listener(10250), Listener(10250, program="kubelet")):
        (found,) = check_ports(settings(nodeIp="192.168.31.88"), facts(listeners=(held,)))
        assert "networkMode bridge and pulumi config rm nas-k3s:nodeIp" in found.fix
