"""What stops a run at once: the connection to the NAS."""

from __future__ import annotations

import pytest

from nas.facts import Facts, Unreadable
from nas.preflight import check_reachable
from nas.ssh import SshTarget
from tests.unit.samples import FACTS, host_key

KEY = host_key()
AWAY = Unreadable("away", "192.168.31.88:22: no route to host")
TOOL = Unreadable("tool", "there is no ssh program")
LOGIN = Unreadable("login", "192.168.31.88:22 does not let admin in")
HOST_KEY = Unreadable("host-key", "the host key is not the one that was pinned")


def check(
    facts: Facts | Unreadable, *, preview: bool, pinned: bool = True
) -> list[tuple[str, str, str]]:
    key = KEY if pinned else None
    target = SshTarget("nas88", "192.168.31.88", 2222, "admin", None, key)
    return [
        (problem.key, problem.why, problem.fix)
        for problem in check_reachable(target, facts, preview=preview)
    ]


@pytest.mark.parametrize("preview", [True, False])
def test_a_nas_that_answers_stops_nothing(preview: bool) -> None:
    assert check(FACTS, preview=preview) == []


@pytest.mark.parametrize("facts", [AWAY, TOOL])
def test_a_nas_that_is_off_stops_up_but_no_preview(facts: Unreadable) -> None:
    assert check(facts, preview=True) == []
    ((key, why, fix),) = check(facts, preview=False)
    assert key == "host"
    assert facts.reason in why
    assert "sshPort" in fix


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
