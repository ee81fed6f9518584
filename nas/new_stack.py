"""The config file of a new stack, made from what its NAS is. Pure: reads and writes nothing."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import yaml

from nas.checks.ports import API_PORTS, KUBELET_PORT
from nas.drift import without_credentials
from nas.errors import NAMESPACE, Problem, RefusedError, set_command
from nas.fact_lines import Network
from nas.facts import Facts
from nas.host_key import HostKey
from nas.plan import make_plan
from nas.platforms import platform_named
from nas.proxy import is_ip
from nas.settings import EXAMPLES, Settings

PORTS = (*API_PORTS, KUBELET_PORT)
"""What the facts of a new stack have to look at."""
HARD = frozenset({"platform", "host", "sshUser"})
"""Refusals of a plan that leave nothing to write a file for; the others are to do before `up`."""


@dataclass(frozen=True)
class NewStack:
    """What a user gets.

    Attributes:
        text: the file.
        todo: what stands in the way of the first `up`, or what it will do besides.
        secrets: keys that still have to be set with `pulumi config set --secret`.
    """

    text: str
    todo: tuple[str, ...]
    secrets: tuple[str, ...]


def new_stack(settings: Settings, facts: Facts, key: HostKey) -> NewStack:
    """Decides what the file says.

    Args:
        settings: what the user gave; its proxy may carry a password, which is never written.
        facts: the NAS, read with `PORTS`.

    Raises:
        RefusedError: when this NAS cannot carry a stack as it is.
    """
    needs_sudo = facts.uid not in (None, 0) and facts.sudo == "needed"
    if facts.docker and not facts.engine and not needs_sudo:
        raise RefusedError(
            [
                Problem(
                    "--host",
                    json.dumps(settings.host),
                    "has a Docker that does not answer",
                    "start Docker on the NAS, then run this again",
                    is_setting=False,
                )
            ]
        )
    api_port = _api_port(facts)
    chosen = settings.model_copy(update={"api_port": api_port, "platform": facts.platform})
    todo: list[str] = []
    try:
        todo += make_plan(chosen, facts).warnings
    except RefusedError as refused:
        hard = [problem for problem in refused.problems if problem.key in HARD]
        if hard:
            raise RefusedError(hard) from None
        todo += [
            f"{problem.key}: {problem.why}; {problem.fix}"
            for problem in refused.problems
            if problem.key != "sudoPassword"
        ]
    proxy = settings.proxy_url
    wanted = {
        "proxyPassword": proxy is not None and proxy.password is not None,
        "sudoPassword": needs_sudo,
    }
    secrets = tuple(key for key, is_wanted in wanted.items() if is_wanted)
    text = "\n".join(_lines(settings, facts, key, api_port, secrets)) + "\n"
    return NewStack(text, tuple(todo), secrets)


def _api_port(facts: Facts) -> int:
    if facts.own_container and facts.container_port:
        return facts.container_port
    free = (port for port in API_PORTS if port not in facts.ports_taken)
    # All taken: the plan then names it, as it does in preview.
    return next(free, API_PORTS[0])


def _node_ip(settings: Settings, facts: Facts) -> str | None:
    """The address that the NAS itself saw us come to, not one that is forwarded to it."""
    for text in (facts.address, settings.host):
        if is_ip(text) and not ipaddress.ip_address(text).is_loopback:
            return text
    return None


def _lan(settings: Settings, facts: Facts, address: str) -> Network | None:
    """The network of the NAS's own address, where it is one that this cluster can live beside."""
    own = ipaddress.ip_address(address)
    of_docker = {subnet for network in facts.docker_networks for subnet in network.subnets}
    ours = [ipaddress.ip_network(b) for b in (settings.cluster_cidr, settings.service_cidr)]
    found = [
        network
        for network in {route.network for route in facts.routes} - of_docker
        # A route to one address is none to a LAN.
        if own in network and network.num_addresses > 2
    ]
    if not found:
        return None
    lan = max(found, key=lambda network: network.prefixlen)
    return None if any(lan.overlaps(block) for block in ours) else lan


