"""Which way a proxy takes into the daemon, and the texts that are written there."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.daemon_routes import BLOCK_BEGIN, BLOCK_END, choose_route, drop_in, exports, fingerprint
from nas.platforms import PLATFORMS, platform_named
from tests.unit.ash import ash


@pytest.mark.parametrize(
    ("name", "engine", "route"),
    [
        ("qnap", "27.1.2-qnap8", "config-file"),
        ("qnap", "23.0.0", "config-file"),
        ("qnap", "20.10.24", "vendor-script"),
        ("synology", "24.0.2", "systemd"),
        ("synology", "20.10.3", "systemd"),
        ("systemd", "29.0.0", "config-file"),
        ("systemd", "22.06", "systemd"),
        ("truenas", "27.5.1", "refuse"),
        ("unraid", "27.5.1", "refuse"),
        ("custom", "28", "config-file"),
        ("custom", "19.03.9", "refuse"),
    ],
)
def test_platform_and_engine_give_the_route(name: str, engine: str, route: str) -> None:
    row = platform_named(name)
    assert row is not None
    choice = choose_route(row, engine)
    assert choice is not None
    assert choice.route == route
    assert bool(choice.why and choice.fix) == (route == "refuse")
    assert bool(choice.notice) == (route == "vendor-script")


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_daemon_that_uses_the_proxy_already_needs_nothing_unless_it_is_our_doing(
    row: object,
) -> None:
    platform = platform_named(row.name)  # type: ignore[attr-defined]
    assert platform is not None
    known = choose_route(platform, "27.1", ("http-proxy",), agrees=True)
    assert known is not None
    assert known.route == "none"
    ours = choose_route(platform, "27.1", ours=True, agrees=True)
    assert ours is not None
    assert ours.route == platform.routes[0]


def test_a_flag_of_the_running_daemon_is_refused_by_name() -> None:
    row = platform_named("qnap")
    assert row is not None
    choice = choose_route(row, "27.1", ("http-proxy", "no-proxy"))
    assert choice is not None
    assert choice.route == "refuse"
    assert "--http-proxy, --no-proxy" in choice.why


@pytest.mark.parametrize("engine", ["", "unknown", "v27"])
def test_without_a_version_nothing_is_chosen(engine: str) -> None:
    assert all(choose_route(row, engine) is None for row in PLATFORMS)


# ---- texts

# No line ends: neither a URL nor a list has one.
VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=30)


def systemd_reads(text: str) -> dict[str, str]:
    """The variables as systemd would set them: unquoted, C escapes undone, %% one percent sign."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r'Environment="(\w+)=((?:[^"\\]|\\.)*)"', line)
        if match:
            value = re.sub(r"\\(.)", r"\1", match[2])
            assert not re.search(r"(?<!%)(%%)*%(?!%)", value)
            found[match[1]] = value.replace("%%", "%")
    return found


@given(VALUES, VALUES)
def test_any_value_arrives_through_a_drop_in(one: str, two: str) -> None:
    wanted = {"HTTP_PROXY": one, "NO_PROXY": two}
    assert systemd_reads(drop_in(wanted)) == wanted


def test_an_encoded_password_has_its_percent_signs_doubled() -> None:
    url = f"http://svc:{quote('p@s%#w/r:d', safe='')}@h:1"
    line = drop_in({"HTTP_PROXY": url}).splitlines()[-1]
    assert line == 'Environment="HTTP_PROXY=http://svc:p%%40s%%25%%23w%%2Fr%%3Ad@h:1"'


@pytest.mark.parametrize("value", ["http://u:p%40@h:1", "a,'b\"$HOME`id`\\", "", " x "])
def test_a_block_exports_upper_and_lower_case(value: str) -> None:
    text = exports({"HTTP_PROXY": value})
    assert (text.splitlines()[0], text.splitlines()[-1]) == (BLOCK_BEGIN, BLOCK_END)
    done = ash(text + "env | grep -i '^http_proxy=' | sort\n")
    assert done.stdout.decode().splitlines() == [f"HTTP_PROXY={value}", f"http_proxy={value}"]


def test_a_fingerprint_is_what_md5sum_prints() -> None:
    assert ash("printf '%s' 'a b' | md5sum").stdout.decode().split()[0] == fingerprint("a b")
