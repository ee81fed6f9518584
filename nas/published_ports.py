"""Ports of the container that Docker publishes on the NAS, as `docker run --publish` has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nas.proxy import BadValueError

Protocol = Literal["tcp", "udp"]
MOST = 100
"""Ports of one entry: Docker starts a process for each of them."""


@dataclass(frozen=True)
class PublishedPort:
    """One port of the NAS that leads into the container."""

    outside: int
    inside: int
    protocol: Protocol = "tcp"


def published(text: str) -> tuple[PublishedPort, ...]:
    """`8080:80`, `30000-30010:30000-30010/udp`.

    Raises:
        BadValueError: for anything else.
    """
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?:(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp))?", text)
    if match is None:
        raise BadValueError(
            "is no pair of ports",
            "write NAS:CONTAINER, e.g. 8080:80 or 30000-30010:30000-30010/udp",
        )
    outside, inside = _range(match[1], match[2]), _range(match[3], match[4])
    if len(outside) != len(inside):
        raise BadValueError(
            f"has {len(outside)} ports before the ':' and {len(inside)} behind it",
            "write ranges of the same length",
        )
    if len(outside) > MOST:
        raise BadValueError(f"is more than {MOST} ports", "write the ones that you need")
    protocol: Protocol = "udp" if match[5] == "udp" else "tcp"
    return tuple(PublishedPort(o, i, protocol) for o, i in zip(outside, inside, strict=True))


def _range(first: str, last: str | None) -> range:
    begin, end = int(first), int(last or first)
    if not 1 <= begin <= end <= 65535:
        raise BadValueError(
            "has a port that is none", "write ports from 1 to 65535, the lower first"
        )
    return range(begin, end + 1)


def publish_port(text: str) -> str:
    """A check of one item of the setting, which stays as it was written."""
    published(text)
    return text


def doubles(items: Sequence[str]) -> list[tuple[int, PublishedPort]]:
    """Ports of the NAS that more than one entry takes, each with the index of the later one."""
    seen: set[tuple[int, Protocol]] = set()
    found = []
    for index, text in enumerate(items):
        for port in published(text):
            if (port.outside, port.protocol) in seen:
                found.append((index, port))
            seen.add((port.outside, port.protocol))
    return found
