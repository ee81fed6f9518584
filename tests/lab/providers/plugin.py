"""What every stand-in needs: serving, plain error texts, logging to the engine, property values."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
import grpc.aio  # type: ignore[import-untyped]
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import PropertyDiff, PropertyDiffKind, Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import rpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

# Seconds between two looks whether the engine is still there.
_LOOK_FOR_ENGINE = 1.0


class PluginError(Exception):
    """A failure whose text is all that the user shall see."""


class PartialFailureError(PluginError):
    """The resource exists but is not what was asked for; the engine keeps it with the error.

    Official plugins answer this way when a container was created but could not be started.
    """

    def __init__(self, reason: str, resource_id: str, outputs: Mapping[str, PropertyValue]) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.outputs = dict(outputs)


class _Unknown:
    """The value of a property that only a later `up` will know."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()

# How the engine writes an unknown string, bool, number, array, asset, archive and object on the
# wire (sdk/go/common/resource/plugin/rpc.go). The Python SDK knows only the first of them, and its
# provider library passes it on as if it were a text.
_UNKNOWN_TEXTS = frozenset(
    (
        rpc.UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    )
)
UNKNOWN_PROPERTY = PropertyValue(rpc.UNKNOWN)

Plain = Any  # None, bool, int, float, str, UNKNOWN, or lists and dicts of them


def own_type(qualified: str) -> str:
    """The resource's own type: the SDK hands over that of its URN, with its parents' before a $."""
    return qualified.rpartition("$")[2]


