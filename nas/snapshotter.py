"""Which of containerd's snapshotters holds the file systems of the cluster's containers."""

from __future__ import annotations

from nas.facts import Facts
from nas.settings import Settings

DEFAULT = "overlayfs"
"""k3s's own."""
FILE_SYSTEMS_WITHOUT_OVERLAY = ("zfs", "nfs", "nfs4", "overlay", "overlayfs", "tmpfs", "ecryptfs")
"""Where containerd's overlayfs may not work (k3s-io/k3s#66, #3266)."""


def snapshotter(settings: Settings, facts: Facts | None) -> str:
    """The setting, or what goes with the file system below the data."""
    if settings.snapshotter != "auto":
        return settings.snapshotter
    if facts is not None and facts.data_fs in FILE_SYSTEMS_WITHOUT_OVERLAY:
        return "native"
    return DEFAULT
