"""Where the cluster's data is: two volumes of Docker's, or a directory on the NAS."""

from __future__ import annotations

import json

from nas.errors import NAMESPACE, Problem
from nas.facts import Facts
from nas.settings import Settings


def directory(settings: Settings, facts: Facts | None) -> str | None:
    """The directory instead of them, without symbolic links where the NAS was read."""
    if settings.data_directory is None:
        return None
    return (facts.data_directory if facts is not None else "") or settings.data_directory


def places(settings: Settings, facts: Facts | None) -> tuple[str, str]:
    """Volumes or directories that are mounted for k3s: its data, and /etc/rancher."""
    return settings.places_in(directory(settings, facts))


def is_certain(settings: Settings, facts: Facts | None) -> bool:
    """Whether `places` are those that the NAS knows: of a directory it resolves the links."""
    return settings.data_directory is None or bool(facts is not None and facts.data_directory)


def moved(was: str, now: tuple[str, str]) -> Problem | None:
    """A stack whose data would be elsewhere than it is: it would get an empty cluster.

    Args:
        was: the places of its first `up`, with a blank between them.
    """
    if was == " ".join(now):
        return None
    old, new = was.split(" ")[0], now[0]
    key = "dataDirectory" if "/" in (old[0], new[0]) else "containerName"
    before, chosen = _value(key, old), _value(key, new)
    back = f"pulumi config rm {NAMESPACE}:{key}" if before is None else f"write {before}"
    return Problem(
        key,
        None if chosen is None else json.dumps(chosen),
        f"is not where the data of this stack's cluster is: {was.replace(' ', ' and ')}",
        f"{back}, or `pulumi destroy` before you change it",
    )


def _value(key: str, place: str) -> str | None:
    """What the setting says where k3s's data is at `place`; None: it is not set."""
    if key == "containerName":
        return place.removesuffix("-data")
    return place.rpartition("/")[0] or None
