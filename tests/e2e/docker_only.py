"""The program without its cluster: Docker, reachable and behind the proxy, and nothing on top.

Faults of that part are tried on it, because it takes seconds. A test puts it in the place of a
project's `__main__.py`.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from components import program
from nas.plan import Plan
from nas.ssh import SshTarget


def build(
    plan: Plan, target: SshTarget, began: int | None = None, file_drift: str | None = None
) -> None:
    """In the place of `program.build`."""
    program.build_docker(plan, program.commands(plan, target))


program.build = build
runpy.run_path(str(Path(__file__).resolve().parents[2] / "__main__.py"))
