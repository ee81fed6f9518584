"""HTTP proxy rules: the URL with its credentials, and the NO_PROXY list.

The rules for NO_PROXY are those of Go's `golang.org/x/net/http/httpproxy`, because dockerd, k3s,
kubelet and containerd are all Go programs: a comma list of IP addresses, CIDR blocks, domain names
(match themselves and their subdomains), `.domain` (subdomains only), `*` alone (everything).
CIDR blocks match literal IP addresses only; globs such as `10.1.*` match nothing, silently.
"""

from __future__ import annotations

import base64
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
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)(://)|(https?):/*", re.IGNORECASE)
_SERVER = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(?::([0-9]+))?/?", re.IGNORECASE)
_LAST_IPV4 = re.compile(r"(?:\A|[:@/])((?:[0-9]+\.){3}[0-9]+(?::[0-9]{1,5})?)/?\Z")
_CREDENTIALS_APART = "a user and a password go into proxyUser and proxyPassword, in plain text"
_PERCENT_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadValueError(ValueError):
    """A value that cannot be used; `why` and `fix` are clauses for the user.

    With `hide` the value may be a secret, whatever its setting, and is not shown.
    """

    def __init__(self, why: str, fix: str, *, hide: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.fix = fix
        self.hide = hide


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
    def authorization(self) -> str:
        """Value of a Proxy-Authorization header, or empty. Holds the password."""
        if not self.has_credentials:
            return ""
        login = f"{self.user}:{self.password or ''}"
        return f"Basic {base64.b64encode(login.encode()).decode()}"

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
    if any(character.isspace() or not character.isprintable() for character in text):
        raise BadValueError(
            "contains white space or control characters",
            f"write it without spaces; {_CREDENTIALS_APART}",
        )
    shape = _shape(text)
    if not shape.slashes:
        why = "has no '//' behind its scheme" if shape.scheme else "has no scheme"
        missing = "" if shape.port or not shape.host else " and no port"
        raise BadValueError(f"{why}{missing}", _http_url(shape))
    # Neither what `urlsplit` says nor what it takes for the host may be shown from here on, before
    # it is certain that no piece of a password is in it.
    if "@" in "".join(re.split(r"([/?#])", text.partition("://")[2], maxsplit=1)[1:]):
        raise BadValueError(
            "has a '/', '?' or '#' in its credentials",
            "set proxyUser and proxyPassword in plain text instead, they are encoded for you",
        )
    plain = f"write http://HOST:PORT; {_CREDENTIALS_APART}"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        raise BadValueError("is not a URL", plain) from None
    try:
        port = parts.port
    except ValueError:
        raise BadValueError("has a port that is no number from 1 to 65535", plain) from None
    if parts.scheme not in ("http", "https"):
        raise BadValueError(
            f"has the scheme {shape.scheme!r}; dockerd and containerd speak to http:// and "
            "https:// proxies",
            "write http://HOST:PORT (the proxy's own protocol, not the one of the sites behind it)",
        )
    if not host:
        raise BadValueError("names no host", plain)
    if not (is_ip(host) or is_hostname(host)):
        raise BadValueError("has a host that is no name or address", plain)
    if port is None:
        raise BadValueError(
            "has no port: Go programs would silently use port "
            f"{443 if parts.scheme == 'https' else 80}",
            _http_url(shape),
        )
    if port == 0:
        raise BadValueError("has port 0", "write the port that the proxy listens on, 1 to 65535")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadValueError("has something behind the port", "remove it, from the '/' on")
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


@dataclass(frozen=True)
class _Shape:
    """What may be shown of a text that should be a proxy's URL: no piece of a password is in it.

    `host` and `port` are empty unless what follows the scheme (and an '@') is HOST or HOST:PORT;
    `tail` is an IPv4 address with or without a port at the end of whatever else it is.
    """

    scheme: str
    slashes: bool
    userinfo: bool
    host: str
    port: str
    tail: str


def _shape(text: str) -> _Shape:
    match = _SCHEME.match(text)
    scheme, slashes = "", False
    if match:
        scheme, slashes = (match[1] or match[3]).lower(), match[2] is not None
        text = text[match.end() :]
    _, at, rest = text.rpartition("@")
    host, port = _server(rest)
    if at and not port and not is_ip(host):
        host = ""  # it may be the end of a password that holds an '@'
    if not at and not scheme and "." not in host and not is_ip(host):
        port = ""  # USER:PASSWORD looks the same
    tail = _LAST_IPV4.search(rest)
    return _Shape(scheme, slashes, bool(at), host, port, tail[1] if tail else "")


def _server(text: str) -> tuple[str, str]:
    """Host and port of HOST or HOST:PORT, else empty texts."""
    if is_ip(text):
        return text, ""
    match = _SERVER.fullmatch(text)
    if not match:
        return "", ""
    host, port = match[1].strip("[]"), match[2] or ""
    fits = (is_ip(host) or is_hostname(host)) and (":" in host) == match[1].startswith("[")
    if not fits or (port and not (_PORT.fullmatch(port) and int(port) < 65536)):
        return "", ""
    return host, port


def _http_url(shape: _Shape) -> str:
    """What to write instead of a proxy whose scheme or port is missing."""
    scheme = shape.scheme or "http"
    host = bracketed(shape.host) or "HOST"
    fix = f"write {scheme}://{host}:{shape.port or 'PORT'}"
    if shape.host and not shape.port:
        fix += f", e.g. {scheme}://{host}:7222"
    return fix if shape.host and not shape.userinfo else f"{fix}; {_CREDENTIALS_APART}"


def mask_credentials(text: str) -> str:
    """A URL, damaged or not, as it may be shown.

    Rather too little than too much: a password may hold `/`, `#` or spaces that nobody encoded,
    and the `@` behind it may be missing.
    """
    shape = _shape(text)
    whole = bracketed(shape.host) + (f":{shape.port}" if shape.port else "")
    head = f"{shape.scheme}://" if shape.slashes else f"{shape.scheme}:" if shape.scheme else ""
    if shape.userinfo:
        return f"{head}xxxxx:xxxxx@{whole or shape.tail or '...'}"
    if shape.host and _server(text[_scheme_length(text) :]) == (shape.host, shape.port):
        return text
    return f"{head}{whole and f'{whole}:'}...{shape.tail}"


def _scheme_length(text: str) -> int:
    match = _SCHEME.match(text)
    return match.end() if match else 0


def may_hold_credentials(text: str) -> bool:
    """Whether a value that is no proxy may hold a password nevertheless: a URL, or `USER:PW@`."""
    return "://" in text or re.search(r":[^@]*@", text) is not None


def check_no_proxy_entry(entry: str) -> str:
    """One NO_PROXY entry, normalised (trimmed, `*.x` as `.x`).

    Raises:
        BadValueError: for what Go would silently never match, with the entry to write instead.
    """
    text = entry.strip()
    if not text:
        raise BadValueError("is empty", "remove the entry")
    if re.search(r"[,;\s]", text):
        if "://" in text:
            why = "holds several entries with a scheme among them; NO_PROXY holds hosts only"
            raise BadValueError(why, "write HOST,HOST (in a file: [HOST, HOST])")
        parts = [part for part in re.split(r"[,;\s]+", text) if part]
        # Of a URL they may be pieces of a password.
        shown = "HOST, HOST" if may_hold_credentials(text) or "@" in text else ", ".join(parts)
        raise BadValueError("holds several entries; this setting is a list", f"write [{shown}]")
    if "://" in text:
        host = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
        # Else it may be a piece of a password.
        shown = host if _server(host)[0] and "@" not in text else "HOST"
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
    if "%" in text:
        raise BadValueError(
            "has a zone ('%'), which Go programs match with nothing",
            "write the address without the '%' and what follows, or a CIDR block",
        )
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


def _split_port(entry: str) -> tuple[str, str]:
    """Host and port of `registry.lan:5000` or `[fd00::1]:5000`; without a port it is empty."""
    match = re.fullmatch(r"(\[[^]]*\]|[^:]*):(\d+)", entry)
    host, port = (match[1], match[2]) if match else (entry, "")
    return host.strip("[]"), port


def is_bypassed(host: str, no_proxy: str, port: int | None = None) -> bool:
    """Whether Go programs reach `host` (a name or literal address) without the proxy.

    An entry with a port counts for that port alone (golang.org/x/net/http/httpproxy).
    """
    name = host.lower().strip("[]")
    address = ipaddress.ip_address(name) if is_ip(name) else None
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    for text in (part.strip().lower() for part in no_proxy.split(",")):
        entry, own_port = _split_port(text)
        if own_port and own_port != str(port):
            continue
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
