"""The Docker daemon's proxy: what it has to be told, the way into it, and whether it knows."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nas import no_proxy
from nas.daemon_routes import Choice, choose_route, drop_in, exports, fingerprint, is_old
from nas.drift import without_credentials
from nas.facts import Facts
from nas.image_registries import is_spared, registry_of
from nas.platforms import platform_named
from nas.proxy import ProxyUrl
from nas.settings import Settings


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
        registry_spared: whether the daemon goes to the registry of the k3s image without it.
        authorization: value of a Proxy-Authorization header, or empty. Holds the password.
    """

    url: ProxyUrl
    proxies: str
    drop_in: str
    exports: str
    shown: str
    no_proxy: tuple[str, ...]
    registry_spared: bool
    authorization: str

    def variables(self) -> dict[str, str]:
        """It as shell variables of `scripts/daemon-proxy.sh`."""
        return {
            "PROXIES": self.proxies,
            "DROP_IN": self.drop_in,
            "EXPORTS": self.exports,
            "HTTP_PROXY_SHOWN": self.shown,
            "NO_PROXY_SHOWN": ",".join(self.no_proxy),
            "PROXY_SCHEME": self.url.scheme,
            "PROXY_HOST": self.url.host,
            "PROXY_PORT": str(self.url.port),
            "PROXY_AUTH": self.authorization,
            "REGISTRY_SPARED": "yes" if self.registry_spared else "no",
        }


def plan_daemon_proxy(settings: Settings, address: str | None) -> DaemonProxy | None:
    """What the daemon has to be told; None: the NAS needs no proxy."""
    url = settings.proxy_url
    if url is None:
        return None
    bypass = no_proxy.for_daemon(settings, address)
    proxies = {
        "http-proxy": url.url,
        "https-proxy": url.url,
        "no-proxy": ",".join(bypass),
    }
    environment = {key.upper().replace("-", "_"): value for key, value in proxies.items()}
    return DaemonProxy(
        url=url,
        proxies=json.dumps(proxies),
        drop_in=drop_in(environment),
        exports=exports(environment),
        shown=f"{url.scheme}://{url.address}",
        no_proxy=bypass,
        registry_spared=is_spared(registry_of(settings.image), proxies["no-proxy"]),
        authorization=url.authorization,
    )


def choice_for(facts: Facts, daemon: DaemonProxy) -> Choice | None:
    """The way into this NAS's daemon; None: the platform is not known."""
    row = platform_named(facts.platform)
    if row is None:
        return None
    # By hand, people write what they like into the no-proxy list.
    by_hand = row.routes[1 if is_old(facts.engine) else 0] == "refuse"
    agrees = _shows_proxy(facts, daemon) and (by_hand or _shows_list(facts, daemon))
    return choose_route(
        row, facts.engine, facts.dockerd_flags, ours=bool(facts.applied_put), agrees=agrees
    )


def _shows_proxy(facts: Facts, daemon: DaemonProxy) -> bool:
    shown = {without_credentials(text) for text in (facts.http_proxy, facts.https_proxy)}
    return shown == {daemon.shown}


def _shows_list(facts: Facts, daemon: DaemonProxy) -> bool:
    return facts.no_proxy == ",".join(daemon.no_proxy)


def daemon_differs(facts: Facts, daemon: DaemonProxy) -> bool:
    """Whether the running daemon uses something else than `daemon`."""
    return login_differs(facts, daemon) or shows_other(facts, daemon)


def shows_other(facts: Facts, daemon: DaemonProxy) -> bool:
    """Whether Docker itself shows something else than `daemon`; it shows no credentials."""
    if not facts.engine:
        return False
    return not (_shows_proxy(facts, daemon) and _shows_list(facts, daemon))


def login_differs(facts: Facts, daemon: DaemonProxy) -> bool:
    """Whether the last run wrote something else than `daemon`, be it only the credentials."""
    texts = (daemon.proxies, daemon.drop_in, daemon.exports)
    return bool(
        facts.engine and facts.applied_put and facts.applied_put not in map(fingerprint, texts)
    )
