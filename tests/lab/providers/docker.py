"""Stand-in for the provider `docker` 5.2.0: Container, RemoteImage, Volume and Network.

Like the official one it connects only when a resource must be created, read or changed (never to
configure, check or preview), and it takes no secrets from the engine: the engine itself marks the
outputs whose inputs are secret. What it does not know it refuses by name.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from . import PLUGINS, schema
from .docker_tables import TABLES
from .plugin import (
    UNKNOWN,
    EngineLog,
    PluginError,
    has_unknown,
    own_type,
    serve,
    to_plain,
    to_property,
)
from .schema import State, Table

_CONTAINER = "docker:index/container:Container"
_AUTONAMED = (_CONTAINER, "docker:index/network:Network", "docker:index/volume:Volume")
_DEFAULTED = "__defaults"
_NAME_HEX = 7
_UNSUPPORTED = ("certPath", "certMaterial", "keyMaterial", "context")


@dataclass(frozen=True)
class _Config:
    """Where the daemon is."""

    host: str = ""
    ssh_opts: tuple[str, ...] = ()
    check_daemon: bool = True
    auth: Mapping[str, Mapping[str, str]] | None = None


class DockerProvider(Provider):
    """One daemon, connected to at the first need."""

    def __init__(self, log: EngineLog) -> None:
        self._config = _Config()
        self._client: Any = None
        self._connecting = asyncio.Lock()

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        inputs = dict(request.new_inputs)
        host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        inputs.setdefault("host", PropertyValue(host))
        return CheckResponse(inputs=inputs)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        given = {name: _decoded(to_plain(value)) for name, value in request.args.items()}
        for name in _UNSUPPORTED:
            if given.get(name):
                raise PluginError(
                    f"the lab's stand-in for the provider `docker` does not know {name}"
                )
        opts = given.get("sshOpts") or os.environ.get("DOCKER_SSH_OPTS", "").split()
        self._config = _Config(
            host=given.get("host") or "",
            ssh_opts=tuple(opts),
            check_daemon=not given.get("disableDockerDaemonCheck"),
            auth={
                entry["address"].removeprefix("https://").split("/")[0]: {
                    "username": entry.get("username") or "",
                    "password": entry.get("password") or "",
                    "serveraddress": entry["address"],
                }
                for entry in given.get("registryAuth") or []
            },
        )
        return ConfigureResponse(accept_secrets=False, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        token, table = _known(request.type)
        inputs = _plain(request.new_inputs)
        old = _plain(request.old_inputs)
        inputs.pop(_DEFAULTED, None)
        defaulted: list[str] = []
        if "name" not in inputs and token in _AUTONAMED:
            defaulted.append("name")
            kept = old.get("name") if "name" in old.get(_DEFAULTED, ()) else None
            inputs["name"] = kept or f"{request.name}-{request.random_seed.hex()[:_NAME_HEX]}"
        checked, failures = schema.check(table, inputs)
        defaulted += [name for name in checked if name not in request.new_inputs and name != "name"]
        checked[_DEFAULTED] = sorted(defaulted)
        return CheckResponse(inputs=_properties(checked), failures=failures)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        token, table = _known(request.type)
        inputs = _plain(request.new_inputs)
        named = "name" not in inputs.get(_DEFAULTED, ())
        return schema.diff(
            table,
            inputs,
            _plain(request.old_state),
            ignore_changes=request.ignore_changes,
            # A name that the program chose cannot be held twice; containers never can.
            delete_first=token == _CONTAINER or (named and token in _AUTONAMED),
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        token, table = _known(request.type)
        wanted = schema.plan(table, _plain(request.properties), None)
        if request.preview:
            return CreateResponse("", _properties(wanted))
        known = {name: value for name, value in wanted.items() if value is not UNKNOWN}
        resource_id, state = await self._do(token, "create", known)
        return CreateResponse(resource_id, _outputs(table, state))

    async def read(self, request: ReadRequest) -> ReadResponse:
        token, table = _known(request.type)
        state = _plain(request.properties)
        if not state:
            raise PluginError(
                "the lab's stand-in for the provider `docker` reads only what it created"
            )
        found = await self._do(token, "read", request.resource_id, state)
        if found is None:
            return ReadResponse()
        inputs = _plain(request.inputs)
        for name, field in table.items():
            if name in inputs and not schema.same(field, found.get(name), inputs[name]):
                inputs[name] = found.get(name)
        return ReadResponse(request.resource_id, _outputs(table, found), _properties(inputs))

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        token, table = _known(request.type)
        old = _plain(request.olds)
        wanted = schema.plan(table, _plain(request.news), old)
        if not request.preview:
            wanted = await self._do(token, "update", request.resource_id, old, wanted)
        return UpdateResponse(_outputs(table, wanted))

    async def delete(self, request: DeleteRequest) -> None:
        token, _ = _known(request.type)
        state = _plain(request.properties)
        await self._do(token, "delete", request.resource_id, state)

    async def _do(self, token: str, action: str, *arguments: Any) -> Any:
        """Run blocking Docker work on a thread, connected."""
        # Imported late: most runs of the engine start this plugin and change nothing.
        from . import container, engine_api, image, network, volume

        modules = {"Container": container, "Network": network, "Volume": volume}
        work: Callable[..., Any] = getattr(modules.get(token.split(":")[-1], image), action)

        config = self._config
        async with self._connecting:
            if self._client is None:
                self._client = await asyncio.to_thread(
                    engine_api.connect,
                    config.host,
                    config.ssh_opts,
                    check_daemon=config.check_daemon,
                )
        return await asyncio.to_thread(work, self._client, config.auth or {}, *arguments)


def _known(qualified: str) -> tuple[str, Table]:
    token = own_type(qualified)
    if token not in TABLES:
        raise PluginError(f"the lab's stand-in for the provider `docker` has no {token}")
    return token, TABLES[token]


def _plain(properties: Mapping[str, PropertyValue]) -> State:
    plain = {name: to_plain(value) for name, value in properties.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _outputs(table: Table, state: State) -> dict[str, PropertyValue]:
    """Outputs of a resource; lists and sets are there even when they are empty."""
    empty: State = {name: [] for name, field in table.items() if field.kind in ("list", "set")}
    return _properties(empty | state)


def _properties(state: Mapping[str, Any]) -> dict[str, PropertyValue]:
    return {name: to_property(value) for name, value in state.items() if value is not None}


def _decoded(value: Any) -> Any:
    """Provider settings that are not strings arrive as JSON text."""
    if not isinstance(value, str) or has_unknown(value):
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, list | bool) else value


if __name__ == "__main__":
    serve(PLUGINS["docker"][0], DockerProvider)
