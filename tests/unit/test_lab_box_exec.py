"""Commands in a box: what is lost of an output on its way is asked for again."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.lab import box_exec
from tests.lab.box_exec import execute
from tests.lab.process import LabError


@dataclass
class Box:
    """Runs commands here; `lost` says for each of them which bytes of the output arrive."""

    lost: list[slice] = field(default_factory=list)
    id: str = "box"
    calls: int = 0

    def exec_run(
        self, command: Sequence[str], *, demux: bool, environment: Mapping[str, str]
    ) -> tuple[int, tuple[bytes | None, bytes | None]]:
        assert demux
        self.calls += 1
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        arrives = self.lost.pop(0) if self.lost else slice(None)
        # As the library has it: nothing is None.
        return done.returncode, (done.stdout[arrives] or None, done.stderr[arrives] or None)


@pytest.fixture(autouse=True)
def _place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(box_exec, "PLACE", str(tmp_path))


COMMAND = "echo said; echo complained >&2; exit 3"
SAID = (3, "said\n", "complained\n")
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    "lost",
    [
        [],
        [slice(0, 0)],
        [slice(20, None)],
        [slice(25, None), slice(0, 0)],
        [slice(0, 22)],
        [slice(0, 22), slice(20, None)],
    ],
    ids=["nothing", "all", "begin and said", "said", "end", "end, then begin"],
)
def test_an_output_arrives_whole_whatever_is_lost_on_the_way(lost: list[slice]) -> None:
    box: Any = Box(list(lost))
    assert execute(box, COMMAND, ENVIRONMENT) == SAID
    assert box.calls == 1 + len(lost)


def test_an_output_that_never_arrives_is_an_error() -> None:
    box: Any = Box([slice(20, None)] * 20)
    with pytest.raises(LabError, match="does not arrive"):
        execute(box, COMMAND, ENVIRONMENT)


def test_the_command_itself_runs_once(tmp_path: Path) -> None:
    box: Any = Box([slice(0, 0), slice(0, 0)])
    assert execute(box, f"echo once >>{tmp_path}/ran", ENVIRONMENT)[0] == 0
    assert (tmp_path / "ran").read_text() == "once\n"
