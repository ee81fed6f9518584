"""The ports that k3s takes on the NAS, and whose they are."""

from __future__ import annotations

import json
from collections.abc import Iterable

from nas.checks.container import check_container
from nas.errors import NAMESPACE, Problem, set_command
from nas.fact_lines import Listener
from nas.facts import Facts
from nas.packaged import LOAD_BALANCER_PORTS, takes_web_ports
from nas.published_ports import published as ports_of
from nas.settings import Settings

KUBELET_PORT = 10250
LOOPBACK_PORTS = (6444, 10010, 10248, 10249, 10256, 10257, 10258, 10259)
"""What k3s listens on at 127.0.0.1 (https://docs.k3s.io/installation/requirements, k3d-io/k3d#53,
k3s-io/k3s#5973)."""
OTHER_PORTS = (KUBELET_PORT, *LOOPBACK_PORTS)
"""Everything beside the API."""
KUBERNETES = (
    "k3s",
    "k3s-server",
    "k3s-agent",
    "k0s",
    "rke2",
    "kubelite",
    "kubelet",
    "kube-apiserver",
    "kube-controller",
    "kube-scheduler",
    "kube-proxy",
)
"""Processes of other clusters, as the kernel cuts their names."""
RUNS = ("running", "restarting", "paused")
API_PORTS = (6443, 16443, 26443, 36443)
"""Ports for the Kubernetes API: the first free one is taken, or proposed."""


def needed_ports(settings: Settings) -> tuple[int, ...]:
    """Ports of the NAS that the container takes, TCP or UDP."""
    return tuple(sorted({port for port, _ in _needed(settings)}))


def asked_ports(settings: Settings) -> tuple[int, ...]:
    """What the facts have to look at: what is needed, and what could be proposed instead."""
    return tuple(sorted({*needed_ports(settings), *API_PORTS}))


def free_api_port(settings: Settings, facts: Facts) -> int | None:
    """A port for the API that these facts say is free, None: no port that was looked at is."""
    taken = {one.port for one in facts.listeners if one.protocol == "tcp"}
    ours = {one.port for one in facts.listeners if _is_ours(facts, one)}
    published = {port.outside for text in settings.publish_ports for port in ports_of(text)}
    busy = {*(taken - ours), *OTHER_PORTS, *published, settings.api_port}
    return next((port for port in API_PORTS if port not in busy), None)


def _bridge(settings: Settings) -> str:
    move = set_command("networkMode", "bridge")
    # A node on a bridge has its container's address.
    return f"{move} and pulumi config rm {NAMESPACE}:nodeIp" if settings.node_ip else move


def _write_free(settings: Settings, facts: Facts) -> str:
    port = free_api_port(settings, facts)
    return "write a free one" if port is None else f"write a free one, e.g. {port}"


def _needed(settings: Settings) -> set[tuple[int, str]]:
    if settings.network_mode == "host":
        web = LOAD_BALANCER_PORTS if takes_web_ports(settings) else ()
        return {(port, "tcp") for port in (settings.api_port, *OTHER_PORTS, *web)}
    return {(port.outside, port.protocol) for port in settings.published}


def check_ports(settings: Settings, facts: Facts) -> list[Problem]:
    """What already listens where k3s has to."""
    shown = str(settings.api_port)
    if check_container(settings, facts):
        # Whose the ports are is then told by the container.
        return []
    if settings.api_port in OTHER_PORTS:
        return [
            Problem(
                "apiPort",
                shown,
                "is a port that Kubernetes itself needs",
                _write_free(settings, facts),
            )
        ]
    if not facts.engine:
        # A k3s of ours outlives its Docker, which alone knows whose it is.
        return []
    needed = _needed(settings)
    busy: dict[tuple[int, str], Listener] = {}
    for taken in facts.listeners:
        place = (taken.port, taken.protocol)
        if place in needed and _collides(settings, taken) and not _is_ours(facts, taken):
            busy.setdefault(place, taken)
    web = [taken for taken in busy.values() if _is_web(settings, taken)]
    rest = [taken for taken in busy.values() if taken not in web]
    clusters = [taken for taken in rest if taken.program in KUBERNETES]
    others = [taken for taken in rest if taken.program not in KUBERNETES]
    return [
        *([_web(settings, web)] if web else []),
        *([_cluster(settings, facts, clusters)] if clusters else []),
        *(_busy(settings, facts, taken) for taken in others),
    ]


def _is_web(settings: Settings, taken: Listener) -> bool:
    """Whether only servicelb wants the port."""
    return (
        settings.network_mode == "host"
        and taken.port in LOAD_BALANCER_PORTS
        and taken.port != settings.api_port
    )


def _web(settings: Settings, taken: Iterable[Listener]) -> Problem:
    """Pods take ports of the node by rules of iptables: what listens there is reached no more, and
    our own never show as listening."""
    which = " and ".join(f"{one.port}{_by(one)}" for one in taken)
    return Problem(
        "disable",
        json.dumps(settings.disable),
        "leaves traefik and servicelb on, which take ports 80 and 443 from the NAS: in use is "
        f"{which}",
        "move that to other ports (on a NAS: system ports of its web interface), or write "
        '["servicelb", "traefik"]',
    )


def _by(taken: Listener) -> str:
    return f" by {taken.program}" if taken.program else ""


def _collides(settings: Settings, taken: Listener) -> bool:
    """A socket at another address is in nobody's way where k3s takes loopback only."""
    if settings.network_mode == "host" and taken.port in LOOPBACK_PORTS:
        return taken.scope in ("all", "loopback")
    return True


def _is_ours(facts: Facts, taken: Listener) -> bool:
    """Whether the container of ours that runs explains it."""
    if facts.container not in RUNS:
        return False
    if facts.container_network in ("", "host"):
        return taken.port in OTHER_PORTS or facts.container_port in (None, taken.port)
    return f"{taken.port}/{taken.protocol}" in facts.container_publishes


def _cluster(settings: Settings, facts: Facts, taken: Iterable[Listener]) -> Problem:
    ports = ", ".join(str(port) for port in sorted({one.port for one in taken}))
    programs = ", ".join(dict.fromkeys(one.program for one in taken))
    port = free_api_port(settings, facts)
    example = "" if port is None else f", e.g. {port}"
    return Problem(
        "apiPort",
        str(settings.api_port),
        f"another Kubernetes ({programs}) runs on the NAS and holds what k3s needs: {ports}",
        "stop it in the app of the NAS that brought it, or "
        f"{_bridge(settings)} with an apiPort that is free{example}",
    )


def _busy(settings: Settings, facts: Facts, taken: Listener) -> Problem:
    why = f"port {taken.port} of the NAS is in use{_by(taken)}"
    if taken.port == settings.api_port and taken.protocol == "tcp":
        return Problem("apiPort", str(settings.api_port), why, _write_free(settings, facts))
    if settings.network_mode == "bridge":
        shown = json.dumps(settings.publish_ports)
        return Problem("publishPorts", shown, why, "write another port of the NAS before the ':'")
    stop = f"stop {taken.program}" if taken.program else "stop the other Kubernetes on this NAS"
    fix = f"{stop}, or {_bridge(settings)}: then only apiPort is taken"
    return Problem("apiPort", str(settings.api_port), why, fix)
