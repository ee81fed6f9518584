"""The proxy's URL with its credentials, and NO_PROXY as Go's programs read it."""

from __future__ import annotations

import ipaddress
import string
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nas.proxy import (
    BadValueError,
    ProxyUrl,
    check_no_proxy_entry,
    cluster_no_proxy,
    daemon_no_proxy,
    is_hostname,
    is_ip,
    join_no_proxy,
    mask_credentials,
    parse_proxy,
)
from tests.unit.go_no_proxy import GoNoProxy

# ---- the URL

ADDRESS = "192.168.31.198:7222"
any_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("user", "password", "userinfo"),
    [
        (r"LAB\svc", "p@s%#w/r:d", "LAB%5Csvc:p%40s%25%23w%2Fr%3Ad"),
        ("svc", "a%40b", "svc:a%2540b"),
        ("jürgen", "пароль", "j%C3%BCrgen:%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C"),
        ("svc", "with space+plus", "svc:with%20space%2Bplus"),
        ("svc", "", "svc:"),
        ("svc", None, "svc"),
        ("a.b-c_d~e", "A1", "a.b-c_d~e:A1"),
    ],
)
def test_plain_credentials_are_encoded_once(user: str, password: str | None, userinfo: str) -> None:
    proxy = parse_proxy(f"http://{ADDRESS}", user, password)
    assert proxy.url == f"http://{userinfo}@{ADDRESS}"


@pytest.mark.parametrize(
    "userinfo", ["LAB%5Csvc:p%40s%25%23w%2Fr%3Ad", "svc:a%2540b", "svc:pw", "svc", "svc:"]
)
def test_credentials_that_are_encoded_already_are_not_encoded_again(userinfo: str) -> None:
    url = f"http://{userinfo}@{ADDRESS}"
    assert parse_proxy(url).url == url


@given(any_text, st.none() | any_text)
def test_whatever_the_credentials_are_the_url_gives_them_back(
    user: str, password: str | None
) -> None:
    proxy = parse_proxy(f"http://{ADDRESS}", user, password)
    parts = urlsplit(proxy.url)
    assert (parts.hostname, parts.port) == ("192.168.31.198", 7222)
    assert unquote(parts.username or "") == user
    assert (None if parts.password is None else unquote(parts.password)) == password
    assert parse_proxy(proxy.url) == proxy


@pytest.mark.parametrize(
    ("user", "password", "masked"),
    [
        (None, None, f"http://{ADDRESS}"),
        ("svc", None, f"http://xxxxx@{ADDRESS}"),
        ("svc", "secret", f"http://xxxxx:xxxxx@{ADDRESS}"),
    ],
)
def test_the_masked_form_holds_no_credentials(
    user: str | None, password: str | None, masked: str
) -> None:
    proxy = parse_proxy(f"http://{ADDRESS}", user, password)
    assert proxy.masked == masked
    assert proxy.address == ADDRESS
    assert proxy.has_credentials == (user is not None)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://192.168.31.198:7222", ProxyUrl("http", "192.168.31.198", 7222)),
        ("http://192.168.31.198:7222/", ProxyUrl("http", "192.168.31.198", 7222)),
        ("https://Proxy.lan:443", ProxyUrl("https", "proxy.lan", 443)),
        ("http://[fd00::1]:3128", ProxyUrl("http", "fd00::1", 3128)),
        ("http://u:p@nas_proxy:1", ProxyUrl("http", "nas_proxy", 1, "u", "p")),
    ],
)
def test_a_good_proxy_is_read_as_it_stands(text: str, proxy: ProxyUrl) -> None:
    assert parse_proxy(text) == proxy


def test_an_ipv6_proxy_keeps_its_brackets() -> None:
    assert parse_proxy("http://[fd00::1]:3128").url == "http://[fd00::1]:3128"


