"""Boxes, networks and volumes of an instance on the outer Docker Engine."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import docker.errors
import docker.types
from docker.models.containers import Container

from . import oci, outer
from .images import PREFIX, Image
from .process import LabError, is_left_over, say
from .state import State, lock_file, state_file

_ID = "nas-k3s.lab.id"
_CHECKOUT = "nas-k3s.lab.checkout"
_SPEC = "nas-k3s.lab.spec"
# Seconds that a box gets to end by itself; the NAS stops its containers first.
STOP_SECONDS = 90


@dataclass(frozen=True)
class BoxSpec:
    """How one box is made.

    `networks` maps network roles ("lan", "internet") to addresses, the first one is the box's own;
    `files` maps absolute paths to contents that are put there (0600) before it starts; `options`
    go to docker's container create call.
    """

    role: str
    image: Image
    networks: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Hash of all of it: a running box with the same one needs no change."""
        # The image's content, not its name: what was only put together anew changes no box.
        digest = hashlib.sha256(oci.config_digest(self.image.archive).encode())
        digest.update(
            json.dumps([dict(self.networks), dict(self.options)], sort_keys=True).encode()
        )
        for path, content in sorted(self.files.items()):
            digest.update(f"{path}\n".encode() + content)
        return digest.hexdigest()[:16]


def name(instance: str, role: str) -> str:
    """Name of the box, network or volume with this role."""
    return f"nas-k3s-{instance}-{role}"


def labels(state: State) -> dict[str, str]:
    """Labels of all that belongs to the instance."""
    return {
        outer.LABEL: state.instance,
        _ID: state.id,
        _CHECKOUT: str(state_file(state.instance).parents[2]),
    }


def owners(client: docker.DockerClient, instance: str) -> set[tuple[str, str]]:
    """(checkout, id) of everything on the engine that belongs to an instance of this name."""
    return {
        (found.get(_CHECKOUT, ""), found.get(_ID, ""))
        for found in _labels_of(client, f"{outer.LABEL}={instance}")
    }


def instances(client: docker.DockerClient) -> set[str]:
    """Names of all instances that have something on the engine."""
    return {found.get(outer.LABEL, "") for found in _labels_of(client, outer.LABEL)}


def is_alive(checkout: str, identity: str, instance: str) -> bool:
    """Whether that checkout still has the state of the instance, so that its boxes are in use.

    Those of tests that have ended are not, also where they were killed and left their boxes up.
    """
    try:
        raw = json.loads(state_file(instance, Path(checkout)).read_text())
    except (OSError, ValueError):
        return False
    ours = isinstance(raw, dict) and raw.get("id") == identity
    return ours and not is_left_over(lock_file(instance, Path(checkout)))


def remove_all(client: docker.DockerClient, instance: str) -> None:
    """Remove every box, network and volume of the instance."""
    chosen: dict[str, str | list[str] | bool] = {"label": f"{outer.LABEL}={instance}"}
    for container in client.containers.list(all=True, filters=chosen, ignore_removed=True):
        say(f"removing {container.name}")
        _remove(container)
    _remove_networks(client, instance)
    for volume in client.volumes.list(filters=chosen):
        volume.remove(force=True)


def remove_images(client: docker.DockerClient) -> None:
    """Remove the images of all boxes."""
    for image in client.images.list():
        for tag in image.tags:
            if tag.startswith(PREFIX):
                client.images.remove(tag, force=True)


def ensure_network(client: docker.DockerClient, state: State, role: str) -> bool:
    """Make the network unless it is there; True when it was made."""
    full = name(state.instance, role)
    if client.networks.list(names=[f"^{full}$"]):
        return False
    addresses = state.addresses
    subnet, gateway = {
        "lan": (addresses.lan, addresses.operator),
        "internet": (addresses.internet, addresses.internet_gateway),
    }[role]
    client.networks.create(
        full,
        driver="bridge",
        # No way out through the engine's own NAT, where it has one.
        internal=True,
        ipam=docker.types.IPAMConfig(
            pool_configs=[docker.types.IPAMPool(subnet=subnet, gateway=gateway)]
        ),
        options={outer.BRIDGE_OPTION: outer.bridge_name(state.number, role)},
        labels=labels(state),
    )
    return True


def has_lost_a_bridge(client: docker.DockerClient, state: State) -> bool:
    """Whether a network is known to the engine while its bridge is gone from this machine."""
    return any(
        client.networks.list(names=[f"^{name(state.instance, role)}$"])
        and not (Path("/sys/class/net") / outer.bridge_name(state.number, role)).exists()
        for role in ("lan", "internet")
    )


