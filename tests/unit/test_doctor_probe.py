"""How doctor collects its evidence: which registries it asks for, and what it sees from here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nas.doctor.probe import gather
from nas.doctor.tree import diagnose
from nas.facts import Unreadable
from nas.stack_file import StackConfig
from tests.unit.samples import CONFIG

# ---- from here


def stack(**config: str) -> StackConfig:
    return StackConfig("nas88", Path("Pulumi.nas88.yaml"), {**CONFIG, **config}, {})


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program called ssh before all others."""

    def put(text: str) -> None:
        file = tmp_path / "bin" / "ssh"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")

    return put


def test_a_nas_that_refuses_ssh_is_a_leaf_and_no_error(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("#!/bin/sh\necho 'connect: Connection refused' >&2\nexit 255\n")
    found = diagnose(gather(stack(), {}, 10))
    assert found.findings["ssh"].leaf == "ssh-away"
    assert found.exit_code == 2


def test_a_nas_that_hangs_in_the_middle_is_told_by_what_it_had_said(
    fake_ssh: Callable[[str], None],
) -> None:
    fake_ssh("#!/bin/sh\necho uid=0; echo platform=qnap; echo docker=/opt/docker\nexec sleep 60\n")
    began = time.monotonic()
    found = diagnose(gather(stack(), {}, 10))
    assert time.monotonic() - began < 20
    assert found.primary == "daemon"
    assert found.findings["ssh"].verdict == "ok"


def test_a_password_that_is_encrypted_leaves_no_half_login(
    fake_ssh: Callable[[str], None],
) -> None:
    fake_ssh("#!/bin/sh\ncat >/dev/null\nexit 0\n")
    known = replace(stack(proxyUser="nas"), unavailable={"proxyPassword": "there is no pulumi"})
    daemon = gather(known, {}, 10).daemon
    assert daemon is not None
    assert daemon.authorization == ""


def test_a_nas_that_says_nothing_at_all_is_out_of_reach(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("#!/bin/sh\nexec sleep 60\n")
    case = gather(stack(), {}, 5)
    assert isinstance(case.facts, Unreadable)
    assert diagnose(case).primary == "ssh"
