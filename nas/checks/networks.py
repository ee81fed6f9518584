"""Whether pods and services would take addresses from a network that the NAS is in."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator

from nas.bridge import NAME as BRIDGE
from nas.bridge import bridge_networks
from nas.checks.data import flags_of_data
from nas.errors import Problem, set_command
from nas.fact_lines import Network
from nas.facts import Facts
from nas.networks import propose_block
from nas.proxy import is_ip
from nas.settings import Settings

_OF_KUBERNETES = re.compile(r"cni\d|flannel|kube-|veth")
"""Interfaces whose networks are the cluster's own."""


def check_host_networks(settings: Settings, facts: Facts) -> list[Problem]:
    """Overlaps with networks of the NAS and of its Docker.

    A cluster that is there already, be it only its data, keeps its blocks: they are told by
    `network_warnings`.
    """
    problems = [
        Problem(key, json.dumps(block), f"overlaps {what}", fix)
        for key, block, what, fix in _overlaps(settings, facts)
        if not _is_there(key, block, settings, facts)
    ]
    # Without any network nothing was read: a Docker that is slow has them all the same.
    read = settings.network_mode == "bridge" and facts.engine and facts.docker_networks
    if read and not bridge_networks(facts):
        problems.append(
            Problem(
                "networkMode",
                json.dumps(settings.network_mode),
                "needs Docker's default bridge, which this NAS has switched off",
                set_command("networkMode", "host"),
            )
        )
    return problems


def network_warnings(settings: Settings, facts: Facts) -> list[str]:
    """Overlaps of a cluster that cannot move any more."""
    return [
        f"{key} {block} of the cluster overlaps {what}: they cannot reach each other"
        for key, block, what, _ in _overlaps(settings, facts)
        if _is_there(key, block, settings, facts)
    ]


def _is_there(key: str, block: str, settings: Settings, facts: Facts) -> bool:
    flags = {"clusterCidr": "cluster-cidr", "serviceCidr": "service-cidr"}
    return (flags_of_data(settings, facts) or {}).get(flags[key]) == block


def _overlaps(settings: Settings, facts: Facts) -> Iterator[tuple[str, str, str, str]]:
    """Setting, its block, what it overlaps, and the fix; the first overlap of each setting."""
    found = list(_networks(settings, facts))
    ours = {"clusterCidr": settings.cluster_cidr, "serviceCidr": settings.service_cidr}
    taken = [
        *(network for network, _ in found),
        *map(ipaddress.ip_network, (*ours.values(), *_elsewhere(settings))),
    ]
    for key, block in ours.items():
        own = ipaddress.ip_network(block)
        # Of each family on its own: blocks of different ones never overlap.
        what = [text for network, text in found if network.overlaps(own)]
        if what:
            yield key, block, what[0], propose_block(own.version, taken)


def _elsewhere(settings: Settings) -> Iterator[str]:
    """What the NAS has to reach outside of the cluster, as far as the settings say it."""
    if settings.lan_cidr is not None:
        yield settings.lan_cidr
    proxy = settings.proxy_url
    for address in (settings.host, settings.node_ip, None if proxy is None else proxy.host):
        if address is not None and is_ip(address.strip("[]")):
            yield address.strip("[]")


def _networks(settings: Settings, facts: Facts) -> Iterator[tuple[Network, str]]:
    of_docker = {subnet for network in facts.docker_networks for subnet in network.subnets}
    for network in facts.docker_networks:
        # In a container, routes lead to its own network and to the gateway only.
        if settings.network_mode == "host" or network.name == BRIDGE:
            for subnet in network.subnets:
                yield subnet, f"Docker's network {network.name} ({subnet})"
    for route in facts.routes:
        if route.network not in of_docker and not _OF_KUBERNETES.match(route.interface):
            yield route.network, f"the NAS's network {route.network} ({route.interface})"
    if settings.network_mode == "host":
        for pool in facts.docker_pools:
            yield pool, f"the pool {pool} that Docker takes new networks from"