@pytest.mark.parametrize(
    ("text", "why", "fix"),
    [
        ("http://192.168.31.198", "has no port", "http://192.168.31.198:7222"),
        ("http://[fd00::1]", "has no port", "http://[fd00::1]:7222"),
        ("https://p.lan", "port 443", "https://p.lan:PORT"),
        ("192.168.31.198:7222", "has no scheme", "write http://192.168.31.198:7222"),
        ("192.168.31.198", "no scheme and no port", "write http://192.168.31.198:PORT, e.g."),
        ("http:/192.168.31.198:7222", "no '//'", "write http://192.168.31.198:7222"),
        ("https:p.lan:7222", "no '//'", "write https://p.lan:7222"),
        ("user:pw", "no scheme", "http://HOST:PORT; a user and a password go into proxyUser"),
        ("user:pw@h:7222", "no scheme", "write http://h:7222; a user and a password go"),
        ("http://user:pw:host:7222", "no number from 1", "go into proxyUser and proxyPassword"),
        ("http://u:p@h:1\0", "control characters", "without"),
        ("socks5://192.168.31.198:1080", "scheme 'socks5'", "http://HOST:PORT"),
        ("http://:7222", "names no host", "http://HOST:PORT"),
        ("http://bad_host!:1", "no name or address", "HOST:PORT"),
        ("http://192.168.31:7222", "no name or address", "HOST:PORT"),
        ("http://p:0", "port 0", "1 to 65535"),
        ("http://p:65536", "no number from 1 to 65535", "http://HOST:PORT"),
        ("http://p:72a2", "no number from 1 to 65535", "http://HOST:PORT"),
        ("http://p:1/path", "behind the port", "remove it"),
        ("http://p:1?q", "behind the port", "remove it"),
        ("http:// p:1", "white space", "without spaces"),
        ("http://[fd00::1:3128", "is not a URL", "http://HOST:PORT"),
        ("http://u:50%off@p:1", "starts no percent-escape", "proxyPassword in plain text"),
        ("http://u:a/b@p:1", "in its credentials", "proxyPassword in plain text"),
    ],
)
def test_a_bad_proxy_is_refused_with_what_to_write(text: str, why: str, fix: str) -> None:
    with pytest.raises(BadValueError) as refused:
        parse_proxy(text)
    assert why in refused.value.why
    assert fix in refused.value.fix


def test_credentials_in_the_url_and_beside_it_are_refused() -> None:
    with pytest.raises(BadValueError, match="proxyUser is set too"):
        parse_proxy("http://u:p@proxy:1", "user")


SENTINEL = "S3NTINEL"
separators = st.text("/?#:@%[] \tü", max_size=4)


@given(
    st.sampled_from(["http://", "https://", "", "ftp://", "http:/", "//"]),
    st.tuples(separators, separators),
    st.sampled_from(["p:7222", "p", "p:x", "", "[fd00::1]:1", "p:1/x", "p:70000"]),
)
def test_no_message_about_a_proxy_holds_a_piece_of_its_password(
    scheme: str, around: tuple[str, str], rest: str
) -> None:
    text = f"{scheme}svc:{around[0]}{SENTINEL}{around[1]}@{rest}"
    assert SENTINEL not in mask_credentials(text)
    assert SENTINEL not in refusal_of(text)


def refusal_of(text: str) -> str:
    """The message about a proxy; empty for a good one."""
    try:
        parse_proxy(text)
    except BadValueError as refused:
        return refused.why + refused.fix
    return ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://u:p@h:1", "http://xxxxx:xxxxx@h:1"),
        ("u:p@h:1", "xxxxx:xxxxx@h:1"),
        ("http://u:a/b@c@h:1", "http://xxxxx:xxxxx@h:1"),
        ("http://h:1", "http://h:1"),
        ("http://proxy.lan", "http://proxy.lan"),
        ("192.168.31.198", "192.168.31.198"),
        ("fd00::1", "fd00::1"),
        ("proxy.lan:7222", "proxy.lan:7222"),
        ("http:/192.168.31.198:7222", "http:/192.168.31.198:7222"),
        ("user:12345", "user:..."),
        ("user:pw", "..."),
        ("http://user:pw", "http://..."),
        ("http://user:pw:proxy.lan:7222", "http://..."),
        ("http://user:pw:192.168.31.198:7222", "http://...192.168.31.198:7222"),
        ("http://u:p@pw", "http://xxxxx:xxxxx@..."),
        ("http://u:p@192.168.31.198", "http://xxxxx:xxxxx@192.168.31.198"),
    ],
)
def test_masking_keeps_what_is_no_secret(text: str, masked: str) -> None:
    assert mask_credentials(text) == masked


# ---- names and addresses


@pytest.mark.parametrize("text", ["nas", "nas_2", "NAS.lan", "a-b.example", "1nas", "n1", "1.nas"])
def test_a_name_is_a_hostname(text: str) -> None:
    assert is_hostname(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-a", "a-", "a..b", ".a", "a.", "a b", "a\n", "bücher", "ſ.lan", "a" * 64),
        *("192.168.31", "1", "1.2.3.999", "010.1.2.3"),
    ],
)
def test_what_is_no_name_is_no_hostname(text: str) -> None:
    assert not is_hostname(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.2.3.4", True), ("fd00::1", True), ("fe80::1%eth0", False), ("[fd00::1]", False)],
)
def test_an_address_is_bare_and_without_a_zone(text: str, expected: bool) -> None:
    assert is_ip(text) == expected


