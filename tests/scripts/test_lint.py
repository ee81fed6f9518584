"""The scripts as the NAS gets them: whole, with their variables, platform table and library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nas.remote_script import render, script_source
from tests.scripts.fake_nas import busybox
from tests.scripts.rendered import SAMPLES


@pytest.fixture(params=sorted(SAMPLES))
def text(request: pytest.FixtureRequest) -> str:
    """One script, rendered."""
    name: str = request.param
    return render(name, SAMPLES[name])


# What rendering brings along: data in single quotes, and functions of the library that this script
# does not call.
RENDERING = "SC2016,SC2329"


def shellcheck(text: str) -> str:
    program = Path(sys.prefix) / "bin" / "shellcheck"
    done = subprocess.run(
        [program, "--shell=sh", "--format=gcc", f"--exclude={RENDERING}", "-"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


def ash_faults(text: str) -> str:
    done = subprocess.run(
        [busybox(), "ash", "-n"],
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stderr if done.returncode else ""


def test_every_script_of_the_product_is_in_the_samples() -> None:
    rendered = {
        path.name
        for path in (Path(__file__).parents[2] / "nas" / "scripts").glob("*.sh")
        if "\nmain() {" in path.read_text()
    }
    assert rendered == set(SAMPLES)


def test_a_rendered_script_is_clean_for_shellcheck(text: str) -> None:
    assert shellcheck(text) == ""


def test_a_rendered_script_is_syntax_that_busybox_reads(text: str) -> None:
    assert ash_faults(text) == ""


def test_the_script_that_runs_inside_the_k3s_image_is_clean_for_both() -> None:
    text = script_source("host-cleanup-inside.sh")
    assert shellcheck(text) == ""
    assert ash_faults(text) == ""


def test_no_script_asks_for_a_program_that_a_nas_lacks(text: str) -> None:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    words = code.replace("$(", " ").replace("|", " ").split()
    for program in ("bash", "jq", "python", "python3", "nohup", "timeout", "curl", "realpath"):
        assert program not in words


def test_the_checks_would_find_a_fault() -> None:
    assert "SC2086" in shellcheck('# shellcheck shell=sh\nprintf %s $1\nx="$1"\necho "$x"\n')
    assert ash_faults("if true; then\n")
