"""What stops a run at once: the connection to the NAS."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nas.facts import Facts, Unreadable
from nas.preflight import check_operator_proxy, check_reachable
from nas.proxy import is_bypassed
from nas.ssh import SshTarget
from tests.unit.go_no_proxy import GoNoProxy
from tests.unit.samples import FACTS, host_key

KEY = host_key()
AWAY = Unreadable("away", "192.168.31.88:22: no route to host")
TOOL = Unreadable("tool", "there is no ssh program")
LOGIN = Unreadable("login", "192.168.31.88:22 does not let admin in")
HOST_KEY = Unreadable("host-key", "the host key is not the one that was pinned")

ENTRIES = st.sampled_from(
    [
        "nas.lan",
        "lan",
        ".lan",
        "*.lan",
        "other",
        "10.1.2.3",
        "fd00:0::5",
        "10.1.0.0/16",
        "10.1.*",
        "fd00::/8",
        "fd00::5",
        "*",
        "",
        " nas.lan ",
        "10.9.0.0/16",
        "s.lan",
    ]
)


def check(
    facts: Facts | Unreadable, *, preview: bool, pinned: bool = True
) -> list[tuple[str, str, str]]:
    key = KEY if pinned else None
    target = SshTarget("192.168.31.88", 2222, "admin", None, key)
    return [
        (problem.key, problem.why, problem.fix)
        for problem in check_reachable(target, facts, preview=preview)
    ]


@pytest.mark.parametrize("preview", [True, False])
def test_a_nas_that_answers_stops_nothing(preview: bool) -> None:
    assert check(FACTS, preview=preview) == []


@pytest.mark.parametrize(
    ("facts", "named", "words"),
    [(AWAY, "host", "sshPort"), (TOOL, "ssh", "install an OpenSSH client")],
)
def test_a_nas_that_is_not_reached_stops_up_but_no_preview(
    facts: Unreadable, named: str, words: str
) -> None:
    assert check(facts, preview=True) == []
    ((key, why, fix),) = check(facts, preview=False)
    assert key == named
    assert facts.reason in why
    assert words in fix


@pytest.mark.parametrize("preview", [True, False])
def test_a_login_that_fails_stops_both_before_the_nas_blocks_us(preview: bool) -> None:
    ((key, why, fix),) = check(LOGIN, preview=preview)
    assert key == "sshUser"
    assert "does not let admin in" in why
    assert "ssh-copy-id -p 2222 admin@192.168.31.88" in fix


@pytest.mark.parametrize("preview", [True, False])
def test_another_host_key_than_the_pinned_one_stops_both(preview: bool) -> None:
    ((key, why, fix),) = check(HOST_KEY, preview=preview)
    assert key == "sshHostKey"
    assert "not the one that was pinned" in why
    assert "somebody is in between" in fix


@pytest.mark.parametrize("facts", [FACTS, AWAY, HOST_KEY])
def test_without_any_host_key_up_is_refused_with_the_way_to_pin_it(
    facts: Facts | Unreadable,
) -> None:
    ((key, _why, fix),) = check(facts, preview=False, pinned=False)
    assert key == "sshHostKey"
    assert "ssh-keyscan -p 2222 -t ed25519 192.168.31.88" in fix
    assert "pulumi config set nas-k3s:sshHostKey" in fix


def test_without_any_host_key_a_preview_goes_on_without_facts() -> None:
    assert check(HOST_KEY, preview=True, pinned=False) == []


@pytest.mark.parametrize(
    ("environment", "refused"),
    [
        ({}, False),
        ({"HTTP_PROXY": "http://p:1"}, False),
        ({"HTTPS_PROXY": "http://p:1"}, True),
        ({"https_proxy": "http://p:1", "no_proxy": "localhost,10.0.0.0/8"}, True),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "192.168.31.88"}, False),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "localhost, 192.168.31.0/24"}, False),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "192.168.*"}, True),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, False),
    ],
)
def test_a_shell_that_sends_the_nas_to_its_own_proxy_is_refused(
    environment: dict[str, str], refused: bool
) -> None:
    problems = check_operator_proxy("192.168.31.88", environment)
    assert bool(problems) == refused
    assert all("export NO_PROXY=" in problem.fix for problem in problems)


def test_the_password_of_the_shells_proxy_is_not_shown() -> None:
    problems = check_operator_proxy("192.168.31.88", {"HTTPS_PROXY": "http://u:S3NTINEL@p:1"})
    assert "S3NTINEL" not in str(problems[0])


HOSTS = ["nas.lan", "NAS.lan", "10.1.2.3", "fd00::5", "localhost", "127.0.0.9", "::1"]


@given(st.sampled_from(HOSTS), st.lists(ENTRIES))
def test_a_bypass_is_what_go_takes_for_one(host: str, entries: list[str]) -> None:
    no_proxy = ",".join(entries)
    assert is_bypassed(host, no_proxy) == (not GoNoProxy(no_proxy).uses_proxy(host))


PORTED = st.builds("{}{}".format, ENTRIES, st.sampled_from(["", ":443", ":5000"]))


@given(st.sampled_from(HOSTS), st.lists(PORTED), st.sampled_from([443, 5000]))
@example("nas.lan", ["nas.lan:5000"], 5000)
@example("fd00::5", ["[fd00::5]:5000"], 5000)
def test_an_entry_with_a_port_counts_for_that_port(
    host: str, entries: list[str], port: int
) -> None:
    no_proxy = ",".join(entries)
    assert is_bypassed(host, no_proxy, port) == (not GoNoProxy(no_proxy).uses_proxy(host, port))
