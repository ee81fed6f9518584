"""Which registries the images of a stack come from."""

from __future__ import annotations

from urllib.parse import urlsplit

from nas.proxy import is_bypassed
from nas.settings import Settings

DOCKER_HUB = "registry-1.docker.io"


def registry_of(image: str) -> str:
    """`host:port` of the registry that an image reference names; Docker Hub when it names none."""
    host = _named(image)
    if host == "docker.io":
        host = DOCKER_HUB
    return host if ":" in host else f"{host}:443"


def _named(image: str) -> str:
    """The registry as `registries` of k3s calls it."""
    first, slash, _ = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return "docker.io" if not named or first == "index.docker.io" else first


def is_spared(place: str, bypass: str) -> bool:
    """Whether `host:port` is reached without the proxy by those whose no-proxy list is `bypass`."""
    host, _, port = place.rpartition(":")
    return is_bypassed(host, bypass, int(port))


def needed_registries(settings: Settings, bypass: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`host:port` of each registry that is needed: through the proxy, and beside it.

    Where a registry has mirrors, they stand for it; k3s asks them first.

    Args:
        bypass: what is reached without the proxy, with commas.
    """
    mirrors = settings.registries.mirrors
    places: list[str] = [registry_of(settings.image)]
    for reference in (settings.smoke_image, "docker.io/rancher/mirrored-pause"):
        mirror = mirrors.get(_named(reference)) or mirrors.get("*")
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
    beside = tuple(place for place in unique if is_spared(place, bypass))
    return tuple(place for place in unique if place not in beside), beside
