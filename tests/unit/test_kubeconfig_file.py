"""The user's kubeconfig file on this machine: whole, for its owner alone, one writer at a time."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import nas.kubeconfig_file
from nas.errors import Problem
from nas.facts import Unreadable
from nas.kubeconfig_file import FileError, Job, look_into, main, missing, run
from nas.kubeconfig_merge import Found
from tests.unit.samples import facts, settings
from tests.unit.test_kubeconfig import CERTIFICATE
from tests.unit.test_kubeconfig_merge import INDENTED, NAME, OTHERS, OURS

AWAY = Unreadable("away", "switched off")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "home" / "config"
    made.parent.mkdir()
    made.write_text(OTHERS, encoding="utf-8")
    return made


def job(file: Path, **changes: object) -> Job:
    first = Job(file=str(file), name=NAME, stack="nas88", current=False, kubeconfig=OURS)
    return replace(first, **changes)  # type: ignore[arg-type]


def stack(file: Path) -> object:
    return look_into(settings(kubeconfigFile=str(file)), NAME)


def test_merge_and_remove_leave_the_file_as_it_was_for_its_owner_alone(file: Path) -> None:
    file.chmod(0o644)
    assert run("merge", job(file)) == f"{NAME} is in {file}"
    assert NAME in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stack(file) == Found(True, CERTIFICATE)
    assert run("remove", job(file)) == f"{NAME} is no longer in {file}"
    assert file.read_text() == OTHERS
    assert list(file.parent.iterdir()) == [file]


def test_a_file_that_needs_no_change_is_not_written(file: Path) -> None:
    run("merge", job(file))
    before = file.stat()
    run("merge", job(file))
    assert file.stat() == before


def test_a_file_and_a_directory_that_are_not_there_are_made_and_the_file_goes_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new" / "config"
    assert stack(file) == Found(False, "")
    run("merge", job(file))
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    run("remove", job(file))
    assert not file.exists()
    assert "is gone" in run("remove", job(file))


def test_a_link_stays_a_link_and_what_it_leads_to_is_changed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    run("merge", job(link))
    assert link.is_symlink()
    assert NAME in file.read_text()
    run("remove", job(link))
    assert (link.is_symlink(), file.read_text()) == (True, OTHERS)


def test_the_tilde_is_the_home_of_the_account(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.home._home", lambda: str(file.parent))
    run("merge", replace(job(file), file="~/config"))
    assert NAME in file.read_text()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match="No space left on device"):
        run("merge", job(file))
    assert file.read_text() == OTHERS
    assert list(file.parent.iterdir()) == [file]


def test_kubectls_lock_is_waited_for_and_ours_is_taken_away_again(file: Path) -> None:
    lock = file.with_name("config.lock")
    lock.touch()
    timer = threading.Timer(0.5, lock.unlink)
    timer.start()
    began = time.monotonic()
    run("merge", job(file))
    timer.join()
    assert time.monotonic() - began >= 0.4
    assert not lock.exists()
    assert NAME in file.read_text()


@pytest.mark.parametrize("name", ["config", "link"])
def test_a_lock_that_stays_is_named_and_the_file_left_alone(
    file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(nas.kubeconfig_file, "LOCK_TIMEOUT", 0.2)
    file.with_name("link").symlink_to(file)
    lock = file.with_name(f"{name}.lock")
    lock.touch()
    with pytest.raises(FileError, match=rf"{name}\.lock is there since more than"):
        run("merge", job(file.with_name(name)))
    assert (file.read_text(), lock.exists()) == (OTHERS, True)


# ---- before anything changes


def _foreign(file: Path) -> None:
    file.write_text(INDENTED.replace("work", NAME))


def _not_yaml(file: Path) -> None:
    file.write_text("[S3NTINEL")


def _not_utf8(file: Path) -> None:
    file.write_bytes(b"S3NTINEL \xff")


def _directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


@pytest.mark.parametrize(
    ("fault", "why", "fix"),
    [
        (_foreign, f"has an entry {NAME} in its clusters", f"delete-cluster {NAME}"),
        (_not_yaml, "is no YAML", "repair it"),
        (_not_utf8, "is no text in UTF-8", "repair it"),
        (_directory, "is no file", "that you may write"),
        (_loop, "cannot be reached", "that you may write"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_file_that_cannot_be_changed_is_a_problem_at_once(
    file: Path, fault: Callable[[Path], None], why: str, fix: str
) -> None:
    fault(file)
    found = stack(file)
    assert isinstance(found, Problem)
    assert found.key == "kubeconfigFile"
    assert why in found.why
    assert fix in found.fix
    assert "S3NTINEL" not in str(found)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_a_problem_at_once(file: Path) -> None:
    file.chmod(0o400)
    assert isinstance(stack(file), Problem)


def test_without_the_setting_no_file_is_looked_at() -> None:
    assert look_into(settings(), NAME) is None


@pytest.mark.parametrize(
    ("found", "known", "words"),
    [
        (Found(False, ""), "", ("the cluster is not in your kubeconfig file",)),
        (Found(True, "old"), "new", ("your kubeconfig file has an older certificate",)),
        (Found(True, "same"), "same", ()),
        (Found(True, "some"), "", ()),
    ],
)
def test_what_the_file_lacks_is_told(found: Found, known: str, words: tuple[str, ...]) -> None:
    assert missing(found, facts(client_certificate=known)) == words
    assert missing(replace(found, client_certificate="x"), AWAY) == (
        () if found.is_there else words
    )


# ---- as a program


def call(monkeypatch: pytest.MonkeyPatch, mode: str, stdin: str) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    return main([mode])


def test_the_program_takes_its_work_on_standard_input(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "merge", job(file).to_json()) == 0
    assert call(monkeypatch, "remove", job(file).to_json()) == 0
    said = capsys.readouterr()
    assert (said.out, said.err.count(NAME)) == ("", 2)
    assert file.read_text() == OTHERS


@pytest.mark.parametrize(("mode", "status"), [("merge", 1), ("remove", 0), ("other", 2)])
def test_a_merge_that_is_not_possible_fails_and_a_removal_never_does(
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    status: int,
) -> None:
    _not_yaml(file)
    assert call(monkeypatch, mode, job(file).to_json()) == status
    assert file.read_text() == "[S3NTINEL"
    assert "S3NTINEL" not in capsys.readouterr().err
