"""`docker:index/volume:Volume`."""

from __future__ import annotations

import time

import docker.errors

from .engine_api import DOCKER_ERRORS, Client, explain, label_list, label_map, post
from .plugin import PluginError
from .schema import State

_IN_USE_SECONDS, _BETWEEN_TRIES = 30.0, 0.5


def create(client: Client, auth: object, wanted: State) -> tuple[str, State]:
    """Create a volume. One of that name that exists already is taken as it is: Docker's way."""
    body = {
        "Name": wanted.get("name"),
        "Driver": wanted.get("driver"),
        "DriverOpts": wanted.get("driverOpts"),
        "Labels": label_map(wanted.get("labels")),
    }
    name = post(client, "/volumes/create", body, "Unable to create volume")["Name"]
    state = read(client, auth, name, wanted)
    if state is None:
        raise PluginError(f"volume {name} is gone right after it was created")
    return name, state


def read(client: Client, auth: object, name: str, state: State) -> State | None:
    """The state as Docker has it; None when the volume is gone."""
    try:
        found = client.inspect_volume(name)
    except docker.errors.NotFound:
        return None
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to inspect volume: {explain(error)}") from error
    return state | {
        "name": found["Name"],
        "labels": label_list(found.get("Labels")),
        "driver": found["Driver"],
        "driverOpts": found.get("Options") or {},
        "mountpoint": found["Mountpoint"],
    }


def update(client: Client, auth: object, name: str, old: State, wanted: State) -> State:
    """Nothing of a volume can change in place."""
    return wanted


def delete(client: Client, auth: object, name: str, state: State) -> None:
    """Remove a volume, waiting up to half a minute for what still uses it."""
    deadline = time.monotonic() + _IN_USE_SECONDS
    while True:
        try:
            client.remove_volume(name, force=True)
        except DOCKER_ERRORS as error:
            text = explain(error)
            if "volume is in use" not in text.lower():
                raise PluginError(text) from error
            if time.monotonic() > deadline:
                raise PluginError(
                    "timeout while waiting for state to become 'removed' "
                    "(last state: 'in_use', timeout: 30s)"
                ) from error
            time.sleep(_BETWEEN_TRIES)
        else:
            return
