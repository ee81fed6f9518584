"""Checks of single values of the config: each gives the value as the program uses it.

All raise `BadValueError`, which says what is wrong and what to write instead.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable

from nas.errors import set_command
from nas.proxy import BadValueError, check_no_proxy_entry, is_hostname, is_ip, parse_proxy

PACKAGED_COMPONENTS = ("coredns", "local-storage", "metrics-server", "servicelb", "traefik")
"""What k3s brings along and `disable` turns off."""


def host(text: str) -> str:
    """Name or address of the NAS."""
    if not text:
        raise BadValueError(
            "is needed: it names the NAS to set up", set_command("host", "192.168.31.88")
        )
    if "://" in text or "/" in text:
        raise BadValueError("is a URL or path", "write the NAS's name or address only")
    if "@" in text:
        raise BadValueError("holds a user", "write the user in sshUser, and here what follows '@'")
    bare = text.strip("[]")
    if "%" in bare:
        raise BadValueError(
            "holds a zone ('%'), which only this machine would understand",
            "write a name of the NAS, or an address that needs no zone, e.g. 192.168.31.88",
        )
    if not is_ip(bare):
        if ":" in bare:
            raise BadValueError("holds a port", "write the port in sshPort")
        if not is_hostname(bare):
            raise BadValueError("is no name or address", "write e.g. nas.lan or 192.168.31.88")
    return bare


def user(text: str) -> str:
    """An account for SSH."""
    # docker's ssh:// URL has no room for the backslash and '@' of domain users (pulumi-docker#635).
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise BadValueError(
            "holds characters that an ssh:// URL cannot carry",
            "use a local account of the NAS, e.g. admin",
        )
    return text


def block(example: str) -> Callable[[str], str]:
    """A check of CIDR blocks; where nothing better is known it proposes `example`."""

    def check(text: str) -> str:
        if "/" not in text:
            fix = f"{text}/{24 if '.' in text else 64}" if is_ip(text) else example
            near = str(ipaddress.ip_network(fix, strict=False))
            raise BadValueError("is no CIDR block: it has no '/'", f"write e.g. {near}")
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            pass
        try:
            near = str(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise BadValueError("is not a CIDR block", f"write e.g. {example}") from None
        raise BadValueError("is not a CIDR block: it has host bits set", f"write {near}")

    return check


def lan(text: str) -> str:
    """The LAN's block."""
    checked = block("192.168.31.0/24")(text)
    if ipaddress.ip_network(checked).prefixlen == 0:
        raise BadValueError(
            "would bypass the proxy for everything", "write your LAN only, e.g. 192.168.31.0/24"
        )
    return checked


def cluster_block(text: str) -> str:
    """Addresses of the pods.

    The controller manager cuts a /24 (IPv6: a /64) for each node out of it, from a block that is
    at most 16 bits wider (kubernetes/pkg/controller/nodeipam).
    """
    checked = block("10.42.0.0/16")(text)
    network = ipaddress.ip_network(checked)
    longest = 24 if network.version == 4 else 64
    if not longest - 16 <= network.prefixlen <= longest:
        example = "10.42.0.0/16" if network.version == 4 else "fd00:42::/56"
        raise BadValueError(
            f"is not between /{longest - 16} and /{longest}: a node gets a /{longest} of it",
            f"write e.g. {example}",
        )
    return checked


def service_block(text: str) -> str:
    """Addresses of the services; the tenth is the one of the cluster's DNS."""
    checked = block("10.43.0.0/16")(text)
    network = ipaddress.ip_network(checked)
    if network.num_addresses < 16:
        example = "10.43.0.0/16" if network.version == 4 else "fd00:43::/112"
        raise BadValueError(
            "is too small: it has no tenth address, which is the one of the cluster's DNS",
            f"write e.g. {example}",
        )
    return checked


def address(text: str) -> str:
    """A literal address."""
    if not is_ip(text):
        raise BadValueError("is not an IP address", "write e.g. 192.168.31.88")
    return text


