"""launch.sh against the real sudo: what is missing for an account is told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from nas.remote_script import launched, render
from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.test_lab_profiles import on
from tests.lab.box import Lab
from tests.lab.profiles import ADMIN, ADMIN_UID
from tests.scripts.rendered import SAMPLES

RULES, LABS_RULES = "/etc/sudoers.d/zz-test", "/etc/sudoers.d/nas-lab"
Ask = Callable[[str | None], tuple[int, str]]


@pytest.fixture(scope="module")
def linux(session_lab: Lab) -> Iterator[Lab]:
    """A plain Linux, whose administrator has to give sudo a password."""
    yield on("systemd", sudo="password")
    boot(**AS_FOUND)


@pytest.fixture
def ask(linux: Lab) -> Iterator[Ask]:
    """Runs a script as the program does, from the administrator's account, with a password."""

    def run(password: str | None) -> tuple[int, str]:
        text = launched(render("docker-path.sh", SAMPLES["docker-path.sh"]), password)
        status, out, err = linux.ssh("sh -s apply", user=ADMIN, stdin=text)
        assert password is None or password not in out + err
        return status, out + err

    yield run
    linux.nas_must(f"rm -f {RULES}")


def rule(lab: Lab, text: str) -> None:
    lab.nas_must(f"echo '{text}' >{RULES} && chmod 440 {RULES}")


def test_without_a_password_the_setting_for_it_is_named(ask: Ask) -> None:
    status, said = ask(None)
    assert status == 1
    assert "pulumi config set --secret nas-k3s:sudoPassword" in said


def test_a_wrong_password_is_named_as_such(ask: Ask) -> None:
    status, said = ask("wrong")
    assert status == 1
    assert f"sudo does not take the password of the account {ADMIN}" in said


def test_an_account_that_is_denied_everything_is_told_so(ask: Ask, linux: Lab) -> None:
    rule(linux, f"{ADMIN} ALL=(ALL) !ALL")
    status, said = ask(linux.sudo_password)
    assert status == 1
    assert f"the account {ADMIN} (uid {ADMIN_UID}) may not use sudo" in said


def test_an_account_in_no_sudoers_file_is_told_so(ask: Ask, linux: Lab) -> None:
    linux.nas_must(f"mv {LABS_RULES} /root/rules")
    try:
        status, said = ask(linux.sudo_password)
    finally:
        linux.nas_must(f"mv /root/rules {LABS_RULES}")
    assert status == 1
    assert f"the account {ADMIN} (uid {ADMIN_UID}) may not use sudo" in said


def test_a_sudo_that_wants_a_terminal_is_told_with_the_line_that_helps(
    ask: Ask, linux: Lab
) -> None:
    rule(linux, f"Defaults:{ADMIN} requiretty")
    status, said = ask(linux.sudo_password)
    assert status == 1
    assert f"Defaults:{ADMIN} !requiretty" in said


def test_the_right_password_goes_through(ask: Ask, linux: Lab) -> None:
    # Docker over SSH cannot type one, so the script itself runs and says so.
    status, said = ask(linux.sudo_password)
    assert status == 1
    assert f"{ADMIN} may not use Docker over SSH" in said
