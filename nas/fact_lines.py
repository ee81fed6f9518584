"""What scripts print: `name=value` lines, and facts that have parts."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Listener:
    """A socket of the NAS that something listens on.

    Attributes:
        protocol: `tcp` or `udp`.
        scope: `all` addresses, `loopback`, or `one` other address.
        program: name of the process, empty when it could not be told.
    """

    port: int
    protocol: str = "tcp"
    scope: str = "all"
    program: str = ""


@dataclass(frozen=True)
class Route:
    """A destination that the NAS reaches by an interface."""

    interface: str
    network: Network


@dataclass(frozen=True)
class DockerNetwork:
    """A network of Docker, with its address blocks."""

    name: str
    driver: str
    subnets: tuple[Network, ...]


@dataclass(frozen=True)
class Space:
    """Of one file system, in bytes and in numbers; no inodes: it makes them as it goes."""

    size: int
    free: int
    inodes: int = 0
    free_inodes: int = 0


def space(text: str) -> Space | None:
    """Block size, blocks, blocks for everybody, inodes, free inodes, as `stat -f` counts them;
    None where it did not tell."""
    parts = text.split("|")
    if len(parts) != 5 or not all(part.isdecimal() for part in parts):
        return None
    block, blocks, free, inodes, free_inodes = map(int, parts)
    return Space(block * blocks, block * free, inodes, free_inodes)


def values_of(text: str) -> dict[str, list[str]]:
    """The `name=value` lines of a script: name -> its values that are not empty."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and value:
            values.setdefault(name, []).append(value)
    return values


def last(values: Mapping[str, Sequence[str]], name: str) -> str:
    """The value of a name, the last one where a script says it twice; else the empty text."""
    return values.get(name, [""])[-1]


def listeners(lines: Iterable[str]) -> tuple[Listener, ...]:
    """`6443/tcp all k3s-server`; lines that are none are left out, as everywhere here."""
    found = []
    for line in lines:
        place, _, rest = line.partition(" ")
        number, _, protocol = place.partition("/")
        scope, _, program = rest.partition(" ")
        if number.isdecimal():
            found.append(Listener(int(number), protocol or "tcp", scope or "all", program))
    return tuple(dict.fromkeys(found))


def routes(four: Iterable[str], six: Iterable[str]) -> tuple[Route, ...]:
    """Lines of /proc/net/route and ipv6_route: interface and hexadecimal numbers.

    Default routes are left out, and what is no network of the NAS: loopback, link-local, multicast.
    """
    found = []
    for line in four:
        fields = line.split()
        try:
            # The kernel prints them as they lie in memory: little-endian wherever k3s runs.
            address, mask = (int.from_bytes(bytes.fromhex(text), "little") for text in fields[1:3])
            network: Network = ipaddress.IPv4Network((address, mask.bit_count()))
        except ValueError:
            continue
        found.append(Route(fields[0], network))
    for line in six:
        fields = line.split()
        try:
            network = ipaddress.IPv6Network((bytes.fromhex(fields[1]), int(fields[2], 16)))
        except (ValueError, IndexError):
            continue
        found.append(Route(fields[0], network))
    return tuple(dict.fromkeys(route for route in found if _is_of_interest(route)))


def _is_of_interest(route: Route) -> bool:
    network = route.network
    return not (
        route.interface == "lo"
        or network.prefixlen == 0
        or network.is_loopback
        or network.is_link_local
        or network.is_multicast
    )


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """CIDR blocks."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            continue
    return tuple(found)


def docker_networks(lines: Iterable[str]) -> tuple[DockerNetwork, ...]:
    """`bridge bridge 172.17.0.0/16`."""
    found = []
    for line in lines:
        fields = line.split()
        if len(fields) >= 2:
            found.append(DockerNetwork(fields[0], fields[1], networks(fields[2:])))
    return tuple(found)
