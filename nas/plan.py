"""The plan: every decision about one stack, made from its settings and the facts of its NAS.

`make_plan` is a pure function. Components realise a `Plan` and decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from nas import data_place, limits, no_proxy
from nas.bridge import bridge_networks
from nas.checks.upgrade import pending_restore
from nas.cluster_data import ClusterIdentifier, cluster_identifier
from nas.daemon_proxy import DaemonProxy, choice_for, plan_daemon_proxy
from nas.drift import Drift, find_drift, marker
from nas.errors import RefusedError
from nas.facts import Facts, Unreadable
from nas.home import expand
from nas.image_registries import registry_of
from nas.kubeconfig import KubeconfigNames, context_name
from nas.packaged import workloads
from nas.proxy import bracketed, is_ip
from nas.published_ports import PublishedPort
from nas.refusals import find_refusals
from nas.server_command import server_command, server_env
from nas.settings import Settings
from nas.timeline import since_unmeasured
from nas.versions import image_version
from nas.warnings import find_warnings


@dataclass(frozen=True)
class Plan:
    """All decisions about one stack.

    Attributes:
        registry: `host:port` that the k3s image is pulled from.
        node_ip: address of the node; None: k3s finds its container's own.
        image_version: the k3s that the image's tag tells, or empty.
        kubelet_version: what `kubectl get nodes` has to show, empty when the image is not a
            k3s release.
        command: arguments of the container.
        env: environment of the container. Holds the proxy's password and the token.
        registry_files: path in the container -> content, which may be a private key.
        workloads: what in kube-system has to work, `KIND/NAME`.
        places: Docker's volumes for the data and for /etc/rancher, or directories instead.
        place_certain: whether that is how the NAS itself names them.
        data_directory: where those directories are, without symbolic links.
        ports: what Docker publishes on the NAS.
        memory: megabytes; cpus: as Docker's provider reads it back.
        kubeconfig: names and server of the kubeconfig that is handed out.
        pull_hint: what to change when the cluster cannot pull its images.
        server_proxy: `host:port` of the proxy that all of k3s uses, or empty.
        cluster_identifier: which cluster the Kubernetes provider is told it has.
        daemon_drift, path_drift, container_drift, stopped_drift, kubeconfig_drift: what others, or
            time, changed on the NAS, with the time it was seen; the container's too when its data
            is to be exchanged.
        timeline_since: the time on the NAS at which this run began, if the last one ended before
            its timeline was measured.
        warnings: shown to the user before anything happens.
    """

    settings: Settings
    daemon: DaemonProxy | None
    registry: str
    image: str
    image_version: str
    kubelet_version: str
    node_name: str
    node_ip: str | None
    command: tuple[str, ...]
    env: dict[str, str]
    registries_yaml: str
    registry_files: dict[str, str]
    ca_certificates: str
    workloads: tuple[str, ...]
    places: tuple[str, str]
    place_certain: bool
    data_directory: str | None
    ports: tuple[PublishedPort, ...]
    memory: int | None
    cpus: str | None
    kubeconfig: KubeconfigNames
    cluster_identifier: ClusterIdentifier
    pull_hint: str
    server_proxy: str
    daemon_drift: str | None
    path_drift: str | None
    container_drift: str | None
    stopped_drift: str | None
    kubeconfig_drift: str | None
    timeline_since: str | None
    warnings: tuple[str, ...]


def make_plan(settings: Settings, facts: Facts | Unreadable) -> Plan:
    """Decides everything.

    Raises:
        RefusedError: when the NAS, as far as it is known, cannot carry this config.
    """
    known = facts if isinstance(facts, Facts) else None
    address = planned_node_ip(settings, known)
    daemon = plan_daemon_proxy(settings, address)
    if known is not None:
        problems = find_refusals(settings, known, daemon)
        if problems:
            raise RefusedError(problems)
    bypass = planned_bypass(settings, known)
    drift = _drift(settings, known, daemon)
    seen = None if known is None else known.time
    return Plan(
        settings=settings,
        daemon=daemon,
        registry=registry_of(settings.image),
        image=settings.image,
        image_version=str(image_version(settings.image) or ""),
        kubelet_version=planned_kubelet_version(settings),
        node_name=settings.node,
        node_ip=address if settings.network_mode == "host" else None,
        command=server_command(settings, known, address),
        env=server_env(settings, bypass),
        registries_yaml=settings.registries.to_yaml(),
        registry_files={
            place: expand(file).read_text(encoding="utf-8", errors="replace")
            for place, file in settings.registries.files().items()
        },
        ca_certificates=_ca_certificates(settings),
        workloads=workloads(settings),
        places=data_place.places(settings, known),
        place_certain=data_place.is_certain(settings, known),
        data_directory=data_place.directory(settings, known),
        ports=settings.published,
        memory=None if settings.memory_limit is None else limits.megabytes(settings.memory_limit),
        cpus=None if settings.cpu_limit is None else limits.cpus(settings.cpu_limit),
        kubeconfig=KubeconfigNames(
            name=context_name(settings.stack),
            server=f"https://{bracketed(settings.host)}:{settings.api_port}",
        ),
        cluster_identifier=cluster_identifier(settings, known),
        pull_hint=_pull_hint(settings),
        server_proxy=_server_proxy(settings),
        daemon_drift=marker((*drift.daemon_proxy, *_left_over(settings, known)), seen),
        path_drift=marker(drift.docker_path, seen),
        container_drift=marker(
            (*drift.container, *drift.absent, *pending_restore(settings, known)), seen
        ),
        stopped_drift=marker(drift.stopped, seen),
        kubeconfig_drift=marker((*drift.kubeconfig, *drift.renewal), seen),
        timeline_since=(
            None if known is None else since_unmeasured(known, proxied=daemon is not None)
        ),
        warnings=find_warnings(settings, facts, daemon, drift),
    )


def planned_kubelet_version(settings: Settings) -> str:
    """What the node has to report; empty: any."""
    # An image of the user's own may hold any version.
    return "" if settings.k3s_image else settings.k3s_version.replace("-k3s", "+k3s")


def planned_node_ip(settings: Settings, facts: Facts | None) -> str | None:
    """The address that we reach the NAS by, never one that k3s would guess, such as docker0's."""
    if settings.node_ip:
        return settings.node_ip
    if is_ip(settings.host):
        return settings.host
    return facts.address if facts is not None and is_ip(facts.address) else None