# ---- NO_PROXY

octet = st.integers(0, 255)
ipv4 = st.builds("{}.{}.{}.{}".format, octet, octet, octet, octet)
ipv6 = st.ip_addresses(v=6).map(str)
label = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=8).filter(
    lambda text: text.strip("-") == text and not text.isdigit()
)
name = st.lists(label, min_size=1, max_size=3).map(".".join)
port = st.integers(1, 65535)


def networks(v: int, shortest: int) -> st.SearchStrategy[str]:
    longest = 32 if v == 4 else 128

    def block(address: object, length: int) -> str:
        return str(ipaddress.ip_network(f"{address}/{length}", strict=False))

    blocks = st.builds(block, st.ip_addresses(v=4 if v == 4 else 6), st.integers(shortest, longest))
    # To Go an IPv4 address that is written as IPv6 is the IPv4 address.
    return blocks.filter(lambda text: not text.startswith("::"))


def member(block: str, draw: st.DataObject) -> str:
    """Some address of the block."""
    network = ipaddress.ip_network(block)
    return str(network[draw.draw(st.integers(0, network.num_addresses - 1))])


@given(
    st.data(),
    networks(4, 8) | networks(6, 32),
    networks(4, 8) | networks(6, 32),
    st.lists(ipv4 | ipv6 | name, min_size=1, max_size=4),
    networks(4, 8),
    name,
    port,
)
def test_nothing_inside_cluster_or_lan_ever_goes_to_the_proxy(
    data: st.DataObject,
    pods: str,
    services: str,
    hosts: list[str],
    lan: str,
    domain: str,
    number: int,
) -> None:
    entries = cluster_no_proxy(
        cluster_cidr=pods, service_cidr=services, cluster_domain=domain, hosts=hosts, extra=[lan]
    )
    go = GoNoProxy(",".join(entries))
    first = data.draw(label)
    inside = [
        *(member(block, data) for block in (pods, services, lan, "127.0.0.0/8")),
        *hosts,
        "localhost",
        "::1",
        f"{first}.default.svc",
        f"{first}.default.svc.{domain}",
        f"{first}.{domain}",
    ]
    assert [target for target in inside if go.uses_proxy(target, number)] == []


@pytest.mark.parametrize(
    "registry",
    ["registry-1.docker.io", "auth.docker.io", "gcr.io", "ghcr.io", "quay.io", "8.8.8.8"],
)
def test_registries_on_the_internet_do_go_to_the_proxy(registry: str) -> None:
    hosts = ["192.168.31.88", "nas88"]
    cluster = cluster_no_proxy(
        cluster_cidr="10.42.0.0/16",
        service_cidr="10.43.0.0/16",
        cluster_domain="cluster.local",
        hosts=hosts,
        extra=["192.168.31.0/24"],
    )
    for entries in (cluster, daemon_no_proxy(hosts, [])):
        assert GoNoProxy(",".join(entries)).uses_proxy(registry)


def test_the_daemon_reaches_loopback_and_the_nas_without_the_proxy() -> None:
    go = GoNoProxy(",".join(daemon_no_proxy(["192.168.31.88", "nas.lan"], ["registry.lan"])))
    for host in ("localhost", "127.0.0.1", "::1", "192.168.31.88", "nas.lan", "registry.lan"):
        assert not go.uses_proxy(host)


def test_entries_come_once_and_in_order() -> None:
    assert join_no_proxy(["b", "a"], ["a", "c"], ["b"]) == ("b", "a", "c")


@given(st.data(), networks(4, 0) | networks(6, 0))
def test_an_accepted_block_matches_its_addresses_and_no_neighbour(
    data: st.DataObject, block: str
) -> None:
    go = GoNoProxy(check_no_proxy_entry(block))
    network = ipaddress.ip_network(block)
    inside = ipaddress.ip_address(member(block, data))
    # Go takes an IPv4 address in IPv6 clothes for the IPv4 address that it is.
    assume(getattr(inside, "ipv4_mapped", None) is None)
    assert not go.uses_proxy(str(inside))
    outside = int(network.broadcast_address) + 1
    if outside < 2**network.max_prefixlen:
        neighbour = type(network.network_address)(outside)
        assert go.uses_proxy(str(neighbour)) != neighbour.is_loopback


