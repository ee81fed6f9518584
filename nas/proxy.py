"""HTTP proxy rules: the URL with its credentials, and the NO_PROXY list.

The rules for NO_PROXY are those of Go's `golang.org/x/net/http/httpproxy`, because dockerd, k3s,
kubelet and containerd are all Go programs: a comma list of IP addresses, CIDR blocks, domain names
(match themselves and their subdomains), `.domain` (subdomains only), `*` alone (everything).
CIDR blocks match literal IP addresses only; globs such as `10.1.*` match nothing, silently.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

LOOPBACK: tuple[str, ...] = ("localhost", "127.0.0.0/8", "::1")

_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
# A name that ends in a number is an address with a mistake in it, as in the URL standard.
_HOSTNAME = re.compile(
    rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?!\d+\Z){_LABEL}", re.IGNORECASE | re.ASCII
)
_GLOB = re.compile(r"(\d{1,3}(?:\.\d{1,3}){0,2})\.\*(?:\.\*)*\Z", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_PERCENT_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadValueError(ValueError):
    """A value that cannot be used; `why` and `fix` are clauses for the user."""

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(why)
        self.why = why
        self.fix = fix


def is_ip(text: str) -> bool:
    """Whether `text` is a literal IPv4 or IPv6 address, without a zone: URLs and Go take none."""
    if "%" in text:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_hostname(text: str) -> bool:
    """Whether `text` is a DNS name (underscores allowed, as NAS owners use them)."""
    return _HOSTNAME.fullmatch(text) is not None


def bracketed(host: str) -> str:
    """The host as a URL spells it: IPv6 literals in square brackets."""
    return f"[{host}]" if ":" in host else host


@dataclass(frozen=True)
class ProxyUrl:
    """An HTTP proxy. `user` and `password` are plain text here, percent-encoded only in `url`.

    `url` holds the password: whoever passes it on marks it secret.
    """

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = None

    @property
    def address(self) -> str:
        """`host:port`, safe to show."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def url(self) -> str:
        """The URL for daemon.json and for environment variables; credentials encoded once.

        Go parses it with net/url: everything outside the unreserved set is escaped in user and
        password (docker/for-linux#1149, docker/docs#19118). `%` is not doubled: only systemd
        unit lines need that.
        """
        return f"{self.scheme}://{self._userinfo(quoted)}{self.address}"

    @property
    def masked(self) -> str:
        """The URL as `docker info` shows it: credentials as xxxxx:xxxxx."""
        return f"{self.scheme}://{self._userinfo(lambda _: 'xxxxx')}{self.address}"

    @property
    def has_credentials(self) -> bool:
        return self.user is not None

    def _userinfo(self, spell: Callable[[str], str]) -> str:
        if self.user is None:
            return ""
        if self.password is None:
            return f"{spell(self.user)}@"
        return f"{spell(self.user)}:{spell(self.password)}@"


def quoted(text: str) -> str:
    """Percent-encodes one userinfo part; everything but RFC 3986's unreserved characters."""
    return quote(text, safe="")


def parse_proxy(text: str, user: str | None = None, password: str | None = None) -> ProxyUrl:
    """Reads a proxy URL such as `http://192.168.31.198:7222`.

    Credentials come either inside the URL, percent-encoded as in any URL, or as plain text in
    `user` and `password`; both at once are refused.

    Raises:
        BadValueError: with the URL to write instead.
    """
    if any(character.isspace() for character in text):
        raise BadValueError("contains white space", "write it without spaces")
    if "://" not in text:
        raise BadValueError("has no scheme", f"write http://{mask_credentials(text)}")
    # Neither what `urlsplit` says nor what it takes for the host may be shown from here on, before
    # it is certain that no piece of a password is in it.
    if "@" in "".join(re.split(r"([/?#])", text.partition("://")[2], maxsplit=1)[1:]):
        raise BadValueError(
            "has a '/', '?' or '#' in its credentials",
            "set proxyUser and proxyPassword in plain text instead, they are encoded for you",
        )
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise BadValueError("is not a URL", "write http://HOST:PORT") from None
    try:
        port = parts.port
    except ValueError:
        raise BadValueError(
            "has a port that is no number from 1 to 65535", "write http://HOST:PORT"
        ) from None
    if parts.scheme not in ("http", "https"):
        raise BadValueError(
            f"has the scheme {parts.scheme!r}; dockerd and containerd speak to http:// and "
            "https:// proxies",
            "write http://HOST:PORT (the proxy's own protocol, not the one of the sites behind it)",
        )
    if not host:
        raise BadValueError("names no host", "write http://HOST:PORT")
    if not (is_ip(host) or is_hostname(host)):
        raise BadValueError(
            f"has the host {host!r}, which is no name or address", "write HOST:PORT"
        )
    if port is None:
        raise BadValueError(
            "has no port: Go programs would silently use port "
            f"{443 if parts.scheme == 'https' else 80}",
            f"write {parts.scheme}://{bracketed(host)}:PORT, e.g. {parts.scheme}://"
            f"{bracketed(host)}:7222",
        )
    if port == 0:
        raise BadValueError("has port 0", "write the port that the proxy listens on, 1 to 65535")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadValueError(
            "has something behind the port", f"write {parts.scheme}://{bracketed(host)}:{port}"
        )
    if "@" in parts.netloc and user is not None:
        raise BadValueError(
            "holds credentials, and proxyUser is set too",
            "keep one of the two; proxyUser and proxyPassword take plain text",
        )
    if parts.username is not None:
        raw = parts.netloc.rpartition("@")[0]
        if _PERCENT_ESCAPE.search(raw):
            raise BadValueError(
                "has a '%' in its credentials that starts no percent-escape",
                "set proxyUser and proxyPassword in plain text instead, they are encoded for you",
            )
        user = unquote(parts.username)
        password = None if parts.password is None else unquote(parts.password)
    return ProxyUrl(parts.scheme, host, port, user, password)


