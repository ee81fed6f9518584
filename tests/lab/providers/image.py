"""`docker:index/remoteImage:RemoteImage`: an image that the daemon has, pulled when it has not."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import docker.errors

from .engine_api import DOCKER_ERRORS, Client, explain
from .plugin import PluginError
from .schema import State

# Registry host -> {"username", "password", "serveraddress"}.
Auth = Mapping[str, Mapping[str, str]]


def create(client: Client, auth: Auth, wanted: State) -> tuple[str, State]:
    """Find or pull the image. The resource's ID is the image's ID with the name appended."""
    name = wanted["name"]
    try:
        find(client, name, auth, platform=wanted.get("platform") or "")
    except PluginError as error:
        raise PluginError(f"Unable to read Docker image into resource: {error}") from error
    state = read(client, auth, "", wanted)
    if state is None:
        raise PluginError(f"image {name} is gone right after it was found")
    return state["imageId"] + name, state


def read(client: Client, auth: Auth, resource_id: str, state: State) -> State | None:
    """The state with the image's ID as it is now; None when the daemon has no such image."""
    found = _local(client, state["name"])
    if found is None:
        return None
    return state | {"imageId": found["Id"], "repoDigest": _digest(state["name"], found)}


def update(client: Client, auth: Auth, resource_id: str, old: State, wanted: State) -> State:
    """Nothing of an image changes, but one that is missing is pulled again."""
    return create(client, auth, wanted)[1]


def delete(client: Client, auth: Auth, resource_id: str, state: State) -> None:
    """Remove the image unless it is to be kept."""
    if state.get("keepLocally") or _local(client, state["name"]) is None:
        return
    try:
        client.remove_image(state["name"], force=bool(state.get("forceRemove")))
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to remove Docker image: {explain(error)}") from error


def find(client: Client, name: str, auth: Auth, *, platform: str) -> dict[str, Any]:
    """The image as the daemon lists it; pulled when it is not there yet."""
    if not name:
        raise PluginError("empty image name is not allowed")
    found = _local(client, name)
    if found is None:
        _pull(client, name, auth, platform)
        found = _local(client, name)
    if found is None:
        raise PluginError(f"unable to find or pull image {name}")
    return found


def _local(client: Client, name: str) -> dict[str, Any] | None:
    """Only images that the daemon also lists count, as in the official provider."""
    try:
        listed = {image["Id"]: image for image in client.images()}
        found: dict[str, Any] | None = listed.get(client.inspect_image(name)["Id"])
    except docker.errors.NotFound:
        return None
    except DOCKER_ERRORS as error:
        raise PluginError(f"unable to inspect image {name}: {explain(error)}") from error
    return found


def _pull(client: Client, name: str, auth: Auth, platform: str) -> None:
    repository, tag = _reference(name)
    params = {"fromImage": repository, "tag": tag}
    if platform:
        params["platform"] = platform
    login = json.dumps(dict(auth.get(_registry(name), {})))
    headers = {"X-Registry-Auth": base64.urlsafe_b64encode(login.encode()).decode()}
    problem = f"unable to pull image {name}: error pulling image {name}"
    try:
        response = client._post(
            client._url("/images/create"), params=params, headers=headers, stream=True
        )
        client._raise_for_status(response)
        for event in client._stream_helper(response, decode=True):
            if "error" in event:
                raise PluginError(f"{problem}: {event['error']}")
    except DOCKER_ERRORS as error:
        raise PluginError(f"{problem}: {explain(error)}") from error


def _reference(name: str) -> tuple[str, str]:
    """Repository and tag or digest, with the digest before the tag."""
    repository, _, digest = name.partition("@")
    tag = re.search(r":([^:/]+)$", repository)
    if tag:
        repository = repository[: tag.start()]
    return repository, digest or (tag.group(1) if tag else "latest")


def _registry(name: str) -> str:
    first, _, rest = name.partition("/")
    named = rest and (rest.count("/") > 0 or re.search(r"[.:]", first) or first == "localhost")
    return first if named else "registry-1.docker.io"


def _digest(name: str, found: Mapping[str, Any]) -> str:
    """The digest under which the registry knows the image; empty for one made locally."""
    digests: list[str] = found.get("RepoDigests") or []
    untagged = name.partition(":")[0]
    matching = [digest for digest in digests if digest.startswith(untagged)]
    return (matching or digests or [""])[0]
