"""Fixtures for unit tests."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the user's account, which ssh asks the password database for; $HOME differs."""
    directory = tmp_path / "home"
    directory.mkdir()
    account = SimpleNamespace(pw_dir=str(directory))
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: account)
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    return directory


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script into the place of a program."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")

    def put(name: str, text: str) -> None:
        file = directory / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    return put
