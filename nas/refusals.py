"""Every refusal that the facts of a NAS give reason for, in the order in which they are shown."""

from __future__ import annotations

from nas.checks.account import check_account
from nas.checks.container import check_container
from nas.checks.data import check_data
from nas.checks.docker import check_docker, check_route
from nas.checks.image import check_image
from nas.checks.kernel import check_kernel
from nas.checks.limits import check_limits
from nas.checks.networks import check_host_networks
from nas.checks.ports import check_ports
from nas.checks.proxy import check_proxy
from nas.checks.storage import check_storage
from nas.checks.upgrade import check_upgrade
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
        *check_kernel(settings, facts),
        *check_limits(settings, facts),
        *check_storage(settings, facts),
        *check_host_networks(settings, facts),
        *check_container(settings, facts),
        *check_ports(settings, facts),
        *check_data(settings, facts),
        *check_proxy(settings, facts, daemon),
        *check_upgrade(settings, facts),
        *check_image(settings, facts),
    ]
