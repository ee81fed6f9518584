"""Whether the NAS has what the container may take."""

from __future__ import annotations

import json
from decimal import Decimal

from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings


def check_limits(settings: Settings, facts: Facts) -> list[Problem]:
    """Docker refuses a container that may take more processors than there are."""
    limit = settings.cpu_limit
    if limit is None or not facts.cpus or Decimal(limit) <= facts.cpus:
        return []
    why = f"is more than the {facts.cpus} processors of the NAS"
    return [Problem("cpuLimit", json.dumps(limit), why, f"write at most {facts.cpus}")]
