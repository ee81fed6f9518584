"""The ways of a proxy into the Docker daemon: which one a NAS takes, and what is written there.

The script on the NAS chooses by the same table (`nas.platforms`) from what it finds at that moment;
this module is the same decision for preview, and the texts that the script writes.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nas.platforms import Platform, Route

FIRST_ENGINE_WITH_PROXIES = 23
"""`proxies` in the daemon's config file: moby/moby PR 42835; fatal for older engines."""

DROP_IN_MARK = "# nas-k3s: proxy of the Docker daemon; removed by pulumi destroy"
BLOCK_BEGIN = "# nas-k3s begin: proxy of the Docker daemon; removed by pulumi destroy"
BLOCK_END = "# nas-k3s end"


@dataclass(frozen=True)
class Choice:
    """What happens to the daemon's proxy on a NAS.

    Attributes:
        route: where it is written, or `none`: the daemon uses it already without us, or `refuse`.
        why, fix: for a refusal: what stands in the way, and what to click or edit.
        notice: a warning about the route, or empty.
    """

    route: Route | Literal["none"]
    why: str = ""
    fix: str = ""
    notice: str = ""


def is_old(engine: str) -> bool | None:
    """Whether an engine's config file knows no proxies; None for a text that is no version."""
    major = engine.partition(".")[0]
    return int(major) < FIRST_ENGINE_WITH_PROXIES if major.isdecimal() else None


def choose_route(
    platform: Platform,
    engine: str,
    flags: tuple[str, ...] = (),
    *,
    ours: bool = False,
    agrees: bool = False,
) -> Choice | None:
    """The way of the proxy into the daemon of one NAS.

    Args:
        engine: version of the running engine; a text that is no version gives None.
        flags: proxy flags on the running dockerd's command line, without dashes.
        ours: whether we wrote to this NAS before.
        agrees: whether the running daemon uses the wanted proxy.
    """
    old = is_old(engine)
    if old is None:
        return None
    if agrees and not ours:
        return Choice("none")
    route = platform.routes[1 if old else 0]
    if flags:
        given = ", ".join(f"--{flag}" for flag in flags)
        return Choice(
            "refuse",
            f"cannot be set: dockerd was started with {given}, which no file may repeat",
            "take the flag out of the NAS's start script and restart Docker",
        )
    if route == "refuse":
        why = f"cannot be given to Docker by a file on {platform.title}"
        if old and platform.routes[0] != "refuse":
            why = (
                f"cannot be given to Docker engine {engine}: its config file knows no proxies "
                f"(engine {FIRST_ENGINE_WITH_PROXIES} does)"
            )
        return Choice("refuse", why, platform.by_hand)
    return Choice(route, notice=platform.notice if old else "")


def drop_in(environment: Mapping[str, str]) -> str:
    """A systemd drop-in with these variables.

    systemd expands `%` and C escapes in `Environment=` (systemd.exec(5), systemd/systemd#9842).
    """
    lines = [
        'Environment="' + f"{name}={_systemd_escaped(value)}" + '"'
        for name, value in environment.items()
    ]
    return "\n".join([DROP_IN_MARK, "[Service]", *lines]) + "\n"


def _systemd_escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def exports(environment: Mapping[str, str]) -> str:
    """A marked block of shell that exports these variables, in upper and lower case."""
    lines = [BLOCK_BEGIN]
    for name, value in environment.items():
        quoted = shlex.quote(value)
        lines.append(f"{name}={quoted}; {name.lower()}={quoted}")
        lines.append(f"export {name} {name.lower()}")
    return "\n".join([*lines, BLOCK_END]) + "\n"


def fingerprint(text: str) -> str:
    """How facts name a text that holds a password, as md5sum prints it."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
