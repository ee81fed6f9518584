"""The plan: every decision about one stack, made from its settings and the facts of its NAS.

`make_plan` is a pure function. Components realise a `Plan` and decide nothing.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nas.daemon_routes import Choice, choose_route, drop_in, exports
from nas.drift import Drift, find_drift, marker, without_credentials
from nas.errors import Problem, RefusedError, set_command
from nas.facts import Facts, Unreadable
from nas.home import expand
from nas.kubeconfig import KubeconfigNames
from nas.platforms import platform_named
from nas.proxy import (
    ProxyUrl,
    bracketed,
    cluster_no_proxy,
    daemon_no_proxy,
    is_ip,
    join_no_proxy,
)
from nas.settings import Settings

DOCKER_HUB = "registry-1.docker.io"
FIRST_K3S_REFUSING_CGROUP_V1 = (1, 35)
"""kubelet's failCgroupV1 defaults to true from here on (kubernetes/kubernetes#134298)."""
FILE_SYSTEMS_WITHOUT_OVERLAY = ("zfs", "nfs", "nfs4", "overlay", "overlayfs", "tmpfs", "ecryptfs")
"""containerd's overlayfs snapshotter does not work on top of these (k3s-io/k3s#66, #3266)."""
KUBELET_PORT = 10250
OTHER_PORTS = (KUBELET_PORT, 6444, 10010, 10248, 10249, 10256, 10257, 10258, 10259)
"""What k3s listens on beside its API (https://docs.k3s.io/installation/requirements)."""
DEPLOYMENTS = {
    "coredns": "coredns",
    "local-storage": "local-path-provisioner",
    "metrics-server": "metrics-server",
    "traefik": "traefik",
}
"""Packaged component -> its Deployment in kube-system; servicelb has none of its own."""


@dataclass(frozen=True)
class DaemonProxy:
    """What the Docker daemon has to be told about the proxy, for each way into it.

    Attributes:
        proxies: value of the member `proxies` of the config file, JSON in ASCII. Holds the
            password, as the next two do.
        drop_in: a systemd drop-in.
        exports: a block of lines for a start script.
        shown: the proxy as `docker info` shows it, credentials left out.
        no_proxy: entries of its no-proxy list.
        authorization: value of a Proxy-Authorization header, or empty. Holds the password.
    """

    url: ProxyUrl
    proxies: str
    drop_in: str
    exports: str
    shown: str
    no_proxy: tuple[str, ...]
    authorization: str


@dataclass(frozen=True)
class Plan:
    """All decisions about one stack.

    Attributes:
        registry: `host:port` that the k3s image is pulled from.
        kubelet_version: what `kubectl get nodes` has to show, empty when the image is not a
            k3s release.
        command: arguments of the container.
        env: environment of the container. Holds the proxy's password and the token.
        components: deployments in kube-system that have to become available.
        kubeconfig: names and server of the kubeconfig that is handed out.
        pull_hint: what to change when the cluster cannot pull its images.
        daemon_drift, path_drift, container_drift: what others changed on the NAS, with the
            time it was seen.
        warnings: shown to the user before anything happens.
    """

    settings: Settings
    daemon: DaemonProxy | None
    registry: str
    image: str
    kubelet_version: str
    node_name: str
    node_ip: str | None
    command: tuple[str, ...]
    env: dict[str, str]
    registries_yaml: str
    ca_certificates: str
    components: tuple[str, ...]
    data_volume: str
    etc_volume: str
    kubeconfig: KubeconfigNames
    cluster_identifier: str
    pull_hint: str
    daemon_drift: str | None
    path_drift: str | None
    container_drift: str | None
    warnings: tuple[str, ...]


def needed_ports(settings: Settings) -> tuple[int, ...]:
    """TCP ports that k3s takes on the NAS with host networking."""
    return (settings.api_port, KUBELET_PORT)


