"""Runs the program under Pulumi's mocks and records what it asks the engine for."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from pulumi.runtime import mocks, settings, stack
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2

# How a secret travels: a special member beside its value (pulumi/sdk/proto).
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"

Path = Sequence[str | int]


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it."""

    urn: str
    request: resource_pb2.RegisterResourceRequest
    raw: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.request.type)

    @property
    def name(self) -> str:
        return str(self.request.name)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs without the marks of secrets; numbers are floats."""
        plain: dict[str, Any] = _plain(self.raw)
        return plain

    def is_secret(self, *path: str | int) -> bool:
        """Whether an input, or something that holds it, is marked as a secret."""
        value: Any = self.raw
        for step in path:
            if _is_secret(value):
                return True
            value = value[step]
        return _is_secret(value)

    @property
    def depends_on(self) -> set[str]:
        """URNs of everything that has to be there first."""
        request = self.request
        direct = {*request.dependencies, request.parent, request.deletedWith}
        direct |= {urn for entry in request.propertyDependencies.values() for urn in entry.urns}
        direct.add(request.provider.rpartition("::")[0])
        return {str(urn) for urn in direct if urn}


@dataclass(frozen=True)
class Export:
    """One output of the stack."""

    value: Any
    known: bool
    secret: bool


@dataclass
class Run:
    """What one run of a program did."""

    resources: dict[str, Registration] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    error: Exception | SystemExit | None = None

    @property
    def refusal(self) -> str:
        """What the user reads of a run that was refused."""
        assert isinstance(self.error, SystemExit)
        assert self.error.code == 32, "else Pulumi speaks of an unhandled error as well"
        (message,) = self.errors
        return message

    def __getitem__(self, name: str) -> Registration:
        return self.resources[name]

    def of_type(self, token: str) -> list[Registration]:
        return [one for one in self.resources.values() if one.type == token]

    @property
    def custom(self) -> list[Registration]:
        """Everything but components."""
        return [one for one in self.resources.values() if one.request.custom]

    def before(self, name: str) -> set[str]:
        """Names of all resources that have to be there before this one is made.

        As the engine sees it: a child waits for what its parent waits for, and one that depends on
        a component waits for its children.
        """
        by_urn = {one.urn: one for one in self.resources.values()}
        found: set[str] = set()
        pending = [self[name].urn]
        while pending:
            for urn in by_urn[pending.pop()].depends_on:
                if urn in by_urn and by_urn[urn].name not in found:
                    found.add(by_urn[urn].name)
                    pending.append(urn)
        return found


class _Engine(mocks.MockEngine):
    def __init__(self, run: Run) -> None:
        super().__init__(None)
        self.run = run

    def Log(self, request: Any) -> None:  # noqa: N802
        if request.severity == 2:  # engine_pb2.WARNING
            self.run.warnings.append(request.message)
        elif request.severity == 1:  # engine_pb2.INFO
            self.run.infos.append(request.message)
        elif request.severity == 3:  # engine_pb2.ERROR
            self.run.errors.append(request.message)


class _Monitor(mocks.MockMonitor):
    def __init__(self, run: Run, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.run = run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            assert request.name not in self.run.resources
            self.run.resources[request.name] = Registration(
                response.urn, request, MessageToDict(request.object)
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self.run.outputs[request.urn.rpartition("::")[2]] = _plain(MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


class _Answers(mocks.Mocks):
    """What providers give back: inputs plus some outputs; in a preview only inputs, and no id."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]], *, preview: bool) -> None:
        self.outputs = outputs
        self.preview = preview

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        raise AssertionError(f"the program called {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        if args.typ == "pulumi:index:Stash":
            # Of the engine itself, which knows the output in a preview too.
            # That of an earlier run, where one is given.
            kept = self.outputs.get(args.name, {})
            return "", {**args.inputs, "output": args.inputs["input"], **kept}
        if self.preview:
            return "", dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, **self.outputs.get(args.name, {})}


def record(
    program: Callable[[], None],
    *,
    preview: bool = False,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    config: Mapping[str, str] | None = None,
    stack_name: str = "nas88",
) -> Run:
    """Runs `program` once; `outputs` are those of resources by name, in a real run only."""
    run = Run()

    async def main() -> None:
        answers = _Answers(outputs or {}, preview=preview)
        mocks.set_mocks(
            answers,
            project="nas-k3s",
            stack=stack_name,
            preview=preview,
            monitor=_Monitor(run, answers),
        )
        settings.SETTINGS.engine = _Engine(run)
        # All mocks share one set. A run that ended by an error may leave tasks of its event loop
        # there, which is closed, and the next run would wait for them.
        settings.SETTINGS.outputs = set()
        set_all_config(dict(config or {}))
        try:
            await stack.run_pulumi_func(program)
        except (Exception, SystemExit) as error:
            run.error = error
            return
        root = settings.get_root_resource()
        assert isinstance(root, stack.Stack)
        for name, value in root.outputs.items():
            output = pulumi.Output.from_input(value)
            run.exports[name] = Export(
                await output.future(), await output.is_known(), await output.is_secret()
            )

    contextvars.copy_context().run(asyncio.run, main())
    return run


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def _plain(value: Any) -> Any:
    if _is_secret(value):
        return _plain(value["value"])
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
