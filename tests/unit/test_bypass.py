"""Whatever the config: nothing of cluster, node or LAN is asked for through the proxy."""

from __future__ import annotations

import ipaddress
import json
import string
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st

from nas.plan import Plan, make_plan
from tests.unit.go_no_proxy import GoNoProxy
from tests.unit.samples import facts
from tests.unit.samples import settings as config_of

PORTS = (80, 443, 6443, 10250)
WHOLE = 1024
"""Blocks of up to so many addresses are asked for address by address."""

label = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8).filter(
    lambda text: not text.isdigit()
)
name = st.lists(label, min_size=1, max_size=3).map(".".join)


@dataclass(frozen=True)
class Network:
    """A config whose blocks lie apart, and the blocks themselves."""

    config: dict[str, str]
    blocks: tuple[str, ...]


def _block(first: str, length: int) -> str:
    return str(ipaddress.ip_network(f"{first}/{length}", strict=False))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Pods, services, LAN and NAS of one family, anywhere in their private ranges."""
    number = draw(st.integers(0, 99))
    if draw(st.booleans()):
        pods = _block(f"10.{number}.{draw(st.integers(0, 255))}.0", draw(st.integers(16, 24)))
        services = _block(f"10.{number + 100}.0.0", draw(st.integers(12, 28)))
        if ipaddress.ip_network(services).overlaps(ipaddress.ip_network(pods)):
            services = _block(f"10.{number + 100}.0.0", 24)
        lan = _block(f"192.168.{number}.0", draw(st.integers(22, 29)))
    else:
        pods = _block(f"fd00:{number:x}::", draw(st.integers(48, 64)))
        services = _block(f"fd01:{number:x}::", draw(st.integers(64, 124)))
        lan = _block(f"fd02:{number:x}::", draw(st.integers(64, 120)))
    first = ipaddress.ip_network(lan).network_address
    config = {
        "host": str(first + draw(st.integers(1, 6))),
        "clusterCidr": pods,
        "serviceCidr": services,
        "clusterDomain": draw(name),
        "noProxy": json.dumps(draw(st.lists(name, max_size=3))),
    }
    if draw(st.booleans()):
        config["nodeIp"] = str(first + draw(st.integers(1, 6)))
    return Network({**config, "lanCidr": lan}, (pods, services, lan))


def addresses(block: str) -> Iterator[str]:
    """All addresses of a small block, of a large one both ends and some in between."""
    network = ipaddress.ip_network(block)
    count = network.num_addresses
    if count <= WHOLE:
        yield from map(str, network)
        return
    middle = network[count // 2]
    for address in (network[0], network[1], network[10], middle, network[-2], network[-1]):
        yield str(address)
    # Every 64th part of it.
    yield from (str(network[count // 64 * part]) for part in range(64))


def spellings(address: str) -> Iterator[str]:
    """How programs write the address."""
    yield address
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        yield f"::ffff:{ip}"
    else:
        yield ip.exploded


def inside(network: Network, plan: Plan) -> Iterator[str]:
    """Everything that has to be reached without the proxy."""
    for block in network.blocks:
        yield from addresses(block)
    domain = network.config["clusterDomain"]
    yield from (network.config["host"], plan.node_ip or "", plan.node_name, plan.node_name.upper())
    yield from (f"web.default.svc.{domain}", f"WEB.default.SVC.{domain}", f"a.{domain}")
    yield from ("kubernetes.default.svc", "webhook.cert-manager.svc", "a.b.c.svc")
    yield from ("localhost", "127.0.0.1", "127.255.0.9", "::1")


def asked_for(network: Network, plan: Plan, no_proxy: str) -> list[tuple[str, int]]:
    """What would be asked for through the proxy although it is inside."""
    go = GoNoProxy(no_proxy)
    return [
        (spelling, port)
        for target in inside(network, plan)
        for spelling in (spellings(target) if _is_ip(target) else [target])
        for port in PORTS
        if go.uses_proxy(spelling, port)
    ]


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


@settings(deadline=None, max_examples=25)
@given(networks(), st.sampled_from(["all", "images"]))
def test_k3s_asks_the_proxy_for_nothing_inside(network: Network, scope: str) -> None:
    plan = make_plan(config_of(**network.config, proxyScope=scope), facts(address=""))
    # What k3s adds to the variable by itself is not counted on.
    name = "NO_PROXY" if scope == "all" else "CONTAINERD_NO_PROXY"
    assert list(islice(asked_for(network, plan, plan.env[name]), 5)) == []


@settings(deadline=None, max_examples=40)
@given(networks())
def test_the_registries_of_the_images_are_still_asked_for_through_it(network: Network) -> None:
    plan = make_plan(config_of(**{**network.config, "noProxy": "[]"}), facts(address=""))
    assert plan.daemon is not None
    cluster, daemon = GoNoProxy(plan.env["NO_PROXY"]), GoNoProxy(",".join(plan.daemon.no_proxy))
    for registry in ("registry-1.docker.io", "auth.docker.io", "ghcr.io", "8.8.8.8"):
        inside = registry.endswith(f".{network.config['clusterDomain']}")
        assert cluster.uses_proxy(registry) != inside
        # The cluster's own names are none of Docker's.
        assert daemon.uses_proxy(registry)


@settings(deadline=None, max_examples=40)
@given(networks())
def test_docker_asks_the_proxy_for_no_address_of_nas_and_lan(network: Network) -> None:
    plan = make_plan(config_of(**network.config), facts(address=""))
    assert plan.daemon is not None
    go = GoNoProxy(",".join(plan.daemon.no_proxy))
    lan = network.blocks[2]
    inside = [*addresses(lan), network.config["host"], plan.node_ip or "", "localhost", "::1"]
    assert [target for target in inside if go.uses_proxy(target)] == []


@given(st.data(), networks())
def test_an_entry_of_the_owners_takes_nothing_away(data: st.DataObject, network: Network) -> None:
    port = data.draw(st.integers(1, 65535))
    more = [f"registry.lan:{port}", f"[fd00::1]:{port}", ".example.lan", "10.1.2.3"]
    config = {**network.config, "noProxy": json.dumps(data.draw(st.permutations(more)))}
    plan = make_plan(config_of(**config), facts(address=""))
    go = GoNoProxy(plan.env["NO_PROXY"])
    for block in network.blocks:
        first, last = ipaddress.ip_network(block)[0], ipaddress.ip_network(block)[-1]
        assert not go.uses_proxy(str(first), 10250)
        assert not go.uses_proxy(str(last), 10250)
    assert not go.uses_proxy("registry.lan", port)
    assert go.uses_proxy("registry.lan", port % 65535 + 1)
