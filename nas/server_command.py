"""The container's arguments and environment: how k3s is started."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nas.facts import Facts
from nas.proxy import join_no_proxy
from nas.settings import Settings

FIRST_K3S_REFUSING_CGROUP_V1 = (1, 35)
"""kubelet's failCgroupV1 defaults to true from here on (kubernetes/kubernetes#134298)."""
FILE_SYSTEMS_WITHOUT_OVERLAY = ("zfs", "nfs", "nfs4", "overlay", "overlayfs", "tmpfs", "ecryptfs")
"""containerd's overlayfs snapshotter does not work on top of these (k3s-io/k3s#66, #3266)."""


def server_env(settings: Settings, bypass: Sequence[str]) -> dict[str, str]:
    """Proxy and token as k3s wants them.

    Upper case only: k3s merges and unsets the lower-case NO_PROXY itself. With scope `images`,
    the CONTAINERD_ prefix is stripped by k3s and reaches containerd alone (k3s-io/k3s#3552).
    """
    env = {}
    url = settings.proxy_url
    if url is not None and settings.proxy_scope != "none":
        prefix = "" if settings.proxy_scope == "all" else "CONTAINERD_"
        env[f"{prefix}HTTP_PROXY"] = url.url
        env[f"{prefix}HTTPS_PROXY"] = url.url
        env[f"{prefix}NO_PROXY"] = ",".join(bypass)
    if settings.token is not None:
        env["K3S_TOKEN"] = settings.token
    return env


def server_command(
    settings: Settings, facts: Facts | None, node_name: str, node_ip: str | None
) -> tuple[str, ...]:
    """Arguments of the container."""
    sans = join_no_proxy([settings.host], [node_ip] if node_ip else [], settings.tls_sans)
    return (
        "server",
        f"--node-name={node_name}",
        *([f"--node-ip={node_ip}"] if node_ip else []),
        *(f"--tls-san={name}" for name in sans),
        f"--https-listen-port={settings.api_port}",
        f"--cluster-cidr={settings.cluster_cidr}",
        f"--service-cidr={settings.service_cidr}",
        f"--cluster-domain={settings.cluster_domain}",
        *(f"--disable={component}" for component in sorted(settings.disable)),
        # One node needs no overlay network, and not every NAS kernel has vxlan.
        "--flannel-backend=host-gw",
        # nf_conntrack_max is the NAS's own with host networking: leave it (k3d-io/k3d#607).
        "--kube-proxy-arg=conntrack-max-per-core=0",
        "--kube-proxy-arg=conntrack-min=0",
        *_snapshotter(facts),
        *_cgroup(settings, facts),
        *settings.server_args,
    )


def _snapshotter(facts: Facts | None) -> tuple[str, ...]:
    if facts is not None and facts.data_fs in FILE_SYSTEMS_WITHOUT_OVERLAY:
        return ("--snapshotter=native",)
    return ()


def _cgroup(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    # An image of the user's own tells its version by its tag, or not at all.
    found = re.search(r":v(\d+)\.(\d+)\.", settings.image)
    if found is None or (int(found[1]), int(found[2])) < FIRST_K3S_REFUSING_CGROUP_V1:
        return ()
    if facts is not None and facts.cgroup == 1:
        return ("--kubelet-arg=fail-cgroupv1=false",)
    return ()