_PART = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


def name(text: str) -> str:
    """A name in Kubernetes: a DNS subdomain, short enough for the label of a node."""
    if len(text) > 63 or not re.fullmatch(rf"{_PART}(?:\.{_PART})*", text):
        raise BadValueError(
            "is no valid name in Kubernetes",
            "write at most 63 lower-case letters, digits, '-' and '.', each part between dots "
            f"beginning and ending with one of the first two, e.g. {near_name(text)}",
        )
    return text


_PUBLIC_REGISTRIES = (
    "registry-1.docker.io",
    "docker.io",
    "ghcr.io",
    "quay.io",
    "gcr.io",
    "registry.k8s.io",
    "public.ecr.aws",
    "mcr.microsoft.com",
    "registry.gitlab.com",
)


def cluster_domain(text: str) -> str:
    """A DNS domain of the cluster's own: what lies in it is reached without the proxy, and in pods
    its names are looked up in the cluster alone."""
    domain = name(text)
    hidden = [host for host in _PUBLIC_REGISTRIES if f".{host}".endswith(f".{domain}")]
    if hidden:
        raise BadValueError(
            f"is no domain of the cluster's own: {hidden[0]} lies in it, and k3s would neither "
            "ask the proxy for that nor let pods find it",
            "write one that nobody has on the internet, e.g. cluster.local",
        )
    return domain


def stack(text: str) -> str:
    """The stack's name, which becomes part of names in Kubernetes."""
    try:
        return name(text)
    except BadValueError:
        raise BadValueError(
            "is no valid name of a node, which is called like the stack",
            f"pulumi stack rename {near_name(text)} (at most 63 lower-case letters, digits, '-' "
            "and '.')",
        ) from None


def near_name(text: str) -> str:
    """A valid name that looks like `text`."""
    parts = re.sub(r"[^a-z0-9.]+", "-", text.lower())[:63].split(".")
    return ".".join(filter(None, (part.strip("-") for part in parts))) or "nas"


def container_name(text: str) -> str:
    """A name that Docker takes: two characters at least."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,61}[a-z0-9]", text):
        raise BadValueError(
            "is no valid name of a container",
            "write 2 to 63 lower-case letters, digits, '-' and '.', beginning and ending with one "
            "of the first two, e.g. k3s",
        )
    return text


def nas_path(example: str) -> Callable[[str], str]:
    """A check of paths on the NAS that are put into scripts."""

    def check(text: str) -> str:
        if not re.fullmatch(r"/[^\s'\"$`\\*?\[\]]*[^\s'\"$`\\*?\[\]/]", text):
            raise BadValueError(
                "is no absolute path of a file on the NAS (without spaces and quotes)",
                f"write e.g. {example}",
            )
        return text

    return check


def nas_directory(text: str) -> str:
    """An absolute path on the NAS that is put into scripts, without a slash at its end."""
    path = text.rstrip("/")
    parts = path.split("/")[1:]
    if not re.fullmatch(r"(?:/[^\s/'\"$`\\\\*?\[\]:,|]+)+", path) or {".", ".."} & set(parts):
        raise BadValueError(
            "is no absolute path of a directory on the NAS (without spaces, quotes, ':' and ',')",
            "write e.g. /share/CACHEDEV1_DATA/k3s",
        )
    return path


def own_path(example: str) -> Callable[[str], str]:
    """A check of paths on this machine, where people put the file's content instead."""

    def check(text: str) -> str:
        # What the base64 of every OpenSSH key begins with.
        if "\n" in text or "\r" in text or "PRIVATE KEY" in text or "b3BlbnNzaC1rZXk" in text:
            raise BadValueError(
                "is the content of a file, not its path",
                f"write the path, e.g. {example}; a key that lay in the config in plain text "
                "should be replaced",
                hide=True,
            )
        return text

    return check


