"""What of one stack is reached without the proxy: the lists of the Docker daemon and of k3s."""

from __future__ import annotations

from collections.abc import Sequence

from nas.proxy import cluster_no_proxy, daemon_no_proxy, join_no_proxy
from nas.settings import Settings


def _own(settings: Settings) -> tuple[str, ...]:
    """What the owner wants reached without the proxy, LAN and private registries included."""
    lan = [settings.lan_cidr] if settings.lan_cidr else []
    return join_no_proxy(lan, settings.registries.private_hosts(), settings.no_proxy)


def for_daemon(settings: Settings, address: str | None) -> tuple[str, ...]:
    """Entries of the Docker daemon's list."""
    hosts = join_no_proxy([settings.host], [address] if address else [])
    return daemon_no_proxy(hosts, _own(settings))


def for_cluster(
    settings: Settings, address: str | None, node_networks: Sequence[str] = ()
) -> tuple[str, ...]:
    """Entries of k3s's list.

    Args:
        address: the NAS's own.
        node_networks: blocks of the node's address, where the container has one of its own, which
            may be another after each start.
    """
    hosts = join_no_proxy(
        [settings.host], [address] if address else [], [settings.node], node_networks
    )
    return cluster_no_proxy(
        cluster_cidr=settings.cluster_cidr,
        service_cidr=settings.service_cidr,
        cluster_domain=settings.cluster_domain,
        hosts=hosts,
        extra=_own(settings),
    )
