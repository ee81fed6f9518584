"""Another run of this program on the same NAS: two that restart Docker would undo each other.

`docker-path.sh` and `daemon-proxy.sh` hold a lock on the NAS while they work (`scripts/lock.sh`).
Whoever reads the NAS meanwhile sees it half way: Docker down, its containers not started again.
"""

from __future__ import annotations

import json

from nas.errors import Problem
from nas.facts import Facts, Unreadable
from nas.settings import Settings

PREVIEW_PATIENCE = 20
"""Seconds that a preview waits for another run."""


def lock_timeout(daemon_timeout: int) -> int:
    """Seconds to wait for another run: it may restart Docker, and then once more to put back."""
    return 2 * daemon_timeout


def at_work(process: int) -> str:
    """What is said of it, here as on the NAS."""
    return f"another run of nas-k3s (process {process}) is at work on this NAS"


def check_other_run(
    settings: Settings, facts: Facts | Unreadable, *, preview: bool
) -> list[Problem]:
    """Stops an `up` whose facts are of the middle of another run; a preview gets a warning."""
    if preview or isinstance(facts, Unreadable) or facts.other_run is None:
        return []
    return [
        Problem(
            "host",
            json.dumps(settings.host),
            f"{at_work(facts.other_run)} and has not ended within "
            f"{lock_timeout(settings.daemon_timeout)} s",
            "let it end, then run again",
        )
    ]
