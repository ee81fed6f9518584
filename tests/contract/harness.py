"""Tiny Pulumi programs run with the real engine, and what the engine says it did."""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation
from pulumi.automation.events import EngineEvent

Program = Callable[[], None]

_PROJECT = "contract"


@dataclass(frozen=True)
class Step:
    """What the engine did, or would do, to one resource."""

    op: str
    # Property paths with the kind of each difference: "add", "update-replace", ...
    diff: dict[str, str]
    new: dict[str, Any]


@dataclass(frozen=True)
class Said:
    """A message about a resource; `passing` ones are only shown while it is worked on."""

    name: str
    text: str
    passing: bool
    at: float


@dataclass(frozen=True)
class Done:
    """A step that ended well, at this time (monotonic seconds)."""

    name: str
    op: str
    at: float


@dataclass
class Run:
    """One engine run. `steps` holds, per resource name, its steps in order; unchanged ones too."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    output: str = ""
    error: str = ""

    def ops(self, name: str) -> list[str]:
        """The operations on one resource, in order, e.g. ["create-replacement", "replace"]."""
        return [step.op for step in self.steps.get(name, [])]

    def diff(self, name: str) -> dict[str, str]:
        """Differences that the engine saw on one resource, by property path."""
        return {path: kind for step in self.steps.get(name, []) for path, kind in step.diff.items()}

    def properties(self, name: str) -> set[str]:
        """Top-level properties in `diff`."""
        return {path.split(".")[0].split("[")[0] for path in self.diff(name)}

    @property
    def changed(self) -> dict[str, list[str]]:
        """All resources with more than "same" or "refresh" and "read" on them."""
        quiet = ("same", "refresh", "read")
        found = {name: [op for op in self.ops(name) if op not in quiet] for name in self.steps}
        return {name: ops for name, ops in found.items() if ops}

    def status_lines(self, name: str) -> list[str]:
        """Passing lines that the provider showed for one resource."""
        return [said.text for said in self.said if said.name == name and said.passing]

    def messages(self, name: str) -> str:
        """Lasting diagnostics of one resource."""
        return "\n".join(s.text for s in self.said if s.name == name and not s.passing)

    def when(self, name: str, op: str) -> int:
        """The place of a finished step among all finished steps."""
        return next(i for i, done in enumerate(self.done) if (done.name, done.op) == (name, op))


class Stack:
    """One stack with a state of its own. Every method runs the engine once."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self._name = f"t{secrets.token_hex(4)}"
        self._stack: automation.Stack | None = None

    def up(self, program: Program, *, fails: bool = False) -> Run:
        """`pulumi up`; with `fails` it must fail, after all that can be done was done."""
        return self._run(
            program, lambda stack, **kw: stack.up(continue_on_error=fails, **kw).stdout, fails=fails
        )

    def preview(self, program: Program, *, diff: bool = False) -> Run:
        """`pulumi preview`."""
        return self._run(program, lambda stack, **kw: stack.preview(diff=diff, **kw).stdout)

    def refresh(self, *, expect_no_changes: bool = False) -> Run:
        """`pulumi refresh`."""
        return self._run(
            _nothing,
            lambda stack, **kw: stack.refresh(expect_no_changes=expect_no_changes, **kw).stdout,
        )

    def destroy(self) -> Run:
        """`pulumi destroy`, which does not run the program."""
        return self._run(_nothing, lambda stack, **kw: stack.destroy(**kw).stdout)

    def state(self) -> dict[str, dict[str, Any]]:
        """Resources as they lie in the state file, encrypted secrets and all, by name."""
        url = self.environment["PULUMI_BACKEND_URL"]
        backend = Path(url.removeprefix("file://").partition("?")[0])
        stored = json.loads((backend / f".pulumi/stacks/{_PROJECT}/{self._name}.json").read_text())
        deployment = stored["checkpoint"]["latest"] or {}
        return {
            resource["urn"].split("::")[-1]: resource
            for resource in deployment.get("resources", [])
        }

    def clean(self) -> None:
        """Destroy what is left, ignoring what cannot be, and forget the stack."""
        if self._stack is not None:
            try:
                self._stack.destroy(continue_on_error=True)
            except automation.CommandError as error:
                print(error)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _selected(self, program: Program) -> automation.Stack:
        if self._stack is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            workspace = automation.LocalWorkspace(
                work_dir=str(self.folder),
                env_vars=self.environment,
                program=program,
                project_settings=automation.ProjectSettings(
                    name=_PROJECT, runtime="python", main=str(self.folder)
                ),
            )
            self._stack = _Stack.create_or_select(self._name, workspace)
        self._stack.workspace.program = program
        return self._stack

    def _run(
        self,
        program: Program,
        action: Callable[..., str],
        *,
        fails: bool = False,
    ) -> Run:
        run = Run()
        stack = self._selected(program)
        try:
            run.output = action(stack, on_event=lambda event: _record(run, event))
        except automation.CommandError as error:
            if not fails:
                raise
            run.error = str(error)
        else:
            assert not fails, f"this run had to fail:\n{run.output}"
        return run


class _Stack(automation.Stack):
    """Does not ask the engine for outputs and history after every run: a third of the time."""

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool | None = None) -> automation.UpdateSummary:
        return automation.UpdateSummary("update", datetime.now(), "", {}, {}, "")


def _nothing() -> None:
    pass


def _record(run: Run, event: EngineEvent) -> None:
    planned = event.resource_pre_event
    if planned is not None:
        metadata = planned.metadata
        name = metadata.urn.split("::")[-1]
        step = Step(
            op=str(metadata.op.value),
            diff={
                path: str(difference.diff_kind.value)
                for path, difference in (metadata.detailed_diff or {}).items()
            },
            new=dict(metadata.new.outputs or {}) if metadata.new else {},
        )
        run.steps.setdefault(name, []).append(step)
    done = event.res_outputs_event
    if done is not None:
        run.done.append(
            Done(done.metadata.urn.split("::")[-1], str(done.metadata.op.value), time.monotonic())
        )
    told = event.diagnostic_event
    if told is not None:
        name = (told.urn or "").split("::")[-1]
        run.said.append(
            Said(name, told.message.rstrip("\n"), bool(told.ephemeral), time.monotonic())
        )


def inside() -> pulumi.ResourceOptions:
    """Options of a resource that belongs to a component, as all of this project's do."""
    return pulumi.ResourceOptions(
        parent=pulumi.ComponentResource("contract:index:Parent", "parent")
    )


def plain_state(stack: Stack) -> str:
    """All that somebody reads who holds the state file but not the passphrase."""
    return json.dumps(stack.state())
