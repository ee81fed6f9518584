"""launch.sh under BusyBox ash: the account of SSH becomes uid 0, or is told what is missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nas.facts import Facts, parse_facts
from nas.remote_script import launched, render
from tests.scripts.fake_nas import FAKE_ID, QPKG, FakeNas
from tests.scripts.rendered import SAMPLES
from tests.scripts.test_lint import ash_faults, shellcheck
from tests.unit.ash import ash

PASSWORD = "it's a \\ p@ss \"w$x` "
WRAPPER = "/usr/bin/docker"


def path(nas: FakeNas, password: str | None = None, **environment: str) -> tuple[int, str]:
    done = nas.launch(
        "docker-path.sh",
        "apply",
        SAMPLES["docker-path.sh"],
        sudo_password=password,
        environment=environment,
    )
    return done.status, done.out + done.err


def facts(nas: FakeNas, password: str | None = None) -> Facts:
    done = nas.launch(
        "facts.sh",
        "facts",
        SAMPLES["facts.sh"],
        sudo_password=password,
        environment={"SSH_CONNECTION": "192.168.31.7 50000 192.168.31.88 22"},
    )
    assert done.status == 0, done.err
    return parse_facts(done.out)


def test_the_launcher_is_clean_for_shellcheck_and_ash() -> None:
    text = launched("main() { :; }\n", PASSWORD)
    assert shellcheck(text) == ""
    assert ash_faults(text) == ""


def test_uid_0_needs_no_sudo(nas: FakeNas) -> None:
    nas.sudo("none")
    text = launched(render("docker-path.sh", SAMPLES["docker-path.sh"]), PASSWORD)
    done = nas.shell("sh -s apply", text)
    assert done.status == 0, done.err
    assert f"exec {QPKG}/bin/docker" in nas.read(WRAPPER)
    assert "sudo" not in nas.read(WRAPPER)
    assert not nas.path("/state/sudo/argv").exists()


def test_the_status_and_the_mode_go_through(nas: FakeNas) -> None:
    nas.sudo("free")
    text = launched('main() { printf "%s|" "$@"; return 7; }\nmain "$@"; exit $?\n', None)
    done = nas.shell("sh -s 'a b'", f"FAKE_UID=1000\n{text}")
    assert (done.status, done.out) == (7, "a b|")


@pytest.mark.parametrize(
    ("rule", "password"), [("free", None), ("free", PASSWORD), ("password", PASSWORD)]
)
def test_sudo_is_used_without_and_with_a_password_that_no_argument_holds(
    nas: FakeNas, rule: str, password: str | None
) -> None:
    nas.sudo(rule, PASSWORD)
    found = facts(nas, password)
    assert (found.uid, found.user, found.sudo) == (1000, "bob", rule)
    assert (found.platform, found.engine, found.address) == ("qnap", "27.1.2", "192.168.31.88")
    calls = nas.read("/state/sudo/argv")
    assert "sh -s facts" in calls
    assert "p@ss" not in calls


@pytest.mark.parametrize(
    ("rule", "password", "state", "words"),
    [
        ("password", None, "needed", "pulumi config set --secret nas-k3s:sudoPassword"),
        ("password", "wrong", "wrong", "does not take the password of the account bob"),
        ("none", PASSWORD, "sudoers", "the account bob (uid 1000) may not use sudo"),
        ("tty", PASSWORD, "tty", "Defaults:bob !requiretty"),
    ],
)
def test_each_missing_piece_has_its_own_message(
    nas: FakeNas, rule: str, password: str | None, state: str, words: str
) -> None:
    nas.sudo(rule, PASSWORD)
    status, said = path(nas, password)
    assert status == 1
    assert words in said
    assert "p@ss" not in said
    # Facts are read all the same, as far as this account can.
    found = facts(nas, password)
    assert (found.uid, found.sudo, found.platform) == (1000, state, "qnap")


@pytest.mark.parametrize("password", [None, PASSWORD])
def test_sudo_is_asked_about_the_shell_whose_rule_may_be_another(
    nas: FakeNas, password: str | None
) -> None:
    """A password that sudo does not ask for would be the first command of root's shell."""
    nas.sudo("shell", PASSWORD)
    found = facts(nas, password)
    assert (found.uid, found.sudo, found.platform) == (1000, "free", "qnap")


def test_a_nas_without_sudo_asks_for_the_account_with_uid_0(nas: FakeNas) -> None:
    status, said = path(nas)
    assert status == 1
    assert "the user bob (uid 1000)" in said
    assert "no sudo" in said
    assert "nas-k3s:sshUser" in said
    assert facts(nas).sudo == "absent"


def test_a_wrong_password_is_tried_once_a_run(nas: FakeNas) -> None:
    """More would lock the account."""
    nas.sudo("password", PASSWORD)
    path(nas, "wrong")
    calls = [line for line in nas.read("/state/sudo/argv").splitlines() if "-S" in line]
    assert calls == ["-k -S -p  sh -c :"]


def test_the_wrapper_uses_sudo_where_the_socket_is_closed_to_the_account(nas: FakeNas) -> None:
    nas.sudo("free")
    status, said = path(nas)
    assert status == 0, said
    assert f"exec sudo -n {QPKG}/bin/docker" in nas.read(WRAPPER)
    assert facts(nas).docker_access == "sudo"
    assert facts(nas).docker_on_path == WRAPPER


def test_a_rule_for_docker_alone_is_enough_for_the_wrapper(nas: FakeNas) -> None:
    nas.sudo("docker", PASSWORD)
    status, said = path(nas, PASSWORD)
    assert status == 0, said
    assert "exec sudo -n" in nas.read(WRAPPER)


def test_without_group_and_rule_docker_over_ssh_is_refused_with_both(nas: FakeNas) -> None:
    nas.sudo("password", PASSWORD)
    nas.write("/var/run/docker.sock", "")
    nas.path("/var/run/docker.sock").chmod(0o660)
    # In the fake root everybody is uid 0, who may write everything.
    text = launched(
        FAKE_ID + "SSH_SOCKET=no\n" + render("docker-path.sh", SAMPLES["docker-path.sh"]), PASSWORD
    )
    done = nas.shell("sh -s apply", FAKE_ID + text, environment={"FAKE_UID": "1000"})
    assert done.status == 1
    assert "bob may not use Docker over SSH" in done.err
    assert f"bob ALL=(root) NOPASSWD: {QPKG}/bin/docker" in done.err
    assert not nas.path(WRAPPER).exists()


def test_a_docker_on_the_path_that_the_account_may_not_use_gets_a_wrapper_before_it(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(kind="systemd")
    nas.sudo("free")
    nas.path("/usr/local/bin").mkdir(parents=True)
    status, said = path(nas, PATH="/usr/local/bin:/usr/bin:/bin")
    assert status == 0, said
    assert "exec sudo -n /usr/bin/docker" in nas.read("/usr/local/bin/docker")
    assert nas.read("/usr/bin/docker").startswith("#!/bin/sh\n# A docker CLI")


def test_text_that_is_cut_off_anywhere_runs_nothing() -> None:
    text = launched("echo ran\n", PASSWORD)
    end = len(text.rstrip("\n"))
    cuts = [*range(0, end, 97), *range(end - 40, end)]
    assert [cut for cut in cuts if b"ran" in ash(text[:cut], "apply").stdout] == []
