"""Where the lab keeps things: one module, so that no other spells a path."""

from __future__ import annotations

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
LAB = Path(__file__).resolve().parent
GO_MODULES = LAB / "go"


def cache_dir() -> Path:
    """Builds and downloads that may vanish at any time: $NAS_K3S_CACHE, else the user's cache."""
    chosen = os.environ.get("NAS_K3S_CACHE")
    base = (
        Path(chosen)
        if chosen
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nas-k3s"
    )
    base.mkdir(parents=True, exist_ok=True)
    return base


CACHE = cache_dir()


def instance_dir(name: str) -> Path:
    """Keys, passwords, logs and state of the lab instance `name`; private, ignored by git."""
    path = REPO / ".lab" / name
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
