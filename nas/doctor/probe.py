"""Collects the evidence: two read-only SSH round trips and a look from here, all with limits."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from nas.checks.ports import asked_ports, needed_ports
from nas.daemon_proxy import plan_daemon_proxy
from nas.doctor.evidence import Case, Here, OnNas, parse_on_nas
from nas.facts import Facts, Unreadable, ask, parse_facts, read_facts
from nas.image_registries import needed_registries, registry_of
from nas.plan import planned_bypass, planned_kubelet_version, planned_node_ip
from nas.proxy_way import WayQuestion
from nas.reach import knock
from nas.remote_script import launched, render
from nas.server_command import server_env
from nas.settings import platform_variables
from nas.settings_reader import load_settings
from nas.smoke import SMOKE_NAMESPACE
from nas.ssh import ssh_target
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
    # A login without its password would only be one more that fails.
    question = WayQuestion(settings, login="proxyPassword" not in stack.unavailable)
    share = deadline * FACTS_SHARE
    facts = read_facts(settings, target, asked_ports(settings), share, question, patience=share / 3)
    if isinstance(facts, Unreadable) and facts.so_far:
        # SSH works, and something behind it hangs.
        facts = parse_facts(facts.so_far, question)
    known = facts if isinstance(facts, Facts) else None
    node_ip = planned_node_ip(settings, known)
    bypass = planned_bypass(settings, known)
    daemon = plan_daemon_proxy(settings, node_ip)
    if daemon is not None and "proxyPassword" in stack.unavailable:
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
    with ThreadPoolExecutor(max_workers=2) as pool:
        on_nas = pool.submit(_on_nas, case, through, beside, left)
        api = pool.submit(knock, settings.host, settings.api_port)
        return replace(
            case,
            nas=on_nas.result(),
            here=replace(case.here, api=api.result()),
        )


def _on_nas(
    case: Case, through: tuple[str, ...], beside: tuple[str, ...], deadline: float
) -> OnNas:
    settings, daemon = case.settings, case.daemon
    services = ipaddress.ip_network(settings.service_cidr, strict=False)
    url = None if daemon is None else daemon.url
    script = render(
        "doctor.sh",
        {
            **platform_variables(settings),
            "CONTAINER": settings.container_name,
            "IMAGE": settings.image,
            "REGISTRY": registry_of(settings.image),
            "REGISTRY_SPARED": "yes" if daemon is not None and daemon.registry_spared else "no",
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