def home_path(example: str) -> Callable[[str], str]:
    """A check of paths on this machine that have to mean the same from every directory."""
    is_path = own_path(example)

    def check(text: str) -> str:
        is_path(text)
        if not re.match(r"/|~/", text) or text.endswith("/"):
            raise BadValueError(
                "is no whole path of a file", f"begin it with / or ~/, e.g. {example}"
            )
        return text

    return check


def line(text: str) -> str:
    """One line."""
    if "\n" in text or "\r" in text:
        raise BadValueError("holds more than one line", "write one line")
    return text


def secret_line(text: str) -> str:
    """A password or token: one line."""
    if "\n" in text or "\r" in text:
        raise BadValueError(
            "holds a line end", "write one line, without a line end behind it (`printf %s`)"
        )
    return text


def proxy(text: str) -> str:
    """The proxy's URL, as far as it can be judged without `proxyUser` and `proxyPassword`."""
    url = parse_proxy(text)
    name = url.host.lower()
    address = ipaddress.ip_address(name) if is_ip(name) else None
    if name == "localhost" or name.endswith(".localhost") or (address and address.is_loopback):
        raise BadValueError(
            "is the NAS itself there: the NAS is what asks the proxy, not this machine",
            f"write the proxy's address in the LAN, e.g. {url.scheme}://192.168.31.198:"
            f"{url.port}, also when it runs on the NAS",
        )
    if address and (address.is_unspecified or address.is_multicast):
        raise BadValueError(
            "is no address that anything can be reached at", "write the proxy's address in the LAN"
        )
    if ":" in (url.user or ""):
        raise BadValueError(
            "has a ':' in its user, which the proxy would take for the user's end",
            "write a user without ':'",
        )
    if re.search(r"[\0\r\n]", f"{url.user or ''}{url.password or ''}"):
        raise BadValueError(
            "has a line end or NUL character in its credentials",
            "set proxyUser and proxyPassword in plain text instead, one line each",
        )
    return text


def proxy_user(text: str) -> str:
    """The user that a proxy is told with HTTP's basic authentication (RFC 7617)."""
    if ":" in text:
        raise BadValueError(
            "holds a ':', which the proxy would take for the end of the user's name",
            "write the name only; the password goes into proxyPassword",
            hide=True,
        )
    return line(text)


def san(text: str) -> str:
    """A name or address for the API's certificate."""
    if not (is_ip(text) or is_hostname(text)):
        raise BadValueError("is no name or address", "write e.g. nas.example.lan or 100.64.0.5")
    return text


def version(text: str) -> str:
    """A release of k3s, as its image tag spells it."""
    match = re.fullmatch(r"(v\d+\.\d+\.\d+)[-+](k3s\d+)", text, re.ASCII)
    if not match:
        raise BadValueError(
            "is no k3s release (there is no `latest` tag)", "write e.g. v1.34.4-k3s1"
        )
    # Releases are spelt with '+', image tags cannot hold one.
    return f"{match[1]}-{match[2]}"


def snapshot(text: str) -> str:
    """Name of a snapshot of the cluster's data, as `up` says it."""
    name = text.removesuffix(".tar")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*-\d{8}T\d{6}Z", name, re.ASCII):
        raise BadValueError(
            "is no name of a snapshot",
            "write it as `pulumi up` said it, e.g. v1.34.4-k3s1-20260131T093000Z",
        )
    return name


no_proxy = check_no_proxy_entry


_KEY_TYPES = ("ssh-ed25519", "ecdsa-", "sk-", "ssh-")
"""Beginnings of the types of host keys, the most wanted first."""


def host_key(text: str) -> str:
    """`TYPE BASE64` of the best key in what ssh-keyscan, known_hosts or a .pub file say."""
    lines = [row for row in text.splitlines() if row.strip() and not row.lstrip().startswith("#")]
    if not lines:
        # Pasted into one line, the comment of ssh-keyscan stands before the key.
        match = re.search(r"\b(?:ssh|ecdsa|sk)-\S+\s+\S+", text)
        lines = [match[0]] if match else [text]
    found: list[str] = []
    fault: BadValueError | None = None
    for row in lines:
        try:
            found.append(_host_key(row))
        except BadValueError as error:
            fault = fault or error
    if found:
        return min(found, key=_rank)
    assert fault is not None
    raise fault


