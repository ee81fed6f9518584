"""Container images from a directory or a layer: written as archives, loaded or pushed later.

The archive is the one that `docker load` and `crane push` take (manifest.json, a config and one
uncompressed layer), byte for byte the same for the same input, so digests can be compared.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .process import LabError, run, whole_file

# The time of every file in a layer (2025-01-01 UTC): content, not the clock, is what counts.
MTIME = 1735689600
_CREATED = "2025-01-01T00:00:00Z"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_PUSH_DEADLINE = 300.0


@dataclass(frozen=True)
class ImageSpec:
    """An image with one layer.

    `reference` is what it is loaded as, such as "rancher/k3s:v1.34.4-k3s1". `layer` is a directory
    that becomes the root (all files owned by 0:0) or a ready, uncompressed tar file. `env` maps
    names to values, `volumes` are absolute paths.
    """

    reference: str
    layer: Path
    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[str] = ()
    workdir: str = "/"
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str | None = None


def architecture() -> str:
    """The machine's architecture as images name it."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)


def write_archive(spec: ImageSpec, path: Path) -> None:
    """Write `spec` to `path`, whole or not at all."""
    with (
        whole_file(path) as scratch,
        tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder,
    ):
        if spec.layer.is_dir():
            layer = Path(folder) / "layer.tar"
            write_layer(spec.layer, layer)
        elif spec.layer.is_file():
            layer = spec.layer
        else:
            raise LabError(f"image {spec.reference}: {spec.layer} does not exist")
        diff_id = _sha256(layer)
        config = json.dumps(_config(spec, diff_id), sort_keys=True).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = [
            {"Config": config_name, "RepoTags": [spec.reference], "Layers": [f"{diff_id}.tar"]}
        ]
        with tarfile.open(scratch, "w", format=tarfile.PAX_FORMAT) as archive:
            # The small ones first: `config_digest` reads only the beginning of the file.
            _add_bytes(archive, "manifest.json", json.dumps(manifest).encode())
            _add_bytes(archive, config_name, config)
            info = _plain(tarfile.TarInfo(f"{diff_id}.tar"))
            info.size = layer.stat().st_size
            with layer.open("rb") as content:
                archive.addfile(info, content)


def write_layer(root: Path, path: Path) -> None:
    """Write the directory `root` as a tar: sorted, owner 0:0, one fixed time, no hard links."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for entry in sorted(root.rglob("*")):
            name = str(entry.relative_to(root))
            info = archive.gettarinfo(str(entry), name)
            if info is None:  # a socket: nothing to keep
                continue
            if info.islnk():
                info.type, info.linkname = tarfile.REGTYPE, ""
                info.size = entry.stat().st_size
            _plain(info)
            if info.isreg():
                with entry.open("rb") as content:
                    archive.addfile(info, content)
            else:
                archive.addfile(info)


def config_digest(archive: Path) -> str:
    """The "sha256:..." of the image's config: the same for the same content and settings."""
    with tarfile.open(archive) as opened:
        member = opened.next()
        content = opened.extractfile(member) if member and member.name == "manifest.json" else None
        if content is None:
            raise LabError(f"{archive} is not an image archive of the lab")
        return "sha256:" + str(json.load(content)[0]["Config"]).removesuffix(".json")


def read_config(archive: Path) -> dict[str, Any]:
    """The image's config, as `write_archive` wrote it."""
    with tarfile.open(archive) as opened:
        name = config_digest(archive).removeprefix("sha256:") + ".json"
        content = opened.extractfile(name)
        assert content is not None
        config: dict[str, Any] = json.load(content)
        return config


def push(archive: Path, registry: str, reference: str, *, ca: Path) -> None:
    """Push `archive` to `registry` ("host[:port]", TLS under the CA file `ca`) as `reference`.

    `reference` is a repository with a tag and without a registry: "rancher/mirrored-pause:3.6".
    Raises LabError when crane fails or takes longer than 300 s.
    """
    from . import toolchain

    crane = toolchain.ensure(["crane"])["crane"]
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with tempfile.TemporaryDirectory() as home:
        run(
            [crane, "push", archive, f"{registry}/{reference}"],
            what=f"push of {reference}",
            deadline=_PUSH_DEADLINE,
            env={**env, "SSL_CERT_FILE": str(ca), "DOCKER_CONFIG": home},
        )


def _config(spec: ImageSpec, diff_id: str) -> dict[str, object]:
    settings: dict[str, object] = {
        "Env": [f"{name}={value}" for name, value in sorted(spec.env.items())],
        "Entrypoint": list(spec.entrypoint) or None,
        "Cmd": list(spec.cmd) or None,
        "WorkingDir": spec.workdir,
        "Labels": dict(spec.labels),
    }
    if spec.volumes:
        settings["Volumes"] = {volume: {} for volume in spec.volumes}
    if spec.stop_signal:
        settings["StopSignal"] = spec.stop_signal
    return {
        "architecture": architecture(),
        "os": "linux",
        "created": _CREATED,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{diff_id}"]},
        "history": [{"created": _CREATED, "created_by": "nas-k3s lab"}],
    }


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime = MTIME
    return info


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = _plain(tarfile.TarInfo(name))
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