def make_plan(settings: Settings, facts: Facts | Unreadable) -> Plan:
    """Decides everything.

    Raises:
        RefusedError: when the NAS, as far as it is known, cannot carry this config.
    """
    known = facts if isinstance(facts, Facts) else None
    node_ip = _node_ip(settings, known)
    daemon = _daemon_proxy(settings, node_ip)
    if known is not None:
        problems = _refusals(settings, known, daemon)
        if problems:
            raise RefusedError(problems)
    node_name = settings.node_name or settings.stack
    bypass = _bypass(settings, node_name, node_ip)
    drift = _drift(settings, known, daemon)
    seen = None if known is None else known.time
    return Plan(
        settings=settings,
        daemon=daemon,
        registry=registry_of(settings.image),
        image=settings.image,
        kubelet_version=_kubelet_version(settings),
        node_name=node_name,
        node_ip=node_ip,
        command=_command(settings, known, node_name, node_ip),
        env=_env(settings, bypass),
        registries_yaml=settings.registries.to_yaml(),
        ca_certificates=_ca_certificates(settings),
        components=tuple(
            deployment
            for component, deployment in DEPLOYMENTS.items()
            if component not in settings.disable
        ),
        data_volume=f"{settings.container_name}-data",
        etc_volume=f"{settings.container_name}-etc",
        kubeconfig=KubeconfigNames(
            name=f"k3s-{settings.stack}",
            server=f"https://{bracketed(settings.host)}:{settings.api_port}",
        ),
        cluster_identifier=f"nas-k3s/{settings.stack}/{settings.container_name}",
        pull_hint=_pull_hint(settings),
        daemon_drift=marker(drift.daemon_proxy, seen),
        path_drift=marker(drift.docker_path, seen),
        container_drift=marker(drift.container, seen),
        warnings=_warnings(settings, facts, daemon, drift),
    )


def registry_of(image: str) -> str:
    """`host:port` of the registry that an image reference names; Docker Hub when it names none."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    host = first if named else DOCKER_HUB
    if host in ("docker.io", "index.docker.io"):
        host = DOCKER_HUB
    return host if ":" in host else f"{host}:443"


def _kubelet_version(settings: Settings) -> str:
    # An image of the user's own may hold any version.
    return "" if settings.k3s_image else settings.k3s_version.replace("-k3s", "+k3s")


def _node_ip(settings: Settings, facts: Facts | None) -> str | None:
    """The address that we reach the NAS by, never one that k3s would guess, such as docker0's."""
    if settings.node_ip:
        return settings.node_ip
    if is_ip(settings.host):
        return settings.host
    return facts.address if facts is not None and is_ip(facts.address) else None


def _own(settings: Settings) -> tuple[str, ...]:
    """What the owner wants reached without the proxy, LAN and private registries included."""
    lan = [settings.lan_cidr] if settings.lan_cidr else []
    return join_no_proxy(lan, settings.registries.private_hosts(), settings.no_proxy)


def _bypass(settings: Settings, node_name: str, node_ip: str | None) -> tuple[str, ...]:
    hosts = join_no_proxy([settings.host], [node_ip] if node_ip else [], [node_name])
    return cluster_no_proxy(
        cluster_cidr=settings.cluster_cidr,
        service_cidr=settings.service_cidr,
        cluster_domain=settings.cluster_domain,
        hosts=hosts,
        extra=_own(settings),
    )


def _daemon_proxy(settings: Settings, node_ip: str | None) -> DaemonProxy | None:
    url = settings.proxy_url
    if url is None:
        return None
    hosts = join_no_proxy([settings.host], [node_ip] if node_ip else [])
    no_proxy = daemon_no_proxy(hosts, _own(settings))
    proxies = {
        "http-proxy": url.url,
        "https-proxy": url.url,
        "no-proxy": ",".join(no_proxy),
    }
    environment = {key.upper().replace("-", "_"): value for key, value in proxies.items()}
    credentials = f"{url.user}:{url.password or ''}".encode()
    return DaemonProxy(
        url=url,
        proxies=json.dumps(proxies),
        drop_in=drop_in(environment),
        exports=exports(environment),
        shown=f"{url.scheme}://{url.address}",
        no_proxy=no_proxy,
        authorization=(
            f"Basic {base64.b64encode(credentials).decode()}" if url.has_credentials else ""
        ),
    )


