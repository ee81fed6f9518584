"""Stand-in for the provider `command` 1.2.1: `command:remote:Command` over real SSH, and
`command:local:Command`.

Semantics from the official source (pulumi-command v1.2.1 and the library it is made with): every
changed input is an update, which runs `update`, else `create` again; `triggers` replaces; `delete`
runs with the state's connection; there is no Read, so drift is never seen; a preview connects to
nothing. `connection` is secret whatever the program says; `stdout` and `stderr` are plain.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    UpdateRequest,
    UpdateResponse,
)

from . import PLUGINS
from .plugin import (
    UNKNOWN_PROPERTY,
    EngineLog,
    Plain,
    PluginError,
    has_unknown,
    is_set,
    object_diff,
    own_type,
    same,
    serve,
    to_plain,
    to_property,
)

REMOTE = "command:remote:Command"
LOCAL = "command:local:Command"
_COMMON = (
    "addPreviousOutputInEnv",
    "create",
    "delete",
    "environment",
    "logging",
    "stdin",
    "triggers",
    "update",
)
INPUTS = {REMOTE: (*_COMMON, "connection"), LOCAL: (*_COMMON, "dir", "interpreter")}
_CONNECTION_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_CONNECTION_SECRETS = ("password", "privateKey", "privateKeyPassword")
_AS_REPLACE = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}
_ENV_ADVICE = (
    "Unable to set '{}'. This only works if your SSH server is configured to accept these "
    "variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote "
    "host, you could prefix the command itself with the variables in the form 'VAR=value command'"
)

Properties = dict[str, PropertyValue]


class CommandProvider(Provider):
    """The two commands; anything else is refused by name."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    async def check(self, request: CheckRequest) -> CheckResponse:
        token = _known(request.type)
        inputs = {name: value for name, value in request.new_inputs.items() if is_set(value)}
        unknown = sorted(set(inputs) - set(INPUTS[token]) - {"__internal"})
        failures = [CheckFailure(name, f"unexpected property '{name}'") for name in unknown]
        if token == LOCAL:
            return CheckResponse(inputs=inputs, failures=failures)
        connection = inputs.get("connection")
        if connection is None:
            failures.append(CheckFailure("connection", "Missing required field 'connection'"))
        else:
            inputs["connection"] = _checked_connection(connection, failures).with_secret(True)
        return CheckResponse(inputs=inputs, failures=failures)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        token = _known(request.type)
        old, new = _inputs(token, request.old_state), _inputs(token, request.new_inputs)
        for name in request.ignore_changes:
            if name in old:
                new[name] = old[name]
        details = object_diff(old, new)
        # Only the whole property replaces here; for its elements the SDK sets replaceOnChanges.
        if "triggers" in details:
            details["triggers"] = PropertyDiff(_AS_REPLACE[details["triggers"].kind], False)
        return DiffResponse(
            changes=bool(details),
            replaces=["triggers"] if "triggers" in details else [],
            diffs=sorted(details),
            detailed_diff=details,
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        token = _known(request.type)
        inputs = _inputs(token, request.properties)
        resource_id = f"{request.name}{secrets.token_hex(4)}"
        if request.preview:
            unknown = dict.fromkeys(("stdout", "stderr"), UNKNOWN_PROPERTY)
            return CreateResponse(resource_id, inputs | unknown)
        outputs = await self._run(token, request.urn, inputs, "create", previous={})
        return CreateResponse(resource_id, inputs | outputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        token = _known(request.type)
        inputs = _inputs(token, request.news)
        previous = {name: request.olds[name] for name in ("stdout", "stderr")}
        if request.preview:
            if _affects_outputs(token, request.olds, inputs):
                previous = dict.fromkeys(previous, UNKNOWN_PROPERTY)
            return UpdateResponse(inputs | previous)
        action = "update" if is_set(inputs.get("update")) else "create"
        outputs = await self._run(token, request.urn, inputs, action, previous=previous)
        return UpdateResponse(inputs | (outputs if is_set(inputs.get(action)) else previous))

    async def delete(self, request: DeleteRequest) -> None:
        token = _known(request.type)
        stored = request.properties
        await self._run(token, request.urn, stored, "delete", previous=stored)

    async def _run(
        self,
        token: str,
        urn: str,
        properties: Mapping[str, PropertyValue],
        action: str,
        *,
        previous: Mapping[str, PropertyValue],
    ) -> Properties:
        """Run the command of `action`, if there is one, and return the outputs."""
        plain = {name: to_plain(value) for name, value in properties.items() if is_set(value)}
        command = plain.get(action)
        if command is None:
            return {"stdout": PropertyValue(""), "stderr": PropertyValue("")}
        logging = plain.get("logging", "stdoutAndStderr")
        logs = {
            "log_stdout": logging in ("stdout", "stdoutAndStderr"),
            "log_stderr": logging in ("stderr", "stdoutAndStderr"),
        }
        hints = {
            f"PULUMI_COMMAND_{name.upper()}": to_plain(previous[name])
            for name in ("stdout", "stderr")
            if name in previous and plain.get("addPreviousOutputInEnv", True)
        }
        hints = {name: value for name, value in hints.items() if value}
        run = self._run_here if token == LOCAL else self._run_there
        stdout, stderr = await run(urn, command, plain, hints, logs)
        return {"stdout": PropertyValue(stdout), "stderr": PropertyValue(stderr)}

    # Imported late in both: most runs of the engine start this plugin and change nothing.

    async def _run_here(
        self, urn: str, command: str, plain: Plain, hints: dict[str, str], logs: dict[str, bool]
    ) -> tuple[str, str]:
        from . import local_shell

        what = local_shell.Run(
            command=command,
            interpreter=plain.get("interpreter") or local_shell.SHELL,
            directory=plain.get("dir"),
            stdin=plain.get("stdin", ""),
            environment={**plain.get("environment", {}), **hints},
            **logs,
        )
        return await local_shell.run(what, status=lambda line: self._log.status(urn, line))

    async def _run_there(
        self, urn: str, command: str, plain: Plain, hints: dict[str, str], logs: dict[str, bool]
    ) -> tuple[str, str]:
        from . import remote_shell

        what = remote_shell.Run(
            command=command,
            stdin=plain.get("stdin", ""),
            environment=plain.get("environment", {}),
            hints=hints,
            **logs,
        )
        try:
            return await remote_shell.run(
                remote_shell.Connection.parse(plain["connection"]),
                what,
                status=lambda line: self._log.status(urn, line),
                refused_hint=lambda name: self._log.warning(urn, _ENV_ADVICE.format(name)),
            )
        except remote_shell.EnvironmentRefusedError as error:
            await self._log.error(urn, _ENV_ADVICE.format(error.name))
            raise


def _known(qualified: str) -> str:
    token = own_type(qualified)
    if token not in INPUTS:
        raise PluginError(f"the lab's stand-in for the provider `command` has no {qualified}")
    return token


def _inputs(token: str, properties: Mapping[str, PropertyValue]) -> Properties:
    return {name: value for name, value in properties.items() if name in INPUTS[token]}


def _checked_connection(value: PropertyValue, failures: list[CheckFailure]) -> PropertyValue:
    """The connection with its defaults and with its secret members marked."""
    if not isinstance(value.value, Mapping):
        return value  # unknown as a whole
    members: dict[str, PropertyValue] = {
        name: member for name, member in value.value.items() if is_set(member)
    }
    if "host" not in members:
        failures.append(CheckFailure("connection.host", "Missing required field 'host'"))
    for name, default in _CONNECTION_DEFAULTS.items():
        members.setdefault(name, to_property(default))
    for name in _CONNECTION_SECRETS:
        if name in members:
            members[name] = members[name].with_secret(True)
    if "proxy" in members:
        members["proxy"] = _checked_connection(members["proxy"], failures)
    return value.with_value(members)


def _affects_outputs(
    token: str, olds: Mapping[str, PropertyValue], news: Mapping[str, PropertyValue]
) -> bool:
    """Whether a preview cannot promise the old outputs any more.

    As in the official library, an input that is new (and known) is not counted.
    """
    for name in INPUTS[token]:
        new, old = news.get(name), olds.get(name)
        if new is not None and has_unknown(to_plain(new)):
            return True
        if old is not None and is_set(old) and (new is None or not same(old, new)):
            return True
    return False


if __name__ == "__main__":
    serve(PLUGINS["command"][0], CommandProvider)
