"""Whether the kernel of the NAS, and its cgroups, can carry k3s."""

from __future__ import annotations

import json
import re

from nas.errors import Problem, set_command
from nas.facts import Facts
from nas.settings import Settings
from nas.snapshotter import DEFAULT, snapshotter
from nas.versions import image_version

OLDEST_KERNEL = (3, 10)
"""What Kubernetes asks for (kubernetes/system-validators)."""
FIRST_KERNEL_TESTED = (4, 4)
"""The oldest long-term kernel that Kubernetes names."""
FIRST_ON_CGROUP_V2 = {20: 12, 21: 6, 22: 3}
"""Minor of k3s -> first patch that runs in a container on cgroup v2 (k3s-io/k3s#4085)."""
_OVERLAY = "overlay"


def check_kernel(settings: Settings, facts: Facts) -> list[Problem]:
    """What certainly keeps k3s from running; a container that runs proves the contrary."""
    if facts.container == "running":
        return []
    return [
        *_version(settings, facts),
        *_cgroups(settings, facts),
        *_features(settings, facts),
    ]


def kernel_warnings(settings: Settings, facts: Facts) -> list[str]:
    """What may keep k3s from running."""
    if facts.container == "running":
        return []
    found = []
    version = _kernel(facts)
    if version is not None and OLDEST_KERNEL <= version < FIRST_KERNEL_TESTED:
        found.append(
            f"the kernel of the NAS ({facts.kernel}) is older than what k3s is tested with"
        )
    missing = _needed(settings, facts, facts.kernel_may_lack)
    if missing:
        found.append(
            f"no module was found on the NAS for {', '.join(missing)}, which k3s needs: if the "
            "cluster does not get ready, look into `docker logs` of its container"
        )
    return found


def _kernel(facts: Facts) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", facts.kernel)
    return None if found is None else (int(found[1]), int(found[2]))


def _host(settings: Settings, why: str, fix: str) -> Problem:
    return Problem("host", json.dumps(settings.host), why, fix)


def _version(settings: Settings, facts: Facts) -> list[Problem]:
    version = _kernel(facts)
    if version is None or version >= OLDEST_KERNEL:
        return []
    oldest = ".".join(map(str, OLDEST_KERNEL))
    why = f"has the kernel {facts.kernel}, and Kubernetes needs {oldest}"
    return [_host(settings, why, "update the NAS's firmware, or take another NAS")]


def _cgroups(settings: Settings, facts: Facts) -> list[Problem]:
    problems = []
    if facts.cgroup_memory == "no":
        problems.append(
            _host(
                settings,
                "has no memory cgroup, without which k3s ends at once (k3s-io/k3s#3293)",
                "switch it on at the kernel's command line (cgroup_enable=memory) where the NAS "
                "lets you; else this model cannot run k3s",
            )
        )
    version = image_version(settings.image)
    if facts.cgroup == 2 and version is not None and version.major == 1:
        newest = max(FIRST_ON_CGROUP_V2)
        first = FIRST_ON_CGROUP_V2.get(version.minor, 0 if version.minor > newest else None)
        if first is None or version.patch < first:
            key, shown = settings.image_setting, settings.k3s_image or settings.k3s_version
            why = "is too old for the cgroups of this NAS, which are of version 2"
            # The data of one that ran may go up one minor at most.
            near = "v1.34.4-k3s1" if not first else f"v1.{version.minor}.{first}-k3s1"
            problems.append(Problem(key, json.dumps(shown), why, f"write e.g. {near}"))
    return problems


def _needed(settings: Settings, facts: Facts, features: tuple[str, ...]) -> list[str]:
    chosen = snapshotter(settings, facts)
    unused = {_OVERLAY} if chosen != DEFAULT else set()
    unused |= {"fuse"} if chosen != "fuse-overlayfs" else set()
    return [feature for feature in features if feature not in unused]


def _features(settings: Settings, facts: Facts) -> list[Problem]:
    missing = _needed(settings, facts, facts.kernel_lacks)
    problems = []
    for feature in (_OVERLAY, "fuse"):
        if feature in missing:
            missing.remove(feature)
            shown = json.dumps(settings.snapshotter)
            why = f"needs {feature}, which the kernel of the NAS ({facts.kernel}) does not have"
            fix = f"{set_command('snapshotter', 'native')} (it takes more of the disk)"
            problems.append(Problem("snapshotter", shown, why, fix))
    if missing:
        why = f"has a kernel ({facts.kernel}) without {', '.join(missing)}, which k3s needs"
        fix = "update the NAS's firmware, load modules built for it, or take another NAS"
        problems.append(_host(settings, why, fix))
    return problems