def _env(settings: Settings, bypass: Sequence[str]) -> dict[str, str]:
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


def _command(
    settings: Settings, facts: Facts | None, node_name: str, node_ip: str | None
) -> tuple[str, ...]:
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


SUDO_REFUSALS = {
    "": ("may not manage Docker", "write the account with uid 0: admin on QNAP, root elsewhere"),
    "absent": (
        "may not manage Docker, and this NAS has no sudo",
        "write the account with uid 0: admin on QNAP, root elsewhere",
    ),
    "sudoers": (
        "may not use sudo",
        "make it an administrator of the NAS (group administrators or sudo), or write the account "
        "with uid 0",
    ),
    "tty": (
        "gets no sudo without a terminal",
        "add `Defaults:{user} !requiretty` to sudoers with visudo",
    ),
    "broken": (
        "gets no sudo on the NAS",
        "log in as it and try `sudo true`, or write the account with uid 0",
    ),
}
"""What sudo says -> why an account cannot be used, and what to do."""


def _account_refusals(settings: Settings, facts: Facts) -> list[Problem]:
    """Whether the account of SSH can become uid 0, and can use Docker itself."""
    if facts.uid in (None, 0):
        return []
    user = facts.user or settings.ssh_user
    if facts.sudo == "needed":
        return [
            Problem(
                "sudoPassword",
                None,
                f"is what sudo on the NAS asks {user} for",
                f"{set_command('sudoPassword', '', secret=True).rstrip()}, or allow {user} sudo "
                f"without one: {user} ALL=(root) NOPASSWD: ALL",
            )
        ]
    if facts.sudo == "wrong":
        return [
            Problem(
                "sudoPassword",
                "[secret]",
                f"is not the password that sudo takes from {user}",
                set_command("sudoPassword", "", secret=True).rstrip(),
            )
        ]
    if facts.sudo in SUDO_REFUSALS:
        why, fix = SUDO_REFUSALS[facts.sudo]
        return [
            Problem(
                "sshUser",
                json.dumps(settings.ssh_user),
                f"has uid {facts.uid} on the NAS and {why}",
                fix.format(user=user),
            )
        ]
    if facts.docker_access == "none":
        group = facts.socket.partition(" ")[0].partition(":")[2]
        # Membership of root's group would be more than Docker.
        join = "" if group in ("", "root", "wheel") else f"add {user} to the group {group}, or "
        return [
            Problem(
                "sshUser",
                json.dumps(settings.ssh_user),
                f"may not use Docker over SSH: its socket is {facts.socket or 'not there'}",
                f"{join}allow {user} docker without a password with visudo: "
                f"{user} ALL=(root) NOPASSWD: {facts.docker}",
            )
        ]
    return []