def _rank(key: str) -> int:
    return next(index for index, kind in enumerate(_KEY_TYPES) if key.startswith(kind))


def _host_key(text: str) -> str:
    fields = text.split()
    if len(fields) > 2 and not fields[0].startswith(_KEY_TYPES):
        fields = fields[1:]  # a known_hosts or ssh-keyscan line: the host comes first
    if len(fields) < 2 or not fields[0].startswith(_KEY_TYPES):
        raise BadValueError(
            "is no SSH host key",
            "write what `ssh-keyscan -t ed25519 HOST` prints, e.g. 'ssh-ed25519 AAAA...'",
        )
    if not _is_whole_key(fields[0], fields[1]):
        raise BadValueError("is cut off or damaged", "copy the whole line of ssh-keyscan again")
    if fields[0] == "ssh-rsa":
        # The Command provider then asks for SHA-1 signatures, which no current sshd gives.
        raise BadValueError(
            "is an RSA key, which remote commands cannot use",
            "write another key of the NAS: `ssh-keyscan -t ed25519 HOST`, or -t ecdsa",
        )
    return f"{fields[0]} {fields[1]}"


def _is_whole_key(kind: str, text: str) -> bool:
    """Whether the blob is a row of length-prefixed fields (RFC 4253), the first its type."""
    try:
        blob = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    fields = []
    while len(blob) >= 4:
        end = 4 + int.from_bytes(blob[:4], "big")
        fields.append(blob[4:end])
        if len(blob) < end:
            return False
        blob = blob[end:]
    return not blob and len(fields) >= 2 and fields[0] == kind.encode()


_EXAMPLE_IMAGE = "docker.io/rancher/k3s:v1.34.4-k3s1"
_IMAGE_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"


def image(text: str) -> str:
    """A whole image reference with tag or digest.

    Grammar: github.com/distribution/reference. The first component is a registry when it holds a
    '.' or ':' or is localhost.
    """
    fix = f"write e.g. {_EXAMPLE_IMAGE}"
    if "://" in text:
        raise BadValueError("is a URL", f"write it without the scheme, e.g. {_EXAMPLE_IMAGE}")
    if re.search(r"\s", text):
        raise BadValueError("holds white space", fix)
    rest, at, digest = text.partition("@")
    if at and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise BadValueError(
            "has no whole digest behind its '@'", "write sha256: and 64 hexadecimal digits"
        )
    first, slash, path = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        server, _, port = first.rpartition(":") if re.search(r":\d+\Z", first) else (first, "", "")
        bare = server[1:-1] if server.startswith("[") and server.endswith("]") else server
        if not (is_ip(bare) or is_hostname(bare)) or (port and not 0 < int(port) < 65536):
            raise BadValueError("names a registry that is no HOST or HOST:PORT", fix)
    else:
        path = rest
    path, colon, tag = path.partition(":")
    if not all(re.fullmatch(_IMAGE_PART, part) for part in path.split("/")):
        raise BadValueError(
            "has a name that no registry takes: lower-case letters and digits, '/' between its "
            "parts",
            fix,
        )
    if colon and not re.fullmatch(r"\w[\w.-]{0,127}", tag, re.ASCII):
        raise BadValueError("has a tag that no registry takes", fix)
    if not digest and tag in ("", "latest"):
        unpinned = text.removesuffix(f":{tag}")
        raise BadValueError("pins no version", f"write a tag or digest, e.g. {unpinned}:1.2.3")
    return text


def component(text: str) -> str:
    """A packaged component of k3s."""
    if text not in PACKAGED_COMPONENTS:
        raise BadValueError(
            "is no component that k3s brings along",
            f"write one of {', '.join(PACKAGED_COMPONENTS)}",
        )
    return text