def to_plain(value: PropertyValue) -> Plain:
    """The bare Python value, without secretness; whole numbers become int."""
    inner = value.value
    if isinstance(inner, str) and inner in _UNKNOWN_TEXTS:
        return UNKNOWN
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {name: to_plain(member) for name, member in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [to_plain(member) for member in inner]
    return inner


def to_property(value: Plain) -> PropertyValue:
    """The reverse of `to_plain`."""
    if value is UNKNOWN:
        return UNKNOWN_PROPERTY
    if isinstance(value, Mapping):
        return PropertyValue({name: to_property(member) for name, member in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([to_property(member) for member in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def has_unknown(value: Plain) -> bool:
    """Whether anything in a plain value is still unknown."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Mapping):
        return any(has_unknown(member) for member in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(member) for member in value)
    return False


def is_set(value: PropertyValue | None) -> bool:
    """Whether a property is there and not null."""
    return value is not None and value.value is not None


def object_diff(
    old: Mapping[str, PropertyValue], new: Mapping[str, PropertyValue]
) -> dict[str, PropertyDiff]:
    """Paths that differ between two property maps, as the engine writes paths: `a.b[0]`.

    Null counts as absent; a secret is one value, its inside has no path of its own.
    """
    diffs: dict[str, PropertyDiff] = {}
    _diff_into(diffs, "", PropertyValue(dict(old)), PropertyValue(dict(new)))
    return diffs


def _diff_into(
    diffs: dict[str, PropertyDiff], path: str, old: PropertyValue | None, new: PropertyValue | None
) -> None:
    if old is None or not is_set(old):
        if new is not None and is_set(new):
            diffs[path] = PropertyDiff(PropertyDiffKind.ADD, False)
        return
    if new is None or not is_set(new):
        diffs[path] = PropertyDiff(PropertyDiffKind.DELETE, False)
        return
    a, b = old.value, new.value
    if not (old.is_secret or new.is_secret):
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            for name in [*a, *(name for name in b if name not in a)]:
                _diff_into(diffs, _member(path, name), a.get(name), b.get(name))
            return
        if isinstance(a, tuple) and isinstance(b, tuple):
            for index in range(max(len(a), len(b))):
                _diff_into(
                    diffs,
                    f"{path}[{index}]",
                    a[index] if index < len(a) else None,
                    b[index] if index < len(b) else None,
                )
            return
    if not same(old, new):
        diffs[path] = PropertyDiff(PropertyDiffKind.UPDATE, False)


def same(old: PropertyValue, new: PropertyValue) -> bool:
    """Whether two values are equal, secretness included, dependencies and nulls aside."""
    return old.is_secret == new.is_secret and _bare(old) == _bare(new)


def _bare(value: PropertyValue) -> Any:
    inner = value.value
    if isinstance(inner, Mapping):
        return {name: _marked(member) for name, member in inner.items() if is_set(member)}
    if isinstance(inner, tuple):
        return [_marked(member) for member in inner]
    return inner


def _marked(value: PropertyValue) -> Any:
    return (value.is_secret, _bare(value))


def _member(path: str, name: str) -> str:
    if re.fullmatch(r"[A-Za-z_$][\w$]*", name):
        return f"{path}.{name}" if path else name
    return f"{path}[{json.dumps(name)}]"


def quoted(text: str) -> str:
    """Go's %q, near enough: a double-quoted literal with escapes."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"\\u00([0-9a-f]{2})", r"\\x\1", quoted)


class EngineLog:
    """Lines for the user, sent to the engine that started this plugin."""

    def __init__(self, engine_address: str) -> None:
        self._address = engine_address
        self._stub: Any = None

    async def status(self, urn: str, message: str) -> None:
        """A passing line of progress, shown beside the resource while it is worked on."""
        await self._send(urn, message, engine_pb2.INFO, ephemeral=True)

    async def warning(self, urn: str, message: str) -> None:
        await self._send(urn, message, engine_pb2.WARNING, ephemeral=False)

    async def error(self, urn: str, message: str) -> None:
        await self._send(urn, message, engine_pb2.ERROR, ephemeral=False)

    async def _send(self, urn: str, message: str, severity: Any, *, ephemeral: bool) -> None:
        if self._stub is None:
            channel = grpc.aio.insecure_channel(self._address, options=_GRPC_CHANNEL_OPTIONS)
            self._stub = engine_pb2_grpc.EngineStub(channel)
        await self._stub.Log(
            engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        )


def serve(version: str, make: Callable[[EngineLog], Provider]) -> None:
    """Serve the provider that `make` returns until the engine ends this process, or is gone.

    Like the SDK's own `server.main`, but failures reach the user as their text alone, without a
    Python traceback, and with the state of a half-made resource.
    """
    address = sys.argv[1]
    _end_with_the_engine(address)

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        servicer = _Servicer(sys.argv[1:], version, make(EngineLog(address)), address)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        await server.wait_for_termination()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def _end_with_the_engine(address: str) -> None:
    """End this process, whatever it is doing, within seconds after the engine that started it.

    An engine that is killed ends nothing that it started; a process whose parent is gone has
    another one. The engine's address is asked once, for one that was gone before this was called.
    """
    engine = os.getppid()
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except ConnectionRefusedError:
        sys.exit(f"no engine listens at {address}")
    except OSError:  # too busy to answer: not gone
        pass

    def watch() -> None:
        while os.getppid() == engine:
            time.sleep(_LOOK_FOR_ENGINE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _Servicer(ProviderServicer):
    """The SDK's servicer with error texts for users."""

    async def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().CheckConfig(request, context), context)

    async def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Configure(request, context), context)

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Check(request, context), context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Diff(request, context), context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Create(request, context), context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Read(request, context), context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Update(request, context), context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await _plainly(super().Delete(request, context), context)


async def _plainly(call: Awaitable[Any], context: Any) -> Any:
    try:
        return await call
    except Exception as raised:
        # The SDK wraps what a provider raises into an Exception whose text ends in a traceback.
        error = raised.__context__ if isinstance(raised.__context__, PluginError) else raised
        if isinstance(error, PartialFailureError):
            context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
        if isinstance(error, PluginError):
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))
        raise


def _details(error: PartialFailureError) -> bytes:
    failed = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=PropertyValue.marshal_map(error.outputs),
        reasons=[str(error)],
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(failed)
    return bytes(status.SerializeToString())