def _lines(
    settings: Settings, facts: Facts, key: HostKey, api_port: int, secrets: tuple[str, ...]
) -> Iterator[str]:
    row = platform_named(facts.platform)
    what = facts.platform if row is None else row.title
    docker = f", Docker {facts.engine}" if facts.engine else ""
    read = datetime.fromtimestamp(facts.time or 0, UTC)
    name = facts.hostname or settings.host
    yield f"# {name}: {what}{docker}, {facts.machine}; read {read:%Y-%m-%d}."
    yield f"# {EXAMPLES} shows every other setting."
    yield "config:"
    yield "  # ---- the NAS, reached over SSH"
    yield _entry("host", settings.host)
    yield _entry("sshPort", settings.ssh_port)
    yield _entry("sshUser", settings.ssh_user)
    if settings.ssh_private_key_file:
        yield _entry("sshPrivateKeyFile", settings.ssh_private_key_file)
    else:
        yield "  # The keys of your SSH agent are used; sshPrivateKeyFile names a file instead."
    yield f"  # Fingerprint {key.fingerprint}."
    yield _entry("sshHostKey", key.key)
    yield "  # As this NAS says; auto would find it out at each run."
    yield _entry("platform", facts.platform)
    if "sudoPassword" in secrets:
        ask = set_command("sudoPassword", secret=True)
        yield f"  # sudo asks {settings.ssh_user} for a password: {ask}"
    yield ""
    yield "  # ---- the proxy"
    yield from _proxy_lines(settings, facts, secrets)
    yield ""
    yield "  # ---- the cluster"
    yield _entry("k3sVersion", settings.k3s_version)
    address = _node_ip(settings, facts)
    if address is not None:
        yield "  # The address of the NAS that this connection reached. With networkMode bridge the"
        yield "  # node has its container's own: remove this then."
        yield _entry("nodeIp", address)
    if facts.own_container:
        yield f"  # The port of the container {facts.own_container}, which is this stack's."
    elif api_port != API_PORTS[0]:
        yield f"  # The usual {API_PORTS[0]} is taken on this NAS."
    else:
        yield "  # Free on this NAS."
    yield _entry("apiPort", api_port)
    yield "  # These two would take ports 80 and 443 from the web pages of the NAS."
    yield _entry("disable", settings.disable)
    yield "  # destroy leaves the cluster's data on the NAS; false removes it."
    yield _entry("keepData", settings.keep_data)


def _proxy_lines(settings: Settings, facts: Facts, secrets: tuple[str, ...]) -> Iterator[str]:
    proxy = settings.proxy_url
    if proxy is None:
        used = without_credentials(facts.http_proxy)
        if used:
            yield "  # Docker on this NAS uses this proxy already:"
        else:
            yield "  # None. Where the NAS needs one to reach registries:"
        yield f"  # {NAMESPACE}:proxy: {used or 'http://192.168.31.198:7222'}"
        return
    yield "  # As the NAS reaches it."
    yield _entry("proxy", f"{proxy.scheme}://{proxy.address}")
    if proxy.user is not None:
        yield _entry("proxyUser", proxy.user)
    if "proxyPassword" in secrets:
        yield f"  # Its password is not written here: {set_command('proxyPassword', secret=True)}"
    yield "  # What in k3s uses it: all, images (containerd only) or none."
    yield _entry("proxyScope", settings.proxy_scope)
    if facts.no_restart_policy:
        names = ", ".join(facts.no_restart_policy)
        yield f"  # Docker restarts once for its proxy, and {names} would not come back by"
        yield "  # themselves: they are started. when-safe refuses that, never leaves it to you."
    else:
        yield "  # Docker restarts once for its proxy; never leaves that to you."
    yield _entry("restartDaemon", settings.restart_daemon)
    address = _node_ip(settings, facts)
    if address is None:
        return
    lan = _lan(settings, facts, address)
    if lan is not None:
        yield "  # Your LAN, as the NAS's routes have it: reached without the proxy."
        yield _entry("lanCidr", str(lan))
        return
    near = ipaddress.ip_network(f"{address}/{24 if '.' in address else 64}", strict=False)
    yield "  # What of your LAN pods reach without the proxy; the NAS did not tell its size:"
    yield f"  # {NAMESPACE}:lanCidr: {near}"


def _entry(key: str, value: object) -> str:
    spelt = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=float("inf")
    ).removesuffix("\n...\n")
    return f"  {NAMESPACE}:{key}: {spelt.strip()}"
