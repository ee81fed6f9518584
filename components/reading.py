"""What the program is told: the stack's settings, and what the NAS says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nas.checks.ports import asked_ports
from nas.facts import Facts, Unreadable, read_facts
from nas.proxy_way import WayQuestion
from nas.settings import Settings
from nas.settings_reader import load_settings
from nas.ssh import SshTarget, ssh_target


@dataclass(frozen=True)
class Reading:
    """A stack whose NAS is being asked.

    Attributes:
        facts: what the NAS answers; waits for it.
    """

    settings: Settings
    target: SshTarget
    facts: Future[Facts | Unreadable]


def begin(stack: str, config: Mapping[str, str]) -> Reading:
    """Reads the settings and begins to ask the NAS, which takes a second or more.

    Raises:
        RefusedError: for a setting, before anybody is asked.
    """
    settings = load_settings(stack, config)
    target = ssh_target(settings)
    target.write_known_hosts()
    pool = ThreadPoolExecutor(1)
    facts = pool.submit(
        read_facts, settings, target, asked_ports(settings), question=WayQuestion(settings)
    )
    pool.shutdown(wait=False)
    return Reading(settings, target, facts)