def planned_bypass(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    """Entries of k3s's no-proxy list."""
    networks: tuple[str, ...] = ()
    if settings.network_mode == "bridge" and facts is not None:
        networks = tuple(str(network) for network in bridge_networks(facts))
    address = planned_node_ip(settings, facts)
    return no_proxy.for_cluster(settings, address, networks)


def _ca_certificates(settings: Settings) -> str:
    if settings.ca_certificates_file is None:
        return ""
    # Bundles carry comments in any encoding between their blocks.
    return expand(settings.ca_certificates_file).read_text(encoding="utf-8", errors="replace")


def _pull_hint(settings: Settings) -> str:
    url = settings.proxy_url
    if url is None:
        return "k3s has no proxy: set nas-k3s:proxy if the NAS needs one"
    if settings.proxy_scope == "none":
        return (
            f"k3s runs without the proxy {url.address}: set nas-k3s:proxyScope to all (or images)"
        )
    return (
        f"k3s pulls through the proxy {url.address} (nas-k3s:proxy): check that it runs and lets "
        "this registry through, and nas-k3s:caCertificatesFile if it re-signs TLS"
    )


def _server_proxy(settings: Settings) -> str:
    url = settings.proxy_url
    return url.address if url is not None and settings.proxy_scope == "all" else ""


def _left_over(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    """A proxy of ours on the NAS of a stack without one: it was taken out of the config, or an `up`
    was cut off that had set it, of which Pulumi knows nothing."""
    if settings.proxy_url is not None or settings.keep_daemon_proxy:
        return ()
    if facts is None or not facts.applied_put:
        return ()
    return (f"a proxy of this program is in {facts.proxy_file}",)


def _drift(settings: Settings, facts: Facts | None, daemon: DaemonProxy | None) -> Drift:
    if facts is None or settings.drift == "off" or facts.other_run is not None:
        return Drift()
    if daemon is None:
        return find_drift(facts, None, "")
    choice = choice_for(facts, daemon)
    if choice is not None and choice.route == "none":
        # Set by the owner, and not ours to heal.
        return find_drift(facts, None, "")
    in_container = settings.proxy_scope != "none"
    return find_drift(facts, daemon.shown, ",".join(daemon.no_proxy), in_container=in_container)
