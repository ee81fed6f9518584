"""The `pulumi` program, asked for what it knows of a stack. It never asks back."""

from __future__ import annotations

import subprocess
from pathlib import Path

PULUMI_TIMEOUT = 60
"""Seconds for one call; a cloud backend may be asked."""


class PulumiError(Exception):
    """Pulumi gave no answer; the text is a clause that says why."""


def ask_pulumi(root: Path, *arguments: str) -> str:
    """Standard output of one `pulumi` call in the project.

    Raises:
        PulumiError: when there is no such program or it fails.
    """
    try:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PULUMI_TIMEOUT,
            check=False,
        )
    except OSError:
        raise PulumiError("there is no pulumi program on this machine") from None
    except subprocess.TimeoutExpired:
        raise PulumiError(f"pulumi did not answer within {PULUMI_TIMEOUT} s") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        last = lines[-1] if lines else f"status {done.returncode}"
        raise PulumiError(f"pulumi says: {last.removeprefix('error: ')}")
    return done.stdout
