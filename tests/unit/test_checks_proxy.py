"""What stands in the way of an image, before anything changes: refused, warned of, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nas.checks.image import check_image
from nas.checks.proxy import check_proxy, proxy_warnings
from nas.daemon_proxy import plan_daemon_proxy
from nas.facts import Facts, parse_facts
from nas.proxy_way import Way, WayQuestion
from nas.tls_greeting import Tls
from tests.unit.certificates import COMPANY, company
from tests.unit.doctor_samples import CONNECTED, HUB, PASSWORD
from tests.unit.samples import facts, settings
from tests.unit.test_tls_greeting import answered

OK = Tls("R11", trusted=True)
STRANGER = Tls(COMPANY, trusted=False)
DENIED = "HTTP/1.1 407 Proxy Authentication Required"
SECURE = {"proxy": "https://192.168.31.198:7222"}
LOGIN = {"proxyUser": "nas", "proxyPassword": PASSWORD}
WELL = {"container": "running", "cluster_data": "there"}
DOWN = Way("refused", HUB)


def looked(way: Way, seen: Mapping[str, Any] | None = None, /, **config: str) -> tuple[str, str]:
    """The refusal and the warning, empty without one."""
    made = settings(**config)
    daemon = plan_daemon_proxy(made, "192.168.31.88")
    assert daemon is not None
    known: Facts = facts(way=way, **(seen or {}))
    problems = check_proxy(made, known, daemon)
    warnings = proxy_warnings(made, known, daemon)
    return "\n".join(map(str, problems)), "\n".join(warnings)


def configured(**seen: Any) -> dict[str, Any]:
    """A daemon that has the proxy already."""
    daemon = plan_daemon_proxy(settings(), "192.168.31.88")
    assert daemon is not None
    return {
        "http_proxy": daemon.shown,
        "https_proxy": daemon.shown,
        "no_proxy": ",".join(daemon.no_proxy),
        **seen,
    }


@pytest.mark.parametrize(
    ("way", "config", "key", "words"),
    [
        (DOWN, {}, "proxy = ", "192.168.31.198:7222 refuses connections"),
        (Way("unreachable", HUB), {}, "proxy = ", "has no way to"),
        (Way("unknown-name", HUB), {}, "proxy = ", "does not know the name"),
        (Way("nc: odd", HUB), {}, "proxy = ", "nc: odd"),
        (Way("plain", HUB), SECURE, "proxy = ", "set nas-k3s:proxy to http://"),
        (Way("open", HUB, "SSH-2.0-x"), {}, "proxy = ", "is no HTTP proxy"),
        (Way("open", HUB, DENIED), LOGIN, "proxyPassword = [not shown]", "password of nas"),
        (Way("open", HUB, DENIED), {}, "proxyUser is not set", "wants a user"),
        (Way("open", HUB, "HTTP/1.1 403 Forbidden"), {}, "proxy = ", "403 Forbidden"),
        (Way("open", HUB, CONNECTED, STRANGER), {}, "caCertificatesFile is not set", COMPANY),
    ],
)
def test_a_first_up_is_refused_for_what_it_would_founder_on(
    way: Way, config: dict[str, str], key: str, words: str
) -> None:
    refusal, warning = looked(way, None, **config)
    assert f"nas-k3s:{key}" in refusal
    assert words in refusal
    assert PASSWORD not in refusal
    assert warning == ""


@pytest.mark.parametrize(
    "way",
    [
        Way(),
        Way("open", HUB, CONNECTED, OK),
        Way("open", HUB, CONNECTED, Tls(why_not="no certificate came")),
    ],
)
def test_a_way_that_is_free_or_was_not_seen_is_no_word_worth(way: Way) -> None:
    assert looked(way) == ("", "")


@pytest.mark.parametrize("way", [Way("silent", HUB), Way("open", HUB, "")])
def test_a_proxy_that_says_nothing_may_only_be_slow_and_is_warned_of(way: Way) -> None:
    refusal, warning = looked(way)
    assert refusal == ""
    assert "answer" in warning


@pytest.mark.parametrize("way", [DOWN, Way("open", HUB, CONNECTED, STRANGER)])
@pytest.mark.parametrize("container", ["running", "exited", ""])
def test_where_the_cluster_is_there_an_up_may_change_nothing_or_heal(
    way: Way, container: str
) -> None:
    seen = configured(container=container, cluster_data="there")
    refusal, warning = looked(way, seen)
    assert refusal == ""
    assert "\n" not in warning
    assert warning


def test_docker_is_not_restarted_for_a_proxy_that_is_down() -> None:
    refusal, _ = looked(DOWN, WELL)
    assert "refuses connections" in refusal


def test_a_stranger_does_not_keep_docker_of_a_cluster_from_its_proxy() -> None:
    refusal, warning = looked(Way("open", HUB, CONNECTED, STRANGER), WELL)
    assert refusal == ""
    assert "caCertificatesFile" in warning


def test_without_the_proxy_in_k3s_its_trust_is_no_matter() -> None:
    assert looked(Way("open", HUB, CONNECTED, STRANGER), proxyScope="none") == ("", "")


# ---- from the lines of the script to the way


def told(made: WayQuestion, **lines: str) -> Way:
    return parse_facts("".join(f"{key}={text}\n" for key, text in lines.items()), made).way


def hello(made: WayQuestion) -> bytes:
    text = made.variables["TLS_HELLO"]
    return bytes(int(number, 8) for number in text.split("\\")[1:])


def test_a_greeting_goes_through_the_script_and_its_answer_is_judged(tmp_path: Path) -> None:
    _, pair = company(tmp_path)
    made = WayQuestion(settings(smokeImage="registry.test/a/b:1", k3sImage="registry.test/k3s:v1"))
    flight = f"{CONNECTED}\r\n\r\n".encode() + answered(hello(made), pair)
    way = told(made, way="open", way_answer=CONNECTED, way_tls=flight.hex())
    assert way == Way("open", "registry.test:443", CONNECTED, STRANGER)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ({"way": "open", "way_answer": DENIED}, DENIED),
        ({"way": "refused"}, "not reached"),
        ({}, "no nc"),
        ({"way": "open", "way_answer": CONNECTED, "way_tls": "zz"}, "no certificate"),
    ],
)
def test_without_a_certificate_it_is_told_why(lines: dict[str, str], why: str) -> None:
    tls = told(WayQuestion(settings()), **lines).tls
    assert tls.trusted is None
    assert why in tls.why_not


def test_the_login_goes_along_unless_its_password_could_not_be_read() -> None:
    made = settings(**LOGIN)
    assert WayQuestion(made).variables["PROXY_AUTH"].startswith("Basic ")
    assert WayQuestion(made, login=False).variables["PROXY_AUTH"] == ""


@pytest.mark.parametrize(
    "config",
    [{"proxy": ""}, {"noProxy": "registry-1.docker.io"}],
)
def test_nothing_is_asked_where_no_image_comes_through_the_proxy(config: dict[str, str]) -> None:
    assert WayQuestion(settings(**config)).variables["PROXY_HOST"] == ""


def test_a_proxy_that_speaks_tls_is_only_knocked_at() -> None:
    variables = WayQuestion(settings(proxy="https://proxy.lan:3129")).variables
    assert (variables["PROXY_HOST"], variables["TLS_HELLO"]) == ("proxy.lan", "")


# ---- the image itself


@pytest.mark.parametrize(
    ("config", "key", "fix"),
    [
        ({"k3sVersion": "v1.34.99-k3s1"}, "k3sVersion", "k3s-io/k3s/releases"),
        ({"k3sImage": "reg.lan:5000/k3s:v1.34.4-k3s1"}, "k3sImage", "a tag or digest"),
    ],
)
def test_an_image_that_no_registry_has_is_refused_before_anything_changes(
    config: dict[str, str], key: str, fix: str
) -> None:
    made = settings(**config)
    assert check_image(made, facts()) == []
    (problem,) = check_image(made, facts(image_missing="manifest unknown"))
    assert problem.key == key
    assert made.image in problem.why
    assert fix in problem.fix
