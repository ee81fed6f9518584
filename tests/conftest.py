"""Settings of all tests."""

from __future__ import annotations

import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

# Many examples start a program; how long that takes says nothing on a busy machine.
settings.register_profile("nas-k3s", deadline=None)
settings.load_profile("nas-k3s")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the user's account, which ssh asks the password database for; $HOME differs."""
    directory = tmp_path / "home"
    directory.mkdir()
    account = SimpleNamespace(pw_dir=str(directory))
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: account)
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    return directory
