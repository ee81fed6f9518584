"""The components that k3s packages: which are on, what each becomes in kube-system, what it takes.

Names are those of k3s 1.34 (https://docs.k3s.io/installation/packaged-components).
"""

from __future__ import annotations

from nas.settings import Settings

LOAD_BALANCER_PORTS = (80, 443)
"""TCP ports of the NAS that servicelb takes for traefik."""
_BECOMES = {
    "coredns": ("deployment/coredns",),
    "local-storage": ("deployment/local-path-provisioner",),
    "metrics-server": ("deployment/metrics-server",),
    "traefik": (
        "job/helm-install-traefik-crd",
        "job/helm-install-traefik",
        "deployment/traefik",
    ),
}


def workloads(settings: Settings) -> tuple[str, ...]:
    """What in kube-system has to work, `KIND/NAME`, in the order in which it is waited for.

    A DaemonSet of servicelb is named after its Service and ends in characters of its own.
    """
    found = [
        workload for name, made in _BECOMES.items() if _is_on(settings, name) for workload in made
    ]
    # Other Services of type LoadBalancer are the owner's, and not waited for.
    if takes_web_ports(settings):
        found.append("daemonset/svclb-traefik")
    return tuple(found)


def takes_web_ports(settings: Settings) -> bool:
    """Whether the cluster takes the ports of web servers from the NAS."""
    return _is_on(settings, "traefik") and _is_on(settings, "servicelb")


def _is_on(settings: Settings, component: str) -> bool:
    # Its chart is installed by the Helm controller.
    if component == "traefik" and "--disable-helm-controller" in settings.server_args:
        return False
    return component not in settings.disable
