"""What the lab's registry holds, and putting it there when it is not there yet."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import debs, oci, paths, toolchain
from .gobuild import Target
from .process import LabError, clear_scratch, locked, remove_unused, say

_STAND_IN = "nas-k3s.lab/stand-in"
_VERSION = "nas-k3s.lab/version"
_MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    )
)
_IDLE = {
    "rancher/mirrored-metrics-server:v0.8.0": "sleep",
    "rancher/local-path-provisioner:v0.0.32": "sleep",
    "rancher/mirrored-library-traefik:3.5.1": "sleep",
    "rancher/klipper-lb:v0.4.13": "sleep",
    "rancher/klipper-helm:v0.9.12-build20251215": "end",
}
"""Images of packaged components that the k3s stand-in deploys -> what their program does."""
_PAUSE = Target(
    name="pause", title="pause container", module="pause", outputs={"pause": "."}, minutes=0.2
)


@dataclass(frozen=True)
class Content:
    """One image of the registry; `archive` makes it or takes it from the cache."""

    reference: str
    archive: Callable[[], Path]


def contents() -> list[Content]:
    """All images, by the names under which k3s and the NAS ask for them."""
    found = [
        Content("library/busybox:latest", _busybox),
        Content("rancher/mirrored-library-busybox:1.37.0", _busybox),
        Content("rancher/mirrored-pause:3.6", _pause),
        Content("rancher/mirrored-coredns-coredns:1.13.1", _coredns),
        *(Content(reference, partial(_idle, reference)) for reference in _IDLE),
    ]
    try:
        from . import k3s_image
    except ImportError:
        say("the k3s stand-in is not part of this checkout: the registry does without rancher/k3s")
    else:
        found.append(Content("rancher/k3s:v1.34.4-k3s1", k3s_image.archive))
    return found


def ensure(images: Mapping[str, Path], address: str, ca: Path) -> bool:
    """Push those of the archives `images` (by reference) that the registry at `address` lacks.

    One that it holds with another content is pushed as well. True when something was pushed.
    Raises LabError when the registry does not answer or a push fails.
    """
    pushed = False
    for reference, archive in images.items():
        if config_digest(address, ca, reference) == oci.config_digest(archive):
            continue
        say(f"registry: pushing {reference} ({archive.stat().st_size / 1e6:.0f} MB)")
        oci.push(archive, address, reference, ca=ca)
        pushed = True
    return pushed


def config_digest(address: str, ca: Path, reference: str) -> str | None:
    """Digest of the config of an image in the registry at `address`; None when it is not there."""
    repository, _, tag = reference.rpartition(":")
    request = urllib.request.Request(
        f"https://{address}/v2/{repository}/manifests/{tag}", headers={"Accept": _MANIFEST_TYPES}
    )
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
    )
    try:
        with direct.open(request, timeout=10) as answer:
            return str(json.load(answer)["config"]["digest"])
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise LabError(f"the registry answers {error.code} when asked for {reference}") from error
    except OSError as error:
        raise LabError(f"the registry at {address} does not answer: {error}") from error


def _busybox() -> Path:
    packages = debs.root("busybox", ["busybox-static"])
    binary = packages / "usr/bin/busybox"
    told = subprocess.run([binary], capture_output=True, text=True, timeout=20, check=False).stdout
    version = re.search(r"v(\d[\d.]*)", told)

    def fill(root: Path) -> None:
        (root / "bin").mkdir()
        shutil.copy2(binary, root / "bin/busybox")
        applets = subprocess.run(
            [binary, "--list"], capture_output=True, text=True, timeout=20, check=True
        ).stdout.split()
        for applet in applets:
            if applet != "busybox":
                (root / "bin" / applet).symlink_to("busybox")
        (root / "tmp").mkdir(mode=0o777)

    return _archive("busybox", binary, version[1] if version else "?", fill, cmd=("sh",))


def _idle(reference: str) -> Path:
    """An image whose program says that it is a stand-in and then sleeps, or ends well."""
    name, _, version = reference.rpartition("/")[2].partition(":")
    binary = debs.root("busybox", ["busybox-static"]) / "usr/bin/busybox"
    # A shell as process 1 ignores SIGTERM unless it is told to.
    rest = "trap 'exit 0' TERM; sleep 2147483647 & wait" if _IDLE[reference] == "sleep" else ":"
    program = f"#!/bin/busybox sh\necho 'stand-in for {name}, which does nothing' $*\n{rest}\n"

    def fill(root: Path) -> None:
        (root / "bin").mkdir()
        for path, data in (("bin/busybox", binary.read_bytes()), ("program", program.encode())):
            (root / path).write_bytes(data)
            (root / path).chmod(0o755)
        for applet in ("sh", "sleep"):
            (root / "bin" / applet).symlink_to("busybox")

    return _archive(name, binary, version, fill, entrypoint=("/program",))


def _pause() -> Path:
    binary = toolchain.ensure(["pause"], targets=[_PAUSE])["pause"]
    return _archive("pause", binary, "lab", _single(binary, "pause"), entrypoint=("/pause",))


def _coredns() -> Path:
    binary = toolchain.ensure(["coredns"])["coredns"]
    module = (paths.GO_MODULES / "coredns/go.mod").read_text()
    version = re.search(r"github\.com/coredns/coredns v(\S+)", module)
    return _archive(
        "coredns",
        binary,
        version[1] if version else "?",
        _single(binary, "coredns"),
        entrypoint=("/coredns",),
    )


def _single(binary: Path, program: str) -> Callable[[Path], None]:
    def fill(root: Path) -> None:
        shutil.copy2(binary, root / program)

    return fill


def _archive(
    name: str,
    binary: Path,
    version: str,
    fill: Callable[[Path], None],
    *,
    entrypoint: tuple[str, ...] = (),
    cmd: tuple[str, ...] = (),
) -> Path:
    """The image of one program, labelled with its true version; `fill` lays out the root."""
    key = hashlib.sha256(Path(__file__).read_bytes())
    key.update(f"{binary} {binary.stat().st_size}".encode())
    final = paths.CACHE / "images" / f"content-{name}-{key.hexdigest()[:16]}.tar"
    with locked(paths.CACHE / "locks" / f"content-{name}.lock", what=name, deadline=300):
        if final.is_file():
            os.utime(final)
            return final
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_unused(final.parent, f"content-{name}-*.tar", final)
        clear_scratch(final.parent, f"content-{name}-")
        with tempfile.TemporaryDirectory(
            dir=final.parent, prefix=f".content-{name}-root."
        ) as folder:
            root = Path(folder) / "root"
            root.mkdir()
            fill(root)
            spec = oci.ImageSpec(
                reference=f"lab/{name}:latest",
                layer=root,
                entrypoint=entrypoint,
                cmd=cmd,
                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                labels={_STAND_IN: name, _VERSION: version},
            )
            oci.write_archive(spec, final)
    return final
