"""The way of an image through the proxy: what stands in it, for doctor, preview and up alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nas.daemon_proxy import DaemonProxy, daemon_differs
from nas.errors import NOT_SHOWN, Problem
from nas.facts import Facts
from nas.messages import text
from nas.proxy import ProxyUrl
from nas.settings import Settings
from nas.tls_greeting import Tls

_NO_CONNECTION: Mapping[str, str] = {
    "refused": "proxy-down",
    "silent": "proxy-silent",
    "unreachable": "proxy-unreachable",
    "unknown-name": "proxy-name",
    "plain": "proxy-plain",
}
_MAY_COME = frozenset({"firewall-silent", "registries-silent"})
"""Nothing was said so far: a proxy that is slow is not refused for it."""


@dataclass(frozen=True)
class Obstacle:
    """What stands in the way. `leaf` is one of the catalogue, `values` are its placeholders."""

    leaf: str
    values: Mapping[str, str]


def check_connection(url: ProxyUrl, came_to: str, answer: str) -> Obstacle | None:
    """Whether the proxy takes connections and is one.

    Args:
        came_to: what a connection came to, as `nas.proxy_way.Way` has it.
        answer: first line of an answer to CONNECT, empty without one.
    """
    if came_to == "open":
        if answer and url.scheme == "http" and not answer.startswith("HTTP/"):
            return Obstacle("proxy-no-http", {"proxy": url.address, "said": answer})
        return None
    leaf = _NO_CONNECTION.get(came_to, "proxy-fails")
    return Obstacle(leaf, {"proxy": url.address, "said": came_to})


def check_login(url: ProxyUrl, answer: str) -> Obstacle | None:
    """Whether the proxy takes the stack's user and password."""
    if " 407" not in answer:
        return None
    leaf = "proxy-login-missing" if url.user is None else "proxy-login-wrong"
    return Obstacle(leaf, {"proxy": url.address, "user": url.user or "-"})


def check_registry(url: ProxyUrl, registry: str, answer: str) -> Obstacle | None:
    """Whether the proxy lets the NAS through to `registry`."""
    values = {"proxy": url.address, "registry": registry}
    if not answer:
        return Obstacle("registries-silent", values)
    if " 200" in answer or " 407" in answer:
        return None
    return Obstacle("registries-blocked", {**values, "answer": answer})


def check_trust(tls: Tls, ca_file: str | None) -> Obstacle | None:
    """Whether k3s will trust the registry's certificate, as far as that was seen."""
    if tls.trusted is not False:
        return None
    leaf = "tls-resigned" if ca_file is None else "tls-other-ca"
    return Obstacle(leaf, {"issuer": tls.issuer, "file": ca_file or "-"})


def find_obstacle(settings: Settings, facts: Facts) -> Obstacle | None:
    """The first thing that stands in the way, None also where nobody could ask."""
    url, way = settings.proxy_url, facts.way
    if url is None or not way.proxy:
        return None
    if way.proxy == "silent":
        return Obstacle("firewall-silent", {"proxy": url.address, "rule": ""})
    found = check_connection(url, way.proxy, way.answer)
    if found is not None or url.scheme != "http":
        return found
    found = check_login(url, way.answer) or check_registry(url, way.registry, way.answer)
    # Docker has CAs of its own for a registry.
    if found is not None or settings.proxy_scope == "none":
        return found
    return check_trust(way.tls, settings.ca_certificates_file)


def refused_obstacle(
    settings: Settings, facts: Facts, daemon: DaemonProxy | None
) -> Obstacle | None:
    """The one on which this up would founder half way."""
    found = find_obstacle(settings, facts)
    if found is None or daemon is None or not _founders(facts, daemon, found):
        return None
    return found


def check_proxy(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[Problem]:
    """What is refused: an obstacle on which this up would founder half way."""
    found = refused_obstacle(settings, facts, daemon)
    if found is None:
        return []
    key, value = _setting(settings, found)
    return [Problem(key, value, *_told(found))]


def proxy_warnings(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[str]:
    """What is told of an obstacle where an up can still end well, such as one that heals."""
    found = find_obstacle(settings, facts)
    if found is None or daemon is None or _founders(facts, daemon, found):
        return []
    return [": ".join(_told(found))]


def _founders(facts: Facts, daemon: DaemonProxy, found: Obstacle) -> bool:
    if found.leaf in _MAY_COME:
        return False
    first = not facts.container and facts.cluster_data != "there"
    # A cluster that runs has its images; but Docker is not restarted for a proxy that is no use.
    return first or (not found.leaf.startswith("tls-") and daemon_differs(facts, daemon))


def _setting(settings: Settings, found: Obstacle) -> tuple[str, str | None]:
    url = settings.proxy_url
    if found.leaf.startswith("tls-"):
        return "caCertificatesFile", settings.ca_certificates_file
    if found.leaf == "proxy-login-wrong":
        return "proxyPassword", NOT_SHOWN
    if found.leaf == "proxy-login-missing":
        return "proxyUser", None
    return "proxy", None if url is None else url.masked


def _told(found: Obstacle) -> tuple[str, str]:
    seen = text(f"doctor.{found.leaf}.seen", "en", **found.values)
    return seen, text(f"doctor.{found.leaf}.fix", "en", **found.values)
