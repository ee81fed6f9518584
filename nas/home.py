"""Paths with `~`, read as the `ssh` program reads them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def expand(path: str) -> Path:
    """`path` with a leading `~` replaced by the home of the user's account.

    OpenSSH asks the password database and not `$HOME`; what we check or write has to be the file
    that ssh will open.
    """
    if path == "~" or path.startswith("~/"):
        return Path(_home() + path[1:])
    return Path(os.path.expanduser(path))  # noqa: PTH111 # Path's own raises for unknown users


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return os.path.expanduser("~")  # noqa: PTH111