def _refusals(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[Problem]:
    problems = _account_refusals(settings, facts)
    if not facts.platform:
        problems.append(
            Problem(
                "platform",
                json.dumps(settings.platform),
                f"does not recognise this NAS ({facts.kernel} {facts.machine})",
                "write custom, with daemonConfigFile, daemonRestartCommand and dockerPath",
            )
        )
    elif not facts.docker:
        row = platform_named(facts.platform)
        install = "start Docker" if row is None else row.install
        problems.append(
            Problem(
                "host",
                json.dumps(settings.host),
                "has no docker",
                f"{install}; dockerPath names one that lies elsewhere",
            )
        )
    problems += _route_refusals(settings, facts, daemon)
    return problems + _port_refusals(settings, facts)


def _choice(facts: Facts, daemon: DaemonProxy) -> Choice | None:
    row = platform_named(facts.platform)
    if row is None:
        return None
    # By hand, people write what they like into the no-proxy list.
    by_hand = row.routes[0] == "refuse"
    shown = {without_credentials(text) for text in (facts.http_proxy, facts.https_proxy)}
    agrees = shown == {daemon.shown} and (by_hand or facts.no_proxy == ",".join(daemon.no_proxy))
    return choose_route(
        row, facts.engine, facts.dockerd_flags, ours=bool(facts.applied_put), agrees=agrees
    )


def _route_refusals(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[Problem]:
    choice = None if daemon is None else _choice(facts, daemon)
    if choice is None or choice.route != "refuse":
        return []
    return [Problem("proxy", json.dumps(_address(settings)), choice.why, choice.fix)]


def _drift(settings: Settings, facts: Facts | None, daemon: DaemonProxy | None) -> Drift:
    if facts is None or settings.drift == "off":
        return Drift()
    if daemon is None:
        return find_drift(facts, None, "")
    choice = _choice(facts, daemon)
    if choice is not None and choice.route == "none":
        # Set by the owner, and not ours to heal.
        return find_drift(facts, None, "")
    return find_drift(facts, daemon.shown, ",".join(daemon.no_proxy))


def _address(settings: Settings) -> str:
    url = settings.proxy_url
    return "" if url is None else url.masked


def _port_refusals(settings: Settings, facts: Facts) -> list[Problem]:
    shown = str(settings.api_port)
    if facts.own_container and facts.own_container != settings.container_name:
        return [
            Problem(
                "containerName",
                json.dumps(settings.container_name),
                f"is not the name of this stack's container on the NAS, {facts.own_container}, "
                "whose data is named after it",
                f"write {facts.own_container}, or `pulumi destroy` before you change it",
            )
        ]
    if settings.api_port in OTHER_PORTS:
        return [
            Problem("apiPort", shown, "is a port that Kubernetes itself needs", "write e.g. 16443")
        ]
    problems = []
    for port in facts.ports_taken:
        # A container of ours explains why its own ports are taken.
        own = (None, port)
        if facts.container and (port != settings.api_port or facts.container_port in own):
            continue
        if port == settings.api_port:
            fix = "write a free one, e.g. 16443"
        else:
            fix = "stop the other Kubernetes on this NAS (Container Station can bring one)"
        problems.append(Problem("apiPort", shown, f"port {port} of the NAS is in use", fix))
    return problems


def _warnings(
    settings: Settings, facts: Facts | Unreadable, daemon: DaemonProxy | None, drift: Drift
) -> tuple[str, ...]:
    if isinstance(facts, Unreadable):
        return (f"the NAS was not read ({facts.reason}): the plan is made without its facts",)
    warnings = []
    if facts.machine and facts.machine not in ("x86_64", "aarch64", "armv7l"):
        warnings.append(f"k3s has no image for {facts.machine}")
    if facts.docker and not facts.engine:
        warnings.append("Docker on the NAS does not answer: start it before `pulumi up`")
    if drift:
        clauses = "; ".join(drift.clauses)
        warnings.append(f"changed on the NAS since the last up, which `up` heals: {clauses}")
    if daemon is not None and _daemon_differs(facts, daemon):
        choice = _choice(facts, daemon)
        if choice is not None and choice.notice:
            warnings.append(choice.notice)
        warnings.append(_blast_radius(settings, facts, "for its proxy"))
    if daemon is None and facts.applied_put:
        warnings.append(_blast_radius(settings, facts, "to take its proxy away"))
    return tuple(warnings)


def _daemon_differs(facts: Facts, daemon: DaemonProxy) -> bool:
    if not facts.engine:
        return False
    return without_credentials(facts.http_proxy) != daemon.shown or facts.no_proxy != ",".join(
        daemon.no_proxy
    )


def _blast_radius(settings: Settings, facts: Facts, why: str) -> str:
    if settings.restart_daemon == "never":
        return (
            f"Docker on the NAS would have to restart {why}, and restartDaemon is never: "
            "`pulumi up` will be refused"
        )
    if settings.restart_daemon == "when-safe" and facts.no_restart_policy:
        names = ", ".join(facts.no_restart_policy)
        return (
            f"Docker on the NAS would have to restart {why}, and restartDaemon is "
            f"when-safe: `pulumi up` will be refused because {names} have no restart policy"
        )
    count = "all" if facts.running is None else str(facts.running)
    text = f"Docker on the NAS will be restarted {why}: {count} running containers with it"
    if facts.no_restart_policy:
        names = ", ".join(facts.no_restart_policy)
        text += f"; {names} have no restart policy and will be started again afterwards"
    return text
