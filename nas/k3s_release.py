"""Releases of k3s, as image tags spell them."""

from __future__ import annotations

import re


def release_of(image: str) -> tuple[int, int, int] | None:
    """Version of Kubernetes in an image's tag; None: an image of the user's own need not tell."""
    found = re.search(r":v(\d+)\.(\d+)\.(\d+)", image)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))
