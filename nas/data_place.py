"""Where the cluster's data is: two volumes of Docker's, or a directory on the NAS."""

from __future__ import annotations

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
