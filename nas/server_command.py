"""The container's arguments and environment: how k3s is started."""

from __future__ import annotations

from collections.abc import Sequence

from nas.facts import Facts
from nas.proxy import join_no_proxy
from nas.settings import Settings
from nas.snapshotter import DEFAULT, snapshotter
from nas.versions import image_version

FIRST_K3S_REFUSING_CGROUP_V1 = (1, 35)
"""kubelet's failCgroupV1 defaults to true from here on (kubernetes/kubernetes#134298)."""


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


def server_command(settings: Settings, facts: Facts | None, address: str | None) -> tuple[str, ...]:
    """Arguments of the container.

    Args:
        address: the NAS's own; that of the node too, unless its container has another.
    """
    sans = join_no_proxy([settings.host], [address] if address else [], settings.tls_sans)
    is_nodes = address is not None and settings.network_mode == "host"
    return (
        "server",
        f"--node-name={settings.node}",
        *([f"--node-ip={address}"] if is_nodes else []),
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
        *_snapshotter(settings, facts),
        *_cgroup(settings, facts),
        *(f"--kubelet-arg={argument}" for argument in settings.kubelet_args),
        *settings.server_args,
    )


def _snapshotter(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    chosen = snapshotter(settings, facts)
    # Without the flag k3s takes its default too: naming it later restarts nothing.
    return () if chosen == DEFAULT else (f"--snapshotter={chosen}",)


def _cgroup(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    # An image of the user's own tells its version by its tag, or not at all.
    version = image_version(settings.image)
    if version is None or (version.major, version.minor) < FIRST_K3S_REFUSING_CGROUP_V1:
        return ()
    if facts is not None and facts.cgroup == 1:
        return ("--kubelet-arg=fail-cgroupv1=false",)
    return ()