def remove_networks(client: docker.DockerClient, state: State) -> None:
    """Remove the boxes and networks and keep the volumes."""
    chosen: dict[str, str | list[str] | bool] = {"label": f"{outer.LABEL}={state.instance}"}
    for container in client.containers.list(all=True, filters=chosen, ignore_removed=True):
        container.remove(force=True, v=True)
    _remove_networks(client, state.instance)


def remove_orphan_bridges(client: docker.DockerClient) -> None:
    """Remove the bridges of networks that are gone; without the right to do so they stay."""
    for bridge in outer.orphan_bridges(client):
        if outer.remove_bridge(bridge):
            say(f"removed the bridge {bridge}: it was left behind by a network that is gone")


def _remove_networks(client: docker.DockerClient, instance: str) -> None:
    for network in client.networks.list(filters={"label": f"{outer.LABEL}={instance}"}):
        network.remove()
    # The engine says that it removed the network even when it left the bridge.
    remove_orphan_bridges(client)


def ensure_volume(client: docker.DockerClient, state: State, role: str) -> str:
    """Name of the volume, made unless it is there."""
    full = name(state.instance, role)
    try:
        client.volumes.get(full)
    except docker.errors.NotFound:
        client.volumes.create(full, labels=labels(state))
    return full


def remove_volume(client: docker.DockerClient, state: State, role: str) -> None:
    """Remove the volume with what is on it, if it is there."""
    try:
        client.volumes.get(name(state.instance, role)).remove(force=True)
    except docker.errors.NotFound:
        return


def find(client: docker.DockerClient, instance: str, role: str) -> Container | None:
    """The box with this role, running or not."""
    try:
        return client.containers.get(name(instance, role))
    except docker.errors.NotFound:
        return None


def is_current(client: docker.DockerClient, state: State, spec: BoxSpec) -> bool:
    """Whether the box runs and was made as `spec` says."""
    found = find(client, state.instance, spec.role)
    return found is not None and found.status == "running" and found.labels.get(_SPEC) == spec.key


def start(client: docker.DockerClient, state: State, spec: BoxSpec, *, keep: bool) -> Container:
    """Start the box: with `keep`, one that is off and was made as `spec` says, with its root."""
    found = find(client, state.instance, spec.role)
    if keep and found is not None and found.labels.get(_SPEC) == spec.key:
        if found.status != "running":
            found.start()
        return found
    return create(client, state, spec)


def create(client: docker.DockerClient, state: State, spec: BoxSpec) -> Container:
    """Make and start the box anew; one that is there is stopped and removed first."""
    found = find(client, state.instance, spec.role)
    if found is not None:
        _remove(found)
    _load(client, spec.image)
    (first, address), *others = spec.networks.items()
    full = name(state.instance, first)
    container = client.containers.create(
        spec.image.reference,
        name=name(state.instance, spec.role),
        labels={**labels(state), _SPEC: spec.key},
        network=full,
        networking_config={full: client.api.create_endpoint_config(ipv4_address=address)},
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "10m"}),
        **spec.options,
    )
    for role, other in others:
        client.networks.get(name(state.instance, role)).connect(container, ipv4_address=other)
    if spec.files:
        container.put_archive("/", _tar(spec.files))
    container.start()
    return container


def _labels_of(client: docker.DockerClient, label: str) -> list[dict[str, str]]:
    chosen = {"label": label}
    containers = client.api.containers(all=True, filters=chosen)
    networks = client.api.networks(filters=chosen)
    volumes = client.api.volumes(filters=chosen).get("Volumes") or []
    return [item["Labels"] for item in (*containers, *networks, *volumes)]


def _remove(container: Container) -> None:
    if container.status == "running":
        container.stop(timeout=STOP_SECONDS)
    container.remove(force=True, v=True)


def _load(client: docker.DockerClient, image: Image) -> None:
    try:
        client.images.get(image.reference)
        return
    except docker.errors.ImageNotFound:
        pass
    say(f"loading {image.reference}")
    repository = image.reference.rpartition(":")[0]
    with image.archive.open("rb") as archive:
        client.images.load(archive)
    # Earlier builds of the same box only take space; one that another instance runs is kept.
    for old in client.images.list(name=repository):
        for tag in old.tags:
            if tag != image.reference:
                with contextlib.suppress(docker.errors.APIError):
                    client.images.remove(tag)
    try:
        client.images.get(image.reference)
    except docker.errors.ImageNotFound:
        raise LabError(f"the engine did not take the image in {image.archive}") from None


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size = len(content)
            info.mode = 0o600
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
