"""Lines of `docker logs k3s` that are known to be fatal, and what they mean.

Sources: k3s-io/k3s#66, #3266, #5973, k3d-io/k3d#607, #853, kubernetes/kubernetes#134298.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FATAL: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "log-port": r"address already in use|failed to listen on .*bind",
        "log-cgroup-memory": r"failed to find memory cgroup|memory cgroup .*(disabled|not)",
        "log-cgroup-v1": r"cgroup v1 .*(unsupported|not supported|failCgroupV1)",
        "log-conntrack": r"nf_conntrack_max|conntrack.*permission denied",
        "log-overlayfs": r"overlayfs.*(not supported|cannot be enabled)|overlay.*invalid argument",
        "log-disk": r"no space left on device",
        "log-token": r"bootstrap data already found and encrypted with different token"
        r"|token .*does not match",
        "log-node-password": r"node password rejected|unable to verify (hash|password) for node",
        "log-database": r"database disk image is malformed|file is not a database",
        "log-certificate": r"certificate has expired",
        "log-inotify": r"too many open files|inotify.*(no space|limit)",
        "log-iptables": r"iptables.*(can't initialize|does not exist|Table does not)"
        r"|failed to start networking.*iptables",
    }.items()
}
"""Leaf -> what the line holds; the first that fits is taken."""


def known_fatal(lines: Iterable[str]) -> tuple[str, str] | None:
    """Leaf and line of the last line that is known, most telling leaf first."""
    kept = list(lines)
    for leaf, pattern in FATAL.items():
        for line in reversed(kept):
            if pattern.search(line):
                return leaf, line
    return None
