"""Go's rules for NO_PROXY, as a reference for tests.

Written after golang.org/x/net/http/httpproxy (`config.init` and `useProxy`), which dockerd, k3s,
kubelet and containerd use; parts of Go's `net` that it calls are here as far as they matter.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Matcher = Callable[[str, str, Address | None], bool]

_MAPPED = ipaddress.ip_network("::ffff:0:0/96")


class GoNoProxy:
    """One NO_PROXY value."""

    def __init__(self, no_proxy: str) -> None:
        self._matchers: list[Matcher] = []
        for piece in no_proxy.split(","):
            entry = piece.strip().lower()
            if entry == "*":
                self._matchers = [lambda _host, _port, _ip: True]
                return
            matcher = _matcher(entry) if entry else None
            if matcher is not None:
                self._matchers.append(matcher)

    def uses_proxy(self, host: str, port: int = 443) -> bool:
        """Whether a request to `host`, a name or a literal address, goes to the proxy."""
        if host == "localhost":
            return False
        ip = parse_ip(host)
        if ip is not None and ip.is_loopback:
            return False
        name = host.strip().lower()
        return not any(matches(name, str(port), ip) for matches in self._matchers)


def _matcher(entry: str) -> Matcher | None:
    block = _parse_block(entry)
    if block is not None:
        return lambda _host, _port, ip: ip is not None and block(ip)
    split = split_host_port(entry)
    name, wanted = split if split is not None else (entry, "")
    if not name:
        return None
    address = parse_ip(name)
    if address is not None:
        return lambda _host, port, ip: ip == address and wanted in ("", port)
    suffix = name.removeprefix("*") if name.startswith("*.") else name
    whole = not suffix.startswith(".")
    suffix = f".{suffix}" if whole else suffix

    def domain(host: str, port: str, ip: Address | None) -> bool:
        if ip is not None:
            return False
        fits = host.endswith(suffix) or (whole and host == suffix[1:])
        return fits and wanted in ("", port)

    return domain


def parse_ip(text: str) -> Address | None:
    """`net.ParseIP`: no zones, no leading zeros; IPv4 inside IPv6 counts as IPv4."""
    if "%" in text:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return _plain(address)


def _plain(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _parse_block(text: str) -> Callable[[Address], bool] | None:
    """`net.ParseCIDR` and `IPNet.Contains`: the length is a plain number, never a netmask."""
    base, slash, length = text.partition("/")
    digits = length.isascii() and length.isdigit()
    if not slash or not digits or "%" in base:
        return None
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address in _MAPPED:
        # Go takes the address for IPv4 then, and needs a mask that fits.
        if network.prefixlen < 96:
            return lambda _ip: False
        inner = network.network_address.ipv4_mapped
        network = ipaddress.ip_network(f"{inner}/{network.prefixlen - 96}", strict=False)
    return lambda ip: ip in network


def split_host_port(text: str) -> tuple[str, str] | None:
    """`net.SplitHostPort`; None where it gives an error."""
    last = text.rfind(":")
    if last < 0:
        return None
    if text.startswith("["):
        end = text.find("]")
        if end < 0 or end + 1 != last:
            return None
        host, after_open, after_close = text[1:end], text[1:], text[end + 1 :]
    else:
        host, after_open, after_close = text[:last], text, text
        if ":" in host:
            return None
    if "[" in after_open or "]" in after_close:
        return None
    return host, text[last + 1 :]
