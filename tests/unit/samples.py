"""What several unit tests start from: a good config, a NAS as it is read, key material."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nas.fact_lines import Listener
from nas.facts import Facts, Unreadable
from nas.plan import Plan, make_plan
from nas.settings import Settings
from nas.settings_reader import load_settings

CONFIG = {"host": "192.168.31.88", "proxy": "http://192.168.31.198:7222"}
"""The smallest config, of a QNAP behind a proxy."""

FACTS = Facts(
    uid=0,
    user="admin",
    hostname="nas88",
    kernel="5.10.60-qnap",
    machine="x86_64",
    time=1764061200,
    address="192.168.31.88",
    cgroup=1,
    platform="qnap",
    docker="/share/CACHEDEV1_DATA/.qpkg/container-station/bin/docker",
    engine="27.1.2",
    data_root="/share/CACHEDEV1_DATA/Container/container-station-data/lib/docker",
    data_fs="ext2/ext3",
    running=2,
)
"""A QNAP with a current Container Station, never touched by us."""


def settings(stack: str = "nas88", **config: str) -> Settings:
    """Settings of CONFIG with some keys changed; an empty text unsets one."""
    return load_settings(stack, {**CONFIG, **config})


def facts(**changes: Any) -> Facts:
    """FACTS with some fields changed; `ports_taken` are TCP ports that an unknown program holds. A
    container is the stack's own."""
    if changes.get("container"):
        changes.setdefault("own_container", "k3s")
    ports: Sequence[int] = changes.pop("ports_taken", ())
    listeners = tuple(Listener(port) for port in ports)
    return replace(FACTS, **{"listeners": listeners, **changes})


def plan(known: Facts | Unreadable = FACTS, /, **config: str) -> Plan:
    """The plan of CONFIG with some keys changed."""
    return make_plan(settings(**config), known)


def host_key(kind: str = "ssh-ed25519") -> str:
    """A well-formed host key of 32 bytes, `TYPE BASE64`."""
    fields = (kind.encode(), bytes(range(32)))
    blob = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    return f"{kind} {base64.b64encode(blob).decode()}"
