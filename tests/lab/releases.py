"""More releases of k3s in the lab's registry, all of the one stand-in that was built.

They share its layer and differ in what they say of themselves: a version, or why they never come
up (see `Variable` and `faultVariable` in go/k3s). Made in the registry itself, so that no release
costs a build, an archive or a push of its own.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from . import content, k3s_image, oci
from .process import LabError, say

NEVER_UP = "v1.34.6-k3s1"
"""The release that ends right after its start."""
_SAYS = {
    tag: {"K3S_STANDIN_VERSION": tag.replace("-k3s", "+k3s")}
    for tag in ("v1.33.8-k3s1", "v1.34.5-k3s1", "v1.35.1-k3s1", "v1.36.0-k3s1")
}
RELEASES: Mapping[str, Mapping[str, str]] = {
    **_SAYS,
    NEVER_UP: {"K3S_STANDIN_FAULT": "this release never comes up"},
}
"""Tag -> its environment on top of the stand-in's own."""

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def ensure(archive: Path, address: str, ca: Path) -> None:
    """Puts those of RELEASES that are missing or made of another `archive` beside the stand-in.

    The registry has to hold the stand-in itself. Raises LabError when it does not answer.
    """
    repository = k3s_image.REFERENCE.partition(":")[0]
    for tag, environment in RELEASES.items():
        config = _config(archive, environment)
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        if content.config_digest(address, ca, f"{repository}:{tag}") == digest:
            continue
        say(f"registry: making {repository}:{tag}")
        _put(f"https://{address}/v2/{repository}", tag, config, digest, ca)


def _config(archive: Path, environment: Mapping[str, str]) -> bytes:
    config = oci.read_config(archive)
    config["config"]["Env"] += [f"{name}={value}" for name, value in environment.items()]
    return json.dumps(config, sort_keys=True).encode()


def _put(base: str, tag: str, config: bytes, digest: str, ca: Path) -> None:
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
    )

    def ask(method: str, url: str, data: bytes | None = None, **headers: str) -> tuple[str, bytes]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(url, data=data, method=method, headers=names)
        with direct.open(request, timeout=20) as answer:
            return answer.headers.get("Location", ""), answer.read()

    try:
        built = k3s_image.REFERENCE.partition(":")[2]
        manifest = json.loads(ask("GET", f"{base}/manifests/{built}", Accept=_MANIFEST)[1])
        upload, _ = ask("POST", f"{base}/blobs/uploads/", b"")
        binary = "application/octet-stream"
        ask("PUT", f"{upload}&digest={digest}", config, Content_Type=binary)
        manifest["config"] |= {"digest": digest, "size": len(config)}
        text = json.dumps(manifest).encode()
        ask("PUT", f"{base}/manifests/{tag}", text, Content_Type=_MANIFEST)
    except OSError as error:
        raise LabError(f"the registry does not take {tag}: {error}") from error
