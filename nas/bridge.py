"""Docker's default bridge, which k3s's container is on with networkMode bridge.

Not a network of our own: there Docker puts its own DNS server on a loopback address, and k3s then
gives its pods 8.8.8.8 instead of the NAS's name servers (k3d-io/k3d#209).
"""

from __future__ import annotations

from nas.fact_lines import Network
from nas.facts import Facts

NAME = "bridge"


def bridge_networks(facts: Facts) -> tuple[Network, ...]:
    """Its address blocks, as far as they are known."""
    return tuple(
        subnet
        for network in facts.docker_networks
        if network.name == NAME
        for subnet in network.subnets
    )
