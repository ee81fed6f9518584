"""Every refusal that the facts of a NAS give reason for, in the order in which they are shown."""

from __future__ import annotations

from nas.checks.account import check_account
from nas.checks.docker import check_docker, check_route
from nas.checks.ports import check_ports
from nas.daemon_proxy import DaemonProxy
from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings


def find_refusals(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[Problem]:
    """Why this NAS cannot carry this config; empty: as far as it is known, it can."""
    return [
        *check_account(settings, facts),
        *check_docker(settings, facts),
        *check_route(settings, facts, daemon),
        *check_ports(settings, facts),
    ]
