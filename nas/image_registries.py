"""Which registries the images of a stack come from."""

from __future__ import annotations

from urllib.parse import urlsplit

from nas.proxy import is_bypassed
from nas.settings import Settings

DOCKER_HUB = "registry-1.docker.io"


def registry_of(image: str) -> str:
    """`host:port` of the registry that an image reference names; Docker Hub when it names none."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    host = first if named else DOCKER_HUB
    if host in ("docker.io", "index.docker.io"):
        host = DOCKER_HUB
    return host if ":" in host else f"{host}:443"


def needed_registries(settings: Settings, bypass: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`host:port` of each registry that is needed: through the proxy, and beside it.

    Where a registry has mirrors, they stand for it; k3s asks them first.

    Args:
        bypass: what is reached without the proxy, with commas.
    """
    mirrors = settings.registries.mirrors
    places: list[str] = [registry_of(settings.image)]
    for reference in (settings.smoke_image, "docker.io/rancher/mirrored-pause"):
        registry = reference.partition("/")[0]
        mirror = mirrors.get(registry) or mirrors.get("*")
        if mirror is None or not mirror.endpoint:
            places.append(registry_of(reference))
            continue
        for endpoint in mirror.endpoint:
            parts = urlsplit(endpoint)
            port = parts.port or (80 if parts.scheme == "http" else 443)
            places.append(f"{parts.hostname}:{port}")
    unique = tuple(dict.fromkeys(places))
    if settings.proxy_url is None:
        return (), unique
    beside = tuple(place for place in unique if is_bypassed(place.rpartition(":")[0], bypass))
    return tuple(place for place in unique if place not in beside), beside
