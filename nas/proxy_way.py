"""The way of an image through the proxy, asked by the NAS while its facts are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nas import no_proxy
from nas.image_registries import needed_registries
from nas.proxy import ProxyUrl
from nas.settings import Settings
from nas.tls_greeting import Greeting, NoGreetingError, Tls


@dataclass(frozen=True)
class Way:
    """What the way through the proxy came to.

    Attributes:
        proxy: what a connection to the proxy came to: `open`, `refused`, `silent`, `unreachable`,
            `unknown-name`, `plain` (HTTP where the setting says https), or what nc said; empty: was
            not asked.
        registry: `host:port` that the proxy was asked for.
        answer: first line of the proxy's answer to CONNECT; empty: none came.
        tls: the registry's certificate.
    """

    proxy: str = ""
    registry: str = ""
    answer: str = ""
    tls: Tls = field(default_factory=lambda: Tls(why_not="no registry is asked through a proxy"))


class WayQuestion:
    """What the NAS is to ask its proxy, and the judgement of what it brings back."""

    def __init__(self, settings: Settings, *, login: bool = True) -> None:
        """Prepares the question.

        Args:
            login: False: without the proxy's password, which could not be read.
        """
        self._url = settings.proxy_url
        self._login = login
        bypass = ",".join(no_proxy.for_cluster(settings, None))
        through, _ = needed_registries(settings, bypass)
        self._registry = through[0] if through else ""
        self._greeting: Greeting | None = None
        self._why_not = "no registry is asked through a proxy"
        if self._url is None or not through:
            return
        if self._url.scheme != "http":
            self._why_not = "the proxy itself speaks TLS"
            return
        name = self._registry.rpartition(":")[0]
        try:
            self._greeting = Greeting(name, settings.ca_certificates_file)
        except NoGreetingError as error:
            self._why_not = str(error)

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables of facts.sh. They hold the proxy's password."""
        return variables_of(
            self._url if self._registry else None,
            self._registry,
            b"" if self._greeting is None else self._greeting.hello,
            login=self._login,
        )

    def judge(self, proxy: str, answer: str, flight: str) -> Way:
        """The way, from what facts.sh printed. To be asked once.

        Args:
            flight: everything that came through the proxy, in hexadecimal.
        """
        tls = Tls(why_not=self._why_not)
        if self._greeting is not None:
            tls = Tls(why_not=_why_no_flight(proxy, answer))
            if " 200" in answer:
                try:
                    _, _, flown = bytes.fromhex(flight).partition(b"\r\n\r\n")
                except ValueError:
                    flown = b""
                tls = self._greeting.judge(flown)
        return Way(proxy, self._registry, answer, tls)


def _why_no_flight(proxy: str, answer: str) -> str:
    if answer:
        return f"the proxy answers '{answer}'"
    return "the proxy was not reached" if proxy else "there is no nc on the NAS"


def variables_of(
    url: ProxyUrl | None, registry: str = "", hello: bytes = b"", *, login: bool = True
) -> Mapping[str, str]:
    """Variables of facts.sh for a question; without a proxy nothing is asked."""
    return {
        "PROXY_SCHEME": "" if url is None else url.scheme,
        "PROXY_HOST": "" if url is None else url.host,
        "PROXY_PORT": "" if url is None else str(url.port),
        "PROXY_AUTH": url.authorization if url is not None and login else "",
        "REGISTRY": registry,
        # As a format of printf: no shell variable holds every byte.
        "TLS_HELLO": "".join(f"\\{byte:03o}" for byte in hello),
    }
