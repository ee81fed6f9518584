"""Settings of all tests."""

from __future__ import annotations

import os
import pwd
from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from tests import results
from tests.lab.process import take_interrupts
from tests.reliability import ROWS_FILE, FaultTable

# Many examples start a program; how long that takes says nothing on a busy machine. They are the
# same at each run, so that a change is what makes a test fail; `make fuzz` looks for others.
settings.register_profile("nas-k3s", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("nas-k3s")


def pytest_configure(config: pytest.Config) -> None:
    take_interrupts()
    # Of tests that run side by side the one that started them sees all reports.
    if results.FOLDER in os.environ and not hasattr(config, "workerinput"):
        config.pluginmanager.register(results.Recorder(Path(os.environ[results.FOLDER])))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the user's account, which ssh asks the password database for; $HOME differs."""
    directory = tmp_path / "home"
    directory.mkdir()
    account = SimpleNamespace(pw_dir=str(directory))
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: account)
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    return directory


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes whether a test has failed, for fixtures that end after it."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def all_faults() -> FaultTable:
    """The rows of docs/reliability.md that this run has seen."""
    return FaultTable()


@pytest.fixture
def fault_table(request: pytest.FixtureRequest, all_faults: FaultTable) -> Iterator[FaultTable]:
    """Takes the rows of one test; they are kept when it has passed."""
    yield all_faults
    if ROWS_FILE in os.environ and not request.node.stash.get(_FAILED, False):
        all_faults.write()
    all_faults.kept.clear()
