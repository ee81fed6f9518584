"""What the program is told: the stack's settings, and what the NAS says of itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nas.checks.ports import asked_ports
from nas.facts import Facts, Unreadable, read_facts
from nas.other_run import at_work
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

    def settled(self, tell: Callable[[str], None], patience: float) -> Facts | Unreadable:
        """The facts once no other run is at work on the NAS, or the last when the time is over.

        Args:
            tell: is told that another run is waited for.
            patience: seconds for it to end.
        """
        found = self.facts.result()
        until = time.monotonic() + patience
        told = None
        while isinstance(found, Facts) and found.other_run is not None and time.monotonic() < until:
            if found.other_run != told:
                told = found.other_run
                tell(f"{at_work(told)}: waiting for it")
            found = _read(self.settings, self.target)
        return found


def begin(stack: str, config: Mapping[str, str]) -> Reading:
    """Reads the settings and begins to ask the NAS, which takes a second or more.

    Raises:
        RefusedError: for a setting, before anybody is asked.
    """
    settings = load_settings(stack, config)
    target = ssh_target(settings)
    target.write_known_hosts()
    pool = ThreadPoolExecutor(1)
    facts = pool.submit(_read, settings, target)
    pool.shutdown(wait=False)
    return Reading(settings, target, facts)


def _read(settings: Settings, target: SshTarget) -> Facts | Unreadable:
    return read_facts(settings, target, asked_ports(settings), question=WayQuestion(settings))
