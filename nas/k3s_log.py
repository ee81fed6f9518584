"""Lines of `docker logs k3s` that are known to be fatal, and what they mean.

One table for `up`, whose wait ends when k3s cannot start, and for doctor: the patterns are extended
regular expressions that grep and Python read alike.

Sources: k3s-io/k3s#66, #3266, #5973, k3d-io/k3d#607, #853, kubernetes/kubernetes#134298; for
arguments the words of Go's flag package, of urfave/cli and of cobra.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from nas.messages import text

FATAL: Mapping[str, str] = {
    "log-kubelet-args": r"failed to (parse kubelet flag|set feature gates from initial flags)"
    r"|kubelet exited: .*(unknown flag|invalid argument|invalid configuration)"
    r"|failed to validate kubelet (flags|configuration)",
    "log-server-args": r"flag provided but not defined|flag needs an argument"
    r'|invalid value ".*" for flag -|unknown (shorthand )?flag: |invalid argument ".*" for "-'
    r"|no help topic for",
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
}
"""Leaf -> what the line holds; the first that fits is taken."""

ARGUMENTS = ("log-kubelet-args", "log-server-args")
"""Leaves that no wait heals: the container's own arguments are wrong, at each of its starts."""


def known_fatal(lines: Iterable[str]) -> tuple[str, str] | None:
    """Leaf and line of the last line that is known, most telling leaf first."""
    kept = list(lines)
    for leaf, pattern in FATAL.items():
        for line in reversed(kept):
            if re.search(pattern, line, re.IGNORECASE):
                return leaf, line
    return None


def shell_variables() -> dict[str, str]:
    """The table as scripts/k3s-log.sh reads it: lines of pattern and leaf, and what to do."""
    fixes = (f"{leaf} {text(f'doctor.{leaf}.fix', 'en')}" for leaf in FATAL)
    return {
        "FATAL_LEAVES": "\n".join(f"{leaf} {pattern}" for leaf, pattern in FATAL.items()),
        "FATAL_FIXES": "\n".join(fixes),
        "FATAL_ARGUMENTS": " ".join(ARGUMENTS),
    }
