"""Which cluster the data on the NAS is.

A cluster is its data: another certificate, name of the NAS, port or container is still the same
cluster, emptied data is another one. Hence the identifier, which decides whether the objects in the
cluster are made anew, lies in a file beside the data (scripts/cluster-id.sh writes it once).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from nas.facts import Facts
from nas.settings import Settings

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.:-]{0,199}")


@dataclass(frozen=True)
class ClusterIdentifier:
    """Which cluster the stack is about.

    Attributes:
        first: the identifier of data that has none of its own, being older than that file.
        seen: what the data says now; None: it could not be read, so what the last run saw counts.
    """

    first: str
    seen: str | None


def cluster_identifier(settings: Settings, facts: Facts | None) -> ClusterIdentifier:
    """The identifier in the data, or a new one where there is no data."""
    first = f"nas-k3s/{settings.stack}/{settings.container_name}"
    if facts is None or not facts.cluster_data:
        return ClusterIdentifier(first, None)
    if _IDENTIFIER.fullmatch(facts.cluster_id):
        return ClusterIdentifier(first, facts.cluster_id)
    if facts.cluster_data == "there":
        return ClusterIdentifier(first, first)
    # Of the place, so that `up` makes the cluster that its preview has shown.
    emptied = facts.time if facts.cluster_emptied is None else facts.cluster_emptied
    if emptied is None:
        return ClusterIdentifier(first, None)
    made = datetime.fromtimestamp(emptied, UTC)
    return ClusterIdentifier(first, f"{first}/{made:%Y%m%dT%H%M%SZ}")
