"""Overlaps of the cluster's blocks with networks of the NAS."""

from __future__ import annotations

import ipaddress
from ipaddress import ip_network

import pytest

from nas.checks.networks import check_host_networks, network_warnings
from nas.errors import RefusedError
from nas.fact_lines import DockerNetwork, Route
from nas.plan import make_plan
from tests.unit.samples import facts, settings


def docker_network(name: str, *subnets: str) -> DockerNetwork:
    return DockerNetwork(name, "bridge", tuple(map(ip_network, subnets)))


def route(interface: str, network: str) -> Route:
    return Route(interface, ip_network(network))


@pytest.mark.parametrize(
    ("known", "config", "key", "what"),
    [
        (
            {"docker_networks": (docker_network("media", "10.42.5.0/24"),)},
            {},
            "clusterCidr",
            "Docker's network media (10.42.5.0/24)",
        ),
        (
            {"routes": (route("eth0", "10.0.0.0/8"),)},
            {"serviceCidr": "172.28.0.0/16"},
            "clusterCidr",
            "the NAS's network 10.0.0.0/8 (eth0)",
        ),
        (
            {"docker_pools": (ip_network("10.43.0.0/16"),)},
            {},
            "serviceCidr",
            "the pool 10.43.0.0/16",
        ),
        ({"routes": (route("tun0", "10.43.9.0/24"),)}, {}, "serviceCidr", "10.43.9.0/24 (tun0)"),
    ],
)
def test_a_block_that_the_nas_is_in_is_refused_with_a_free_one(
    known: dict[str, object], config: dict[str, str], key: str, what: str
) -> None:
    (found,) = check_host_networks(settings(**config), facts(**known))
    assert found.key == key
    assert what in found.why
    free = ip_network(found.fix.rpartition(" ")[2])
    used = next(iter(known.values()))
    assert isinstance(used, tuple)
    for one in used:
        for network in (
            one.subnets
            if isinstance(one, DockerNetwork)
            else [one.network if isinstance(one, Route) else one]
        ):
            assert not free.overlaps(network)


def test_the_refusal_reaches_the_user_through_the_plan() -> None:
    known = facts(docker_networks=(docker_network("media", "10.42.5.0/24"),))
    with pytest.raises(RefusedError, match="overlaps Docker's network media"):
        make_plan(settings(), known)


@pytest.mark.parametrize(
    "known",
    [
        {"routes": (route("cni0", "10.42.0.0/24"), route("flannel.1", "10.42.0.0/32"))},
        {"routes": (route("eth0", "192.168.31.0/24"), route("eth0", "fd00::/64"))},
        {"docker_networks": (docker_network("bridge", "172.17.0.0/16"),)},
        {},
    ],
)
def test_networks_beside_the_clusters_are_no_reason(known: dict[str, object]) -> None:
    assert check_host_networks(settings(), facts(**known)) == []


def test_the_bridge_of_docker_is_told_once_although_it_is_a_route_too() -> None:
    known = facts(
        docker_networks=(docker_network("bridge", "10.42.0.0/16"),),
        routes=(route("docker0", "10.42.0.0/16"),),
    )
    (found,) = check_host_networks(settings(), known)
    assert "Docker's network bridge" in found.why


def test_on_a_bridge_only_dockers_own_bridge_and_the_lan_are_in_the_way() -> None:
    config = settings(networkMode="bridge")
    bridge = docker_network("bridge", "172.17.0.0/16")
    other = facts(
        docker_networks=(bridge, docker_network("media", "10.42.5.0/24")),
        docker_pools=(ip_network("10.42.0.0/16"),),
    )
    assert check_host_networks(config, other) == []
    for known in (
        facts(docker_networks=(docker_network("bridge", "10.42.5.0/24"),)),
        facts(docker_networks=(bridge,), routes=(route("eth0", "10.42.0.0/17"),)),
    ):
        (found,) = check_host_networks(config, known)
        assert found.key == "clusterCidr"


def test_without_dockers_bridge_the_container_cannot_be_on_it() -> None:
    known = facts(docker_networks=(docker_network("media", "172.20.0.0/16"),))
    (found,) = check_host_networks(settings(networkMode="bridge"), known)
    assert (found.key, found.fix) == (
        "networkMode",
        "pulumi config set nas-k3s:networkMode host",
    )


def test_a_cluster_that_is_there_already_is_only_warned() -> None:
    known = facts(
        docker_networks=(docker_network("media", "10.42.5.0/24"),),
        container="running",
        container_flags={"cluster-cidr": "10.42.0.0/16"},
    )
    assert check_host_networks(settings(), known) == []
    (warning,) = network_warnings(settings(), known)
    assert "clusterCidr 10.42.0.0/16" in warning
    moved = settings(clusterCidr="10.42.0.0/17")
    assert [one.key for one in check_host_networks(moved, known)] == ["clusterCidr"]


def test_the_proposal_is_of_the_blocks_own_family() -> None:
    config = settings(
        host="fd01::88", proxy="", clusterCidr="fd00:42::/56", serviceCidr="fd00:43::/112"
    )
    (found,) = check_host_networks(config, facts(routes=(route("eth0", "fd00:42::/64"),)))
    assert ipaddress.ip_network(found.fix.rpartition(" ")[2]).version == 6


# ---- proposals


def proposed(text: str) -> str:
    return text.rpartition(" ")[2]


def test_two_blocks_that_are_taken_get_a_proposal_each() -> None:
    known = facts(routes=(route("eth0", "10.32.0.0/11"),))
    pods, services = check_host_networks(settings(), known)
    assert pods.key == "clusterCidr"
    assert not ip_network(proposed(pods.fix)).overlaps(ip_network(proposed(services.fix)))
    with pytest.raises(RefusedError) as refused:
        settings(host="10.42.0.9", proxy="http://10.43.0.9:3128")
    fixes = [proposed(one.fix) for one in refused.value.problems]
    assert len(set(fixes)) == 2


def test_a_block_that_the_settings_speak_of_is_not_proposed() -> None:
    known = facts(routes=(route("tun0", "10.42.0.0/16"),))
    config = {"lanCidr": "10.52.0.0/15", "host": "172.28.0.9", "proxy": "http://172.29.1.1:3128"}
    (found,) = check_host_networks(settings(**config), known)
    assert found.fix.endswith("e.g. 192.168.192.0/20")
