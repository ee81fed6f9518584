"""Collects the evidence: two read-only SSH round trips, two looks from here, all with limits."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

from nas.checks.ports import asked_ports, needed_ports
from nas.daemon_proxy import DaemonProxy, plan_daemon_proxy
from nas.doctor.evidence import Case, Here, OnNas, Tls, parse_on_nas
from nas.doctor.tls import certificate_through
from nas.facts import Facts, Unreadable, ask, parse_facts, read_facts
from nas.plan import planned_bypass, planned_kubelet_version, planned_node_ip, registry_of
from nas.proxy import is_bypassed
from nas.reach import knock
from nas.remote_script import launched, render
from nas.server_command import server_env
from nas.settings import Settings, load_settings, platform_variables
from nas.smoke import SMOKE_NAMESPACE
from nas.ssh import SshTarget, ssh_target
from nas.stack_file import StackConfig

PULL_PROBE_TIMEOUT = 15
"""Seconds for the daemon's question to a registry."""
FACTS_SHARE = 0.4
"""How much of the deadline the facts may take."""
MARGIN = 3.0
"""Seconds that the script ends before its connection is cut, so that its last word arrives."""


def gather(stack: StackConfig, environment: Mapping[str, str], deadline: float) -> Case:
    """Everything that the checks judge. Never raises for a NAS that is off.

    Args:
        environment: this machine's variables.
        deadline: seconds for all of it.

    Raises:
        RefusedError: for a config that cannot be used.
    """
    until = time.monotonic() + deadline
    settings = load_settings(stack.stack, stack.config)
    target = ssh_target(settings)
    target.write_known_hosts()
    facts = read_facts(settings, target, asked_ports(settings), deadline * FACTS_SHARE)
    if isinstance(facts, Unreadable) and facts.so_far:
        # SSH works, and something behind it hangs.
        facts = parse_facts(facts.so_far)
    known = facts if isinstance(facts, Facts) else None
    node_ip = planned_node_ip(settings, known)
    bypass = planned_bypass(settings, known)
    daemon = plan_daemon_proxy(settings, node_ip)
    if daemon is not None and "proxyPassword" in stack.unavailable:
        # A login without its password would only be one more that fails.
        daemon = replace(daemon, authorization="")
    case = Case(
        settings=settings,
        target=target,
        facts=facts,
        nas=OnNas(),
        here=Here(environment=environment),
        now=time.time(),
        node_name=settings.node,
        node_ip=node_ip,
        kubelet_version=planned_kubelet_version(settings),
        daemon=daemon,
        environment={
            key: text
            for key, text in server_env(settings, bypass).items()
            if key.endswith("_PROXY")
        },
        unavailable=stack.unavailable,
    )
    if known is None:
        return case
    through, beside = needed_registries(settings, ",".join(bypass))
    left = until - time.monotonic()
    with ThreadPoolExecutor(max_workers=3) as pool:
        on_nas = pool.submit(_on_nas, case, through, beside, left)
        api = pool.submit(knock, settings.host, settings.api_port)
        tls = pool.submit(_tls, settings, target, daemon, through, min(left, 20.0))
        return replace(
            case,
            nas=on_nas.result(),
            here=replace(case.here, api=api.result(), tls=tls.result()),
        )


def needed_registries(settings: Settings, bypass: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`host:port` of each registry that is needed: through the proxy, and beside it.

    Where a registry has mirrors, they stand for it; k3s asks them first.
    """
    mirrors = settings.registries.mirrors
    places: list[str] = [registry_of(settings.image)]
    for reference in (settings.smoke_image, "docker.io/rancher/mirrored-pause"):
        registry = reference.partition("/")[0]
        mirror = mirrors.get(registry) or mirrors.get("*")
        if mirror is None or not mirror.endpoint:
            places.append(registry_of(reference))
            continue
        for endpoint in mirror.endpoint:
            parts = urlsplit(endpoint)
            port = parts.port or (80 if parts.scheme == "http" else 443)
            places.append(f"{parts.hostname}:{port}")
    unique = tuple(dict.fromkeys(places))
    if settings.proxy_url is None:
        return (), unique
    beside = tuple(place for place in unique if is_bypassed(place.rpartition(":")[0], bypass))
    return tuple(place for place in unique if place not in beside), beside


def _on_nas(
    case: Case, through: tuple[str, ...], beside: tuple[str, ...], deadline: float
) -> OnNas:
    settings, daemon = case.settings, case.daemon
    services = ipaddress.ip_network(settings.service_cidr.partition(",")[0], strict=False)
    url = None if daemon is None else daemon.url
    script = render(
        "doctor.sh",
        {
            **platform_variables(settings),
            "CONTAINER": settings.container_name,
            "IMAGE": settings.image,
            "REGISTRY": registry_of(settings.image),
            "NODE": case.node_name,
            "PROXY_SCHEME": "" if url is None else url.scheme,
            "PROXY_HOST": "" if url is None else url.host,
            "PROXY_PORT": "" if url is None else str(url.port),
            "PROXY_AUTH": "" if daemon is None else daemon.authorization,
            "REGISTRIES": " ".join(through),
            "DIRECT": " ".join(beside),
            "PORTS": " ".join(map(str, needed_ports(settings))),
            # Where k3s puts CoreDNS.
            "DNS_SERVER": str(services[10]),
            "DNS_NAME": f"kubernetes.default.svc.{settings.cluster_domain}",
            "SMOKE_NAMESPACE": SMOKE_NAMESPACE,
            "BUDGET": str(max(1, int(deadline - MARGIN))),
            "PULL_PROBE_TIMEOUT": str(PULL_PROBE_TIMEOUT),
        },
    )
    # The word that lets an account without sudo read as far as it can.
    said = ask(case.target, "sh -s facts", launched(script, settings.sudo_password), deadline)
    return parse_on_nas(said.so_far if isinstance(said, Unreadable) else said)


def _tls(
    settings: Settings,
    target: SshTarget,
    daemon: DaemonProxy | None,
    through: tuple[str, ...],
    deadline: float,
) -> Tls:
    if daemon is None or not through:
        return Tls(why_not="no registry is asked through a proxy")
    return certificate_through(target, daemon, through[0], settings.ca_certificates_file, deadline)
