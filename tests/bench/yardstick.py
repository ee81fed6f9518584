"""Pulumi programs that do nothing, with the engine, plugins and backend of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.bench.contenders import pulumi
from tests.bench.process import Command
from tests.bench.results import Tool
from tests.lab import outer
from tests.lab.box import Lab
from tests.lab.engine import Engine
from tests.lab.project import Project, open_project

_PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True)
class Yardstick:
    """One such program, as a stack that is up."""

    tool: Tool
    project: Project

    def up(self) -> Command:
        return pulumi(self.project, "up", "--yes", "--skip-preview")

    def preview(self) -> Command:
        return pulumi(self.project, "preview")


def make_yardstick(lab: Lab, engine: Engine, tool: Tool) -> Yardstick:
    """Its project is one of the lab's with another program."""
    project = open_project(lab, engine, f"bench-{tool}")
    main = project.folder / "__main__.py"
    main.unlink()
    main.symlink_to(_PROGRAMS / f"{tool}.py")
    project.configure({"dockerHost": outer.address()}, {})
    return Yardstick(tool, project)