def mask_credentials(text: str) -> str:
    """A URL, damaged or not, with everything before its last `@` masked but the scheme.

    Rather too much than too little: a password may hold `/`, `#` or spaces that nobody encoded.
    """
    head, at, rest = text.rpartition("@")
    if not at:
        return text
    scheme = re.match(r"[a-z][a-z0-9+.-]*://", head, re.IGNORECASE)
    return f"{scheme[0] if scheme else ''}xxxxx:xxxxx@{rest}"


def check_no_proxy_entry(entry: str) -> str:
    """One NO_PROXY entry, normalised (trimmed, `*.x` as `.x`).

    Raises:
        BadValueError: for what Go would silently never match, with the entry to write instead.
    """
    text = entry.strip()
    if not text:
        raise BadValueError("is empty", "remove the entry")
    if re.search(r"[,;\s]", text):
        parts = [part for part in re.split(r"[,;\s]+", text) if part]
        # With an '@' they may be pieces of a password.
        shown = "HOST, HOST" if "@" in text else ", ".join(parts)
        raise BadValueError("holds several entries; this setting is a list", f"write [{shown}]")
    if "://" in text:
        host = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
        # With an '@' it may be a piece of a password.
        shown = host if host and "@" not in text else "HOST"
        raise BadValueError("has a scheme; NO_PROXY holds hosts only", f"write {shown}")
    glob = _GLOB.match(text)
    if glob:
        octets = glob.group(1).split(".")
        block = ".".join(octets + ["0"] * (4 - len(octets))) + f"/{8 * len(octets)}"
        raise BadValueError(
            "is a glob, which Go programs (dockerd, k3s, containerd) never match", f"write {block}"
        )
    if text == "*":
        raise BadValueError(
            "would bypass the proxy for everything", "remove it, or leave `proxy` unset"
        )
    if text.startswith("*."):
        text = text[1:]
    if "*" in text:
        raise BadValueError(
            "holds a '*' where Go programs (dockerd, k3s, containerd) match none",
            "write a CIDR block such as 10.1.0.0/16 or a domain such as .example.lan",
        )
    if "/" in text:
        return _check_block(text)
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if is_ip(address):
        return address
    return _check_host_and_port(text)


def _check_block(text: str) -> str:
    try:
        block = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadValueError(
            f"is not a CIDR block ({error})", "write e.g. 192.168.31.0/24"
        ) from error
    return str(block)


def _check_host_and_port(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = port, ""
    # Go compares ports as text: 0443 would never match.
    if colon and not (_PORT.fullmatch(port) and int(port) < 65536):
        raise BadValueError(
            f"has the port {port!r}", "write HOST or HOST:PORT with a port 1 to 65535"
        )
    if host.startswith("[") and host.endswith("]"):
        fits = ":" in host and is_ip(host[1:-1])
    else:
        fits = ":" not in host and (is_ip(host) or is_hostname(host.removeprefix(".")))
    if not fits:
        raise BadValueError(
            "is no host name, domain, IP address or CIDR block",
            "write e.g. registry.lan, .example.lan, 192.168.31.5 or 192.168.31.0/24",
        )
    return text


def join_no_proxy(*groups: Iterable[str]) -> tuple[str, ...]:
    """The entries of all groups, in order, each once."""
    return tuple(dict.fromkeys(entry for group in groups for entry in group))


def daemon_no_proxy(hosts: Sequence[str], extra: Sequence[str]) -> tuple[str, ...]:
    """NO_PROXY of dockerd: loopback, the NAS itself, private registries, the owner's own."""
    return join_no_proxy(LOOPBACK, hosts, extra)


def cluster_no_proxy(
    *,
    cluster_cidr: str,
    service_cidr: str,
    cluster_domain: str,
    hosts: Sequence[str],
    extra: Sequence[str],
) -> tuple[str, ...]:
    """NO_PROXY of k3s: what the daemon bypasses plus everything inside the cluster.

    k3s itself adds `.svc`, the cluster domain and both CIDRs to NO_PROXY but never to
    CONTAINERD_NO_PROXY, and never the node's own addresses, without which `logs`, `exec`,
    webhooks and metrics go through the proxy (k3s-io/k3s#5712, #2176).
    """
    inside = (cluster_cidr, service_cidr, ".svc", f".{cluster_domain}")
    return join_no_proxy(LOOPBACK, inside, hosts, extra)


def is_bypassed(host: str, no_proxy: str) -> bool:
    """Whether Go programs reach `host` (a name or literal address) without the proxy.

    For entries without ports, which is what people put into their shell's NO_PROXY.
    """
    name = host.lower()
    address = ipaddress.ip_address(name) if is_ip(name) else None
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in (part.strip().lower() for part in no_proxy.split(",")):
        if entry == "*" or (entry and entry == name):
            return True
        if address is None:
            domain = entry.removeprefix("*").removeprefix(".")
            if domain and name.endswith(f".{domain}"):
                return True
        elif is_ip(entry):
            if ipaddress.ip_address(entry) == address:
                return True
        elif "/" in entry:
            try:
                if address in ipaddress.ip_network(entry, strict=False):
                    return True
            except ValueError:
                continue  # as Go does, silently
    return False
