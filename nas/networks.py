"""The address blocks of pods, services and LAN, which must not take each other's addresses."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network

from nas.errors import NAMESPACE, Problem
from nas.proxy import is_ip

_Network = IPv4Network | IPv6Network
DEFAULTS = {"clusterCidr": "10.42.0.0/16", "serviceCidr": "10.43.0.0/16"}
"""k3s's own, which are the settings' too."""
_FREE = {
    4: ("10.52.0.0/16", "10.53.0.0/16", "172.28.0.0/16", "172.29.0.0/16", "192.168.192.0/20"),
    6: ("fd00:52::/64", "fd00:53::/112"),
}
"""What to propose: a row, because the LAN may be any of them."""


def check_networks(
    *, pods: str, services: str, lan: str | None, addresses: Mapping[str, str | None]
) -> list[Problem]:
    """What in these blocks would take addresses from something else.

    Args:
        pods, services, lan: CIDR blocks.
        addresses: setting -> name or address that the NAS has to reach outside of the cluster;
            names are left out.
    """
    blocks = {"clusterCidr": pods, "serviceCidr": services}
    networks: dict[str, _Network] = {key: ipaddress.ip_network(b) for key, b in blocks.items()}
    literal = {key: text for key, text in addresses.items() if text and is_ip(text)}
    taken = [*networks.values(), *(ipaddress.ip_network(text) for text in literal.values())]
    if lan is not None:
        blocks["lanCidr"] = lan
        networks["lanCidr"] = ipaddress.ip_network(lan)
        taken.append(networks["lanCidr"])
    # One fix mends all that is wrong with a block: it is free of everything.
    found: dict[str, tuple[str, str]] = {}
    for key, why, fix in (
        *_overlaps(blocks, networks, literal, taken),
        *_holding(networks, literal, taken),
    ):
        before = found.get(key)
        found[key] = (why, fix) if before is None else (f"{before[0]}; it {why}", before[1])
    problems = [
        Problem(key, json.dumps(blocks[key]), why, fix) for key, (why, fix) in found.items()
    ]
    return problems or _families(blocks, networks, literal)


def _overlaps(
    blocks: Mapping[str, str],
    networks: Mapping[str, _Network],
    literal: Mapping[str, str],
    taken: list[_Network],
) -> list[tuple[str, str, str]]:
    found = []
    if networks["clusterCidr"].overlaps(networks["serviceCidr"]):
        key, other = "clusterCidr", "serviceCidr"
        if blocks[key] == DEFAULTS[key]:
            key, other = other, key
        found.append((key, _overlap(other, blocks), propose_block(networks[key].version, taken)))
    lan = networks.get("lanCidr")
    for key in ("clusterCidr", "serviceCidr"):
        if lan is None or not networks[key].overlaps(lan):
            continue
        nas = next((literal[name] for name in ("nodeIp", "host") if name in literal), None)
        if nas is None or ipaddress.ip_address(nas) in lan:
            found.append(
                (key, _overlap("lanCidr", blocks), propose_block(networks[key].version, taken))
            )
        else:
            near = ipaddress.ip_network(f"{nas}/{24 if '.' in nas else 64}", strict=False)
            why = f"{_overlap(key, blocks)}, and the NAS ({nas}) is not in it"
            found.append(("lanCidr", why, f"write the block of your LAN, e.g. {near}"))
    return found


def _overlap(other: str, blocks: Mapping[str, str]) -> str:
    return f"overlaps {NAMESPACE}:{other} = {blocks[other]}"


def _holding(
    networks: Mapping[str, _Network], literal: Mapping[str, str], taken: list[_Network]
) -> list[tuple[str, str, str]]:
    found = []
    for key in DEFAULTS:
        held = [
            f"{'the proxy' if name == 'proxy' else 'the NAS itself'} ({name} = {text})"
            for name, text in literal.items()
            if ipaddress.ip_address(text) in networks[key]
        ]
        if held:
            fix = propose_block(networks[key].version, taken)
            found.append((key, f"holds {' and '.join(held)}", fix))
    return found


def propose_block(version: int, taken: list[_Network]) -> str:
    """What to write instead of a block of this family that `taken` leaves no room for.

    What is proposed is taken from then on: two settings must not get the same.
    """
    free = next(
        (
            text
            for text in _FREE[version]
            if not any(ipaddress.ip_network(text).overlaps(t) for t in taken)
        ),
        None,
    )
    if free is not None:
        taken.append(ipaddress.ip_network(free))
    example = "" if free is None else f", e.g. {free}"
    return f"write a block that nothing in your network uses{example}"


def _families(
    blocks: Mapping[str, str], networks: Mapping[str, _Network], literal: Mapping[str, str]
) -> list[Problem]:
    """k3s refuses a cluster of one family whose services or node are of the other."""
    pods = networks["clusterCidr"].version
    if networks["serviceCidr"].version != pods:
        why = f"is IPv{networks['serviceCidr'].version}, and clusterCidr is IPv{pods}"
        example = "10.43.0.0/16" if pods == 4 else "fd00:43::/112"
        fix = f"write blocks of one family, here e.g. {example}"
        return [Problem("serviceCidr", json.dumps(blocks["serviceCidr"]), why, fix)]
    node = next((name for name in ("nodeIp", "host") if name in literal), None)
    if node is None:
        return []
    version = ipaddress.ip_address(literal[node]).version
    if version == pods:
        return []
    why = f"is IPv{pods}, and the node has an address of IPv{version} ({node} = {literal[node]})"
    example = "10.42.0.0/16" if version == 4 else "fd00:42::/56"
    fix = f"write e.g. {example} (and serviceCidr to match), or nodeIp of the other family"
    return [Problem("clusterCidr", json.dumps(blocks["clusterCidr"]), why, fix)]