@given(ipv4 | ipv6, port, port)
def test_an_accepted_address_matches_itself_and_only_at_its_port(
    address: str, number: int, other: int
) -> None:
    assert not GoNoProxy(check_no_proxy_entry(address)).uses_proxy(address, number)
    bracketed = f"[{address}]" if ":" in address else address
    go = GoNoProxy(check_no_proxy_entry(f"{bracketed}:{number}"))
    assert not go.uses_proxy(address, number)
    if other != number and not ipaddress.ip_address(address).is_loopback:
        assert go.uses_proxy(address, other)


@given(name, label, st.none() | port)
def test_an_accepted_name_matches_itself_and_its_subdomains(
    host: str, sub: str, number: int | None
) -> None:
    suffix = "" if number is None else f":{number}"
    whole = GoNoProxy(check_no_proxy_entry(f"{host}{suffix}"))
    assert not whole.uses_proxy(host, number or 443)
    assert not whole.uses_proxy(f"{sub}.{host}", number or 443)
    assert whole.uses_proxy(f"{sub}{host}", number or 443) == (f"{sub}{host}" != "localhost")
    for form in (f".{host}{suffix}", f"*.{host}{suffix}"):
        below = GoNoProxy(check_no_proxy_entry(form))
        assert below.uses_proxy(host, number or 443) == (host != "localhost")
        assert not below.uses_proxy(f"{sub}.{host}", number or 443)


# Characters that entries are made of, so that many pass and the rest fail in every way.
@given(st.text("0123456789abf.:*/[]-%_ ", min_size=1, max_size=20))
def test_every_entry_that_is_accepted_matches_something(entry: str) -> None:
    try:
        accepted = check_no_proxy_entry(entry)
    except BadValueError:
        return
    go = GoNoProxy(accepted)
    host, _, number = accepted.partition(":") if accepted.count(":") == 1 else (accepted, "", "")
    if "]:" in accepted:
        host, _, number = accepted[1:].partition("]:")
    host = host.partition("/")[0]
    targets = [host, f"sub{host}", f"sub.{host}"]
    assert not all(go.uses_proxy(target, int(number or 443)) for target in targets)


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        (" registry.lan ", "registry.lan"),
        ("*.example.lan", ".example.lan"),
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        ("[fd00::1]", "fd00::1"),
        ("[fd00::1]:443", "[fd00::1]:443"),
        ("Registry.lan:5000", "Registry.lan:5000"),
    ],
)
def test_an_entry_is_brought_to_the_form_that_go_understands(entry: str, accepted: str) -> None:
    assert check_no_proxy_entry(entry) == accepted


@pytest.mark.parametrize(
    ("entry", "why", "fix"),
    [
        ("10.1.*", "glob", "10.1.0.0/16"),
        ("10.10.10.*", "glob", "10.10.10.0/24"),
        ("192.*.*.*", "glob", "192.0.0.0/8"),
        ("nas*.lan", "'*'", "CIDR block"),
        ("*", "everything", "remove it"),
        ("", "empty", "remove"),
        ("a.lan; b.lan", "several entries", "[a.lan, b.lan]"),
        ("a.lan,b.lan", "several entries", "[a.lan, b.lan]"),
        ("http://nas.lan:80/x", "scheme", "write nas.lan:80"),
        ("http://[x", "scheme", "write HOST"),
        ("http://u:pw:h", "scheme", "write HOST"),
        ("http://u:p@s#w@nas", "scheme", "write HOST"),
        ("http://u:p w@nas", "several entries", "[HOST, HOST]"),
        ("://", "scheme", "write HOST"),
        ("192.168.31", "no host name", "192.168.31.0/24"),
        (".1.2.3.4", "no host name", "192.168.31.5"),
        ("10.0.0.0/33", "not a CIDR block", "192.168.31.0/24"),
        ("nas/24", "not a CIDR block", "192.168.31.0/24"),
        ("nas:0443", "port '0443'", "HOST:PORT"),
        ("nas:99999", "port '99999'", "HOST:PORT"),
        ("nas:http", "port 'http'", "HOST:PORT"),
        ("fe80::1%eth0", "zone", "without the '%'"),
        ("[nas", "no host name", "registry.lan"),
        ("[nas]:443", "no host name", "registry.lan"),
        ("bücher.lan", "no host name", "registry.lan"),
    ],
)
def test_an_entry_that_go_would_silently_ignore_is_refused_with_what_to_write(
    entry: str, why: str, fix: str
) -> None:
    with pytest.raises(BadValueError) as refused:
        check_no_proxy_entry(entry)
    assert why in refused.value.why
    assert fix in refused.value.fix
