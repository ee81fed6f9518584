"""Whether the cluster's data will be where it lasts."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from nas import data_place
from nas.errors import Problem, set_command
from nas.facts import Facts
from nas.platforms import platform_named
from nas.settings import Settings
from nas.snapshotter import DEFAULT, snapshotter

IN_MEMORY = ("tmpfs", "ramfs", "rootfs")
WITHOUT_OVERLAY = ("nfs", "nfs4", "overlay", "overlayfs", "ecryptfs")
"""Where overlayfs certainly does not mount its upper directory."""
_KEY = "dataDirectory"


def check_storage(settings: Settings, facts: Facts) -> list[Problem]:
    """What is wrong with the place of the data."""
    moved = _moved(settings, facts)
    if moved:
        return moved
    return [*_place(settings, facts), *_overlay(settings, facts)]


def storage_warnings(settings: Settings, facts: Facts) -> list[str]:
    """What happens to the data that is there."""
    if not facts.container:
        if settings.data_directory is None and _is_in_memory(facts):
            return [
                f"Docker's data ({facts.data_root}) lies on a RAM disk: the cluster ends with the "
                f"next reboot of the NAS, unless you {_elsewhere(facts)}"
            ]
        return []
    before, after = facts.container_flags.get("snapshotter", DEFAULT), snapshotter(settings, facts)
    # Without the name of its data's place nothing was read of the container.
    if before == after or not facts.container_data:
        return []
    return [
        f"the snapshotter changes from {before} to {after}: all pods start anew and their images "
        f"are unpacked or pulled again; what {before} has unpacked stays on the disk until then"
    ]


def _problem(settings: Settings, why: str, fix: str) -> Problem:
    given = settings.data_directory
    return Problem(_KEY, None if given is None else json.dumps(given), why, fix)


def _moved(settings: Settings, facts: Facts) -> list[Problem]:
    if not (facts.container and facts.container_data):
        return []
    if facts.container_data == data_place.places(settings, facts)[0]:
        return []
    is_directory = facts.container_data.startswith("/")
    kind = "" if is_directory else "Docker's volume "
    place = facts.container_data.removesuffix("/data")
    back = f"write {place}" if is_directory else f"pulumi config rm nas-k3s:{_KEY}"
    return [
        _problem(
            settings,
            f"is not where the data of the running cluster is ({kind}{facts.container_data})",
            f"{back}, or `pulumi destroy` before you change it (keepData leaves the data, which "
            "you can copy in between)",
        )
    ]


def _elsewhere(facts: Facts) -> str:
    row = platform_named(facts.platform)
    found = (path for path in facts.volumes if _is_on_volume(facts, path))
    volume = next(found, row.volume if row is not None else "")
    if not volume:
        return "write a directory on a disk of the NAS"
    near = f"{volume.rstrip('/')}/k3s"
    # What was refused is no proposal.
    return set_command(_KEY, f"{near}-data" if near == facts.data_directory else near)


def _place(settings: Settings, facts: Facts) -> list[Problem]:
    # With a container the data is there already.
    if facts.container or settings.data_directory is None or not facts.data_directory:
        return []
    if _is_in_memory(facts):
        why = "lies on a RAM disk, whose content a reboot of the NAS takes away"
        return [_problem(settings, why, _elsewhere(facts))]
    path = facts.data_directory
    shown = f" ({path})" if path != settings.data_directory else ""
    if not _is_on_volume(facts, path):
        why = f"lies outside of the NAS's volumes{shown}"
        return [_problem(settings, why, _elsewhere(facts))]
    root = facts.data_root
    if root and (path == root or PurePosixPath(root) in PurePosixPath(path).parents):
        why = f"lies in Docker's own data, {root}{shown}"
        return [_problem(settings, why, _elsewhere(facts))]
    states = {
        "file": ("is no directory", _elsewhere(facts)),
        "foreign": ("holds files that are not ours", set_command(_KEY, f"{path}/k3s")),
        "other": ("holds the cluster of another stack", "write a directory of this stack's own"),
    }
    if facts.data_directory_is not in states:
        return []
    why, fix = states[facts.data_directory_is]
    return [_problem(settings, f"{why}{shown}", fix)]


def _is_on_volume(facts: Facts, path: str) -> bool:
    row = platform_named(facts.platform)
    return row is None or re.match(row.volumes, f"{path}/") is not None


def _is_in_memory(facts: Facts) -> bool:
    row = platform_named(facts.platform)
    device, _, mount = facts.data_mount.partition(" ")
    return (
        facts.data_fs in IN_MEMORY
        or re.match(r"/dev/z?ram\d", device) is not None
        or (mount == "/" and row is not None and row.root_in_memory)
    )


def _overlay(settings: Settings, facts: Facts) -> list[Problem]:
    if settings.snapshotter != DEFAULT or facts.data_fs not in WITHOUT_OVERLAY:
        return []
    return [
        Problem(
            "snapshotter",
            json.dumps(settings.snapshotter),
            f"does not work on the file system below the cluster's data, {facts.data_fs}",
            f"{set_command('snapshotter', 'auto')}, which takes native there",
        )
    ]
