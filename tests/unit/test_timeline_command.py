"""`python -m nas timeline`, with a pulumi of our own in the place of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nas.cli import main
from nas.page.live import Look
from nas.timeline import STAGES, to_line
from tests.unit import doctor_samples as doctor
from tests.unit.test_page import STAGE_TIMES, page

REPO = Path(__file__).parents[2]
Put = Callable[[str, str], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Put) -> Path:
    """A checkout with one stack, whose last `up` measured a timeline."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text((REPO / "Pulumi.yaml").read_text())
    (tmp_path / "stacks/Pulumi.nas88.yaml").write_text(
        "config:\n  nas-k3s:host: 192.168.31.88\n  nas-k3s:proxy: http://192.168.31.198:7222\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "PULUMI_STACK"):
        monkeypatch.delenv(name, raising=False)
    outputs(program, {"timeline": to_line(STAGE_TIMES), "kubeconfig": "[secret]"})
    return tmp_path


def outputs(program: Put, values: object) -> None:
    program("pulumi", f"echo \"$*\" >>asked; cat <<'E'\n{json.dumps(values)}\nE")


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The NAS is asked by nobody, and all is well there."""
    found = page(doctor.well()).found
    assert found is not None
    look = Look(doctor.well(), found)
    monkeypatch.setattr("nas.commands.timeline.look", lambda *_: look)


def timeline(*arguments: str, stack: str = "nas88") -> Result:
    return CliRunner().invoke(main, ["timeline", "--stack", stack, *arguments])


def test_the_text_has_all_stages_beside_what_was_expected(project: Path) -> None:
    done = timeline()
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert len(lines) == len(STAGES) + 1
    (pull,) = [line for line in lines if line.startswith("pull the k3s image")]
    assert "43 s  (expected 80 s)" in pull
    assert "(expected 250 s)" in lines[-1]
    asked = (project / "asked").read_text()
    assert asked == "stack output --json --stack nas88 --non-interactive\n"


@pytest.mark.parametrize(("how", "variables"), [("--lang", {}), ("", {"LANG": "zh_CN.UTF-8"})])
def test_chinese_comes_by_option_and_by_environment(
    project: Path, monkeypatch: pytest.MonkeyPatch, how: str, variables: dict[str, str]
) -> None:
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    done = timeline(*([how, "zh"] if how else []))
    assert "拉取 coredns 镜像" in done.stdout
    assert "（预期" in done.stdout or "(预期" in done.stdout


def test_a_stack_without_a_timeline_says_how_it_gets_one(project: Path, program: Put) -> None:
    outputs(program, {"endpoint": "https://x:6443"})
    done = timeline()
    assert done.exit_code == 2
    assert "pulumi up" in done.stderr


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo \"error: no stack named 'nas88' found\" >&2; exit 255", "no stack named"),
        ("echo nonsense", "cannot be read"),
        ('echo \'{"timeline": "[3]"}\'', "cannot be read"),
    ],
)
def test_outputs_that_cannot_be_read_are_one_clear_error(
    project: Path, program: Put, script: str, expected: str
) -> None:
    program("pulumi", script)
    done = timeline()
    assert done.exit_code == 2
    assert expected in done.stderr
    assert "Traceback" not in done.output


def test_a_stack_without_a_file_is_refused(project: Path) -> None:
    done = timeline(stack="attic")
    assert done.exit_code == 2
    assert "Pulumi.attic.yaml" in done.stderr


def test_the_page_is_written_with_what_the_doctor_found(project: Path, looked: None) -> None:
    done = timeline("--html", "page.html")
    assert done.exit_code == 0, done.output
    assert done.stdout == "wrote page.html\n"
    text = (project / "page.html").read_text()
    assert "All is well" in text
    assert 'class="sign ok"' in text
    assert "43 s" in text


def test_without_a_look_the_nas_is_not_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.commands.timeline.look", None)
    assert timeline("--html", "page.html", "--no-live").exit_code == 0
    assert 'class="sign' not in (project / "page.html").read_text()


def test_the_page_of_a_stack_whose_outputs_cannot_be_read_is_still_of_use(
    project: Path, looked: None, program: Put
) -> None:
    program("pulumi", "echo 'error: incorrect passphrase' >&2; exit 255")
    done = timeline("--html", "page.html", "--lang", "zh")
    assert done.exit_code == 0, done.output
    assert "incorrect passphrase" in done.stderr
    assert "还没有 up 测量过时间线" in (project / "page.html").read_text()


def test_a_page_that_cannot_be_written_is_one_clear_error(project: Path, looked: None) -> None:
    done = timeline("--html", "nowhere/page.html")
    assert done.exit_code == 2
    assert "nowhere/page.html" in done.stderr
