"""How the demo takes a stack down, also when it does not go willingly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab import box, demo, engine, interrupted
from tests.lab.process import LabError


class Runs:
    """The demo with a CLI whose results are given in turn, 0 for the rest."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.results: list[int | LabError] = []
        self.removed: list[str] = []
        self.locked = False
        project = SimpleNamespace(resources=lambda: [{"type": "x"}])
        monkeypatch.setattr(box, "attach", lambda instance: SimpleNamespace())
        monkeypatch.setattr(box, "down", self.removed.append)
        monkeypatch.setattr(engine, "ensure_engine", lambda: None)
        monkeypatch.setattr(demo, "open_project", lambda *_: project)
        monkeypatch.setattr(demo, "forget_known_hosts", lambda lab: None)
        monkeypatch.setattr(demo, "_write_tools", lambda project: {"pulumi": ".lab/pulumi"})
        monkeypatch.setattr(interrupted, "clear", self.clear)
        monkeypatch.setattr(demo, "_pulumi", self.pulumi)

    def clear(self, project: Any, tool: str) -> None:
        if self.locked:
            raise LabError("stack lab is being worked on by process 1")

    def pulumi(self, project: Any, arguments: list[str], deadline: float) -> int:
        self.asked.append(arguments[0])
        result = self.results.pop(0) if self.results else 0
        if isinstance(result, LabError):
            raise result
        return result


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


def test_a_stack_that_goes_at_once_is_destroyed_once(runs: Runs) -> None:
    assert demo.main(["down"]) == 0
    assert runs.asked == ["destroy"]
    assert runs.removed == ["lab"]


def test_a_destroy_that_fails_is_tried_again_after_an_up_that_heals_the_nas(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.results = [255]
    assert demo.main(["down"]) == 0
    assert runs.asked == ["destroy", "up", "destroy"]
    assert runs.removed == ["lab"]
    assert "boxes are removed with" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("results", "asked", "says"),
    [
        ([255, 255], ["destroy", "up"], "up failed as well"),
        ([LabError("not done"), 255], ["destroy", "up"], "up failed as well"),
        ([255, 0, 255], ["destroy", "up", "destroy"], "destroy failed again"),
    ],
)
def test_when_nothing_helps_the_boxes_are_removed_and_the_reason_is_told(
    runs: Runs,
    results: list[int | LabError],
    asked: list[str],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs.results = results
    assert demo.main(["down"]) == 0
    assert runs.asked == asked
    assert runs.removed == ["lab"]
    assert says in capsys.readouterr().err


def test_a_stack_that_somebody_works_on_keeps_its_boxes(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.locked = True
    assert demo.main(["down"]) == 1
    assert runs.asked == runs.removed == []
    assert "being worked on by process 1" in capsys.readouterr().err
