"""The summary of `make test`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import summary
from tests.lab.paths import REPO
from tests.results import FOLDER, Results, read, tier_of
from tests.summary import Ran, text

TESTS = """
import pytest

@pytest.fixture
def broken():
    raise OSError

@pytest.fixture
def breaks_after():
    yield
    raise OSError

def test_passes(): pass
def test_fails(): assert False
def test_is_skipped(): pytest.skip("for a reason")
def test_has_no_fixture(broken): pass
def test_passes_and_then_fails(breaks_after): pass
"""


@pytest.mark.parametrize("workers", ["0", "2"], ids=["alone", "side by side"])
def test_a_run_of_pytest_leaves_its_results(tmp_path: Path, workers: str) -> None:
    tests = tmp_path / "tests" / "unit"
    tests.mkdir(parents=True)
    (tests / "test_x.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_configure\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers, "tests"],
        cwd=tmp_path,
        env={**os.environ, FOLDER: str(tmp_path / "results"), "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    (found,) = read(tmp_path / "results")
    assert found.counts == {"unit": {"passed": 2, "failed": 1, "skipped": 1, "error": 2}}, done
    assert set(found.slowest) >= {"tests/unit/test_x.py::test_passes"}
    assert found.engine == ""


def test_the_summary_counts_by_tier_and_says_what_was_used_and_took_long() -> None:
    said = text(
        [Ran("lint", 0, 8.2), Ran("unit", 0, 60.0), Ran("e2e", 2, 100.4), Ran("more")],
        [
            Results({"unit": {"passed": 7, "skipped": 1}}, {"tests/unit/test_a.py::a": 0.5}),
            Results({"e2e": {"passed": 1}}, {"tests/e2e/test_b.py::b": 40.0}, "docker (stand-in)"),
            Results({"e2e": {"passed": 2, "failed": 1}}, {}, "docker (stand-in)"),
        ],
    )
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    assert rows["lint"] == ["8"]
    assert rows["unit"] == ["7", "0", "0", "1", "60"]
    assert rows["e2e"] == ["3", "1", "0", "0", "100", "failed", "with", "status", "2"]
    assert rows["more"] == ["not", "run"]
    assert rows["all"] == ["10", "1", "0", "1", "169"]
    assert said.count("docker (stand-in)") == 1
    assert said.index("test_b.py::b") < said.index("test_a.py::a")


def test_the_first_tier_that_fails_ends_the_run_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make = tmp_path / "make"
    make.write_text(
        "#!/bin/sh\n"
        f"echo '{json.dumps({'counts': {'unit': {'failed': 1}}})}' >\"${FOLDER}/$1.json\"\n"
        "case $1 in unit) exit 7 ;; esac\n"
    )
    make.chmod(0o755)
    monkeypatch.setenv("MAKE", str(make))
    assert summary.main(["lint", "unit", "e2e"]) == 7
    out = capsys.readouterr().out
    assert "failed with status 7" in out
    assert "not run" in out


def test_a_tier_is_the_folder_of_a_test() -> None:
    assert tier_of("tests/e2e/test_x.py::test_y[a/b]") == "e2e"
