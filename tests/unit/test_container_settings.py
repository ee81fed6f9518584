"""Settings of the container: network and ports, limits, kubelet's arguments, directory."""

from __future__ import annotations

import ipaddress
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas import limits
from nas.errors import Problem, RefusedError
from nas.plan import make_plan
from nas.published_ports import PublishedPort, published
from tests.unit.go_no_proxy import GoNoProxy
from tests.unit.samples import FACTS, facts, settings
from tests.unit.test_checks_networks import docker_network


def problems(**config: str) -> list[Problem]:
    with pytest.raises(RefusedError) as refused:
        settings(**config)
    return list(refused.value.problems)


# ---- ports


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("8080:80", [(8080, 80, "tcp")]),
        ("53:53/udp", [(53, 53, "udp")]),
        ("30000-30002:40000-40002", [(30000 + n, 40000 + n, "tcp") for n in range(3)]),
        ("30000-30001:30000-30001/udp", [(30000, 30000, "udp"), (30001, 30001, "udp")]),
    ],
)
def test_ports_are_read_as_docker_run_does(text: str, ports: list[tuple[int, int, str]]) -> None:
    assert [(one.outside, one.inside, one.protocol) for one in published(text)] == ports


@pytest.mark.parametrize(
    "text",
    [
        "80",
        "8080:",
        "80-90:80",
        "0:80",
        "8080:70000",
        "90-80:90-80",
        "1:2/sctp",
        "1-500:1-500",
        "a:b",
    ],
)
def test_what_are_no_ports_is_refused(text: str) -> None:
    (found,) = problems(networkMode="bridge", publishPorts=json.dumps([text]))
    assert found.key == "publishPorts[0]"


@given(st.integers(1, 65000), st.integers(1, 65000), st.integers(0, 99))
def test_a_range_leads_each_port_to_its_own(outside: int, inside: int, more: int) -> None:
    found = published(f"{outside}-{outside + more}:{inside}-{inside + more}")
    assert found == tuple(PublishedPort(outside + n, inside + n) for n in range(more + 1))


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ({"publishPorts": "8080:80"}, "publishPorts"),
        ({"networkMode": "bridge", "nodeIp": "192.168.31.9"}, "nodeIp"),
        ({"networkMode": "bridge", "publishPorts": "6443:80"}, "publishPorts[0]"),
        ({"networkMode": "bridge", "publishPorts": "80:80,90:1,90:2"}, "publishPorts[2]"),
        ({"networkMode": "overlay"}, "networkMode"),
    ],
)
def test_what_does_not_go_together_is_refused(config: dict[str, str], key: str) -> None:
    assert [one.key for one in problems(**config)] == [key]


def test_a_cluster_of_ipv6_does_not_fit_on_dockers_bridge() -> None:
    blocks = {"host": "fd01::88", "clusterCidr": "fd00:42::/56", "serviceCidr": "fd00:43::/112"}
    assert settings(**blocks, proxy="").network_mode == "host"
    assert [one.key for one in problems(**blocks, networkMode="bridge")] == ["clusterCidr"]


# ---- the plan of a bridge


BRIDGED = facts(docker_networks=(docker_network("bridge", "172.17.0.0/16"),))


def test_on_a_bridge_the_node_has_its_containers_address_and_the_api_the_nass() -> None:
    plan = make_plan(settings(networkMode="bridge", apiPort="16443"), BRIDGED)
    assert plan.node_ip is None
    assert not [flag for flag in plan.command if flag.startswith("--node-ip")]
    assert "--tls-san=192.168.31.88" in plan.command
    assert "--https-listen-port=16443" in plan.command
    assert plan.ports == (PublishedPort(16443, 16443),)
    assert plan.kubeconfig.server == "https://192.168.31.88:16443"


@given(st.integers(0, 31), st.integers(16, 28), st.data())
def test_on_a_bridge_no_address_that_the_node_may_get_is_asked_for_through_the_proxy(
    second: int, prefix: int, data: st.DataObject
) -> None:
    bridge = ipaddress.ip_network(f"172.{second}.0.0/{prefix}")
    known = facts(docker_networks=(docker_network("bridge", str(bridge)),))
    address = str(bridge[data.draw(st.integers(0, bridge.num_addresses - 1))])
    plan = make_plan(settings(networkMode="bridge"), known)
    assert not GoNoProxy(plan.env["NO_PROXY"]).uses_proxy(address)
    assert not GoNoProxy(plan.env["NO_PROXY"]).uses_proxy("192.168.31.88")
    # With the NAS's own network nothing is there that would need it.
    assert GoNoProxy(make_plan(settings(), known).env["NO_PROXY"]).uses_proxy(address)


# ---- limits


@pytest.mark.parametrize(("text", "size"), [("4g", 4096), ("4G", 4096), ("1536m", 1536)])
def test_a_limit_of_memory_is_told_in_megabytes(text: str, size: int) -> None:
    assert make_plan(settings(memoryLimit=text), FACTS).memory == size


@pytest.mark.parametrize(
    ("text", "read_back"), [("2", "2.0"), ("1.5", "1.5"), ("1.50", "1.5"), ("0.75", "0.75")]
)
def test_processors_are_spelt_as_the_provider_reads_them_back(text: str, read_back: str) -> None:
    assert make_plan(settings(cpuLimit=text), FACTS).cpus == read_back


@given(st.decimals("0.5", "999", places=3))
def test_the_spelling_of_processors_keeps_their_number(number: object) -> None:
    assert float(limits.cpus(str(number))) == float(str(number))


@pytest.mark.parametrize(
    "config",
    [
        {"memoryLimit": "4"},
        {"memoryLimit": "4gb"},
        {"memoryLimit": "512m"},
        {"memoryLimit": "-1g"},
        {"cpuLimit": "two"},
        {"cpuLimit": "0.1"},
        {"cpuLimit": "-1"},
        {"cpuLimit": "1,5"},
        {"stopGrace": "5"},
        {"stopGrace": "601"},
        {"snapshotter": "zfs"},
    ],
)
def test_a_limit_that_k3s_could_not_live_with_is_refused(config: dict[str, str]) -> None:
    (found,) = problems(**config)
    assert found.key in config


# ---- the kubelet


def test_arguments_of_the_kubelet_are_handed_on_and_come_before_the_servers() -> None:
    config = {"kubeletArgs": '["max-pods=50", "--v=2"]', "serverArgs": "--debug"}
    command = make_plan(settings(**config), FACTS).command
    wanted = ("--kubelet-arg=max-pods=50", "--kubelet-arg=v=2", "--debug")
    assert command[-3:] == wanted


def test_a_comma_belongs_to_the_value_of_a_kubelets_argument() -> None:
    text = "system-reserved=cpu=500m,memory=1Gi"
    assert settings(kubeletArgs=text).kubelet_args == [text]


@pytest.mark.parametrize(
    ("argument", "fix"),
    [
        ("max-pods", "max-pods=50"),
        ("max-pods 50", "max-pods=50"),
        ("node-ip=1.2.3.4", "nas-k3s:nodeIp"),
        ("hostname-override=x", "nas-k3s:nodeName"),
        ("kubeconfig=/x", "remove it"),
        ("config-dir=/x", "remove it"),
        ("max-pods=abc", "max-pods=VALUE, VALUE being a whole number"),
        ("max-pods=20,v=2", "kubeletArgs[0]' max-pods=20, then kubeletArgs[1] v=2"),
        ("max-pods=1.5", "a whole number"),
        ("max-pods=", "a whole number"),
        ("fail-swap-on=no", "true or false"),
        ("sync-frequency=60", "a duration"),
        ("healthz-bind-address=here", "an address"),
        ("system-reserved=cpu:500m", "NAME=VALUE pairs"),
        ("eviction-hard=memory.available=1Gi", "NAME<VALUE"),
        ("feature-gates=ImageVolume", "NAME=true"),
        ("max-podz=50", "write max-pods"),
        ("zzz=1", "remove it"),
    ],
)
def test_an_argument_that_is_none_or_not_the_owners_is_refused(argument: str, fix: str) -> None:
    (found,) = problems(kubeletArgs=json.dumps([argument]))
    assert found.key == "kubeletArgs[0]"
    assert fix in found.fix


@pytest.mark.parametrize(
    "argument",
    [
        "max-pods=+5",
        "oom-score-adj=-999",
        "fail-swap-on=F",
        "sync-frequency=1m30.5s",
        "sync-frequency=0",
        "healthz-bind-address=::1",
        "node-labels=disk=ssd,place=",
        "eviction-hard=memory.available<5%,nodefs.available<1Gi",
        "eviction-hard=",
        "feature-gates=ImageVolume=true,Nope=false",
        "register-with-taints=a=b:NoSchedule",
        "logging-format=json",
    ],
)
def test_what_the_kubelet_takes_is_taken(argument: str) -> None:
    assert settings(kubeletArgs=argument).kubelet_args == [argument]


def test_an_argument_that_is_there_twice_is_refused_unless_its_values_add_up() -> None:
    (found,) = problems(kubeletArgs='["max-pods=50", "v=2", "max-pods=60"]')
    assert found.key == "kubeletArgs[2]"
    assert "second time" in found.why
    assert settings(kubeletArgs='["node-labels=a=b", "node-labels=c=d"]').kubelet_args
    (found,) = problems(serverArgs='["--debug", "--v=2", "--v=2"]')
    assert found.key == "serverArgs[2]"


@pytest.mark.parametrize(
    "image", [{"k3sVersion": "v1.33.4-k3s1"}, {"k3sImage": "registry.lan/k3s:own"}]
)
def test_an_option_that_another_kubelet_may_have_is_a_warning(image: dict[str, str]) -> None:
    chosen = settings(kubeletArgs='["max-pods=5", "keep-terminated-pod-volumes=true"]', **image)
    (warning,) = (text for text in make_plan(chosen, FACTS).warnings if "kubelet" in text)
    assert "keep-terminated-pod-volumes" in warning
    assert "max-pods" not in warning


# ---- the directory


@pytest.mark.parametrize(
    "path",
    ["k3s", "./k3s", "/", "~/k3s", "/share/a b", "/share/../k3s", "/share/a:b", "/a,b", "/$x"],
)
def test_a_directory_is_an_absolute_path_that_a_mount_can_name(path: str) -> None:
    (found,) = problems(dataDirectory=path)
    assert found.key == "dataDirectory"
    assert "/share/CACHEDEV1_DATA/k3s" in found.fix


def test_a_slash_at_the_end_is_no_other_directory() -> None:
    assert settings(dataDirectory="/share/a/k3s/").data_directory == "/share/a/k3s"
