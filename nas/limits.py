"""Memory and processors that the k3s container may take, as Docker's provider wants them.

Both are written the way in which the provider reads them back: else each run shows a change.
"""

from __future__ import annotations

import re
from decimal import Decimal

from nas.proxy import BadValueError

LEAST_MEMORY = 1024
"""Megabytes. A server with its own pods takes about that much
(https://docs.k3s.io/reference/resource-profiling)."""
LEAST_CPUS = Decimal("0.5")
_UNITS = {"m": 1, "g": 1024}


def megabytes(text: str) -> int:
    """`4g` or `4096m` in megabytes.

    Raises:
        BadValueError: for anything else, and for less than k3s can live on.
    """
    match = re.fullmatch(r"(\d{1,6})([mg])", text.lower())
    if match is None:
        raise BadValueError("is no size", "write a number with m or g, e.g. 4g")
    size = int(match[1]) * _UNITS[match[2]]
    if size < LEAST_MEMORY:
        raise BadValueError("is less than k3s itself takes", "write at least 1g")
    return size


def cpus(text: str) -> str:
    """`2` or `1.5` processors as `2.0` and `1.5`.

    Raises:
        BadValueError: for anything else, and for less than k3s can live on.
    """
    if not re.fullmatch(r"\d{1,3}(?:\.\d{1,3})?", text):
        raise BadValueError("is no number of processors", "write e.g. 2 or 1.5")
    number = Decimal(text)
    if number < LEAST_CPUS:
        raise BadValueError("is less than k3s itself takes", f"write at least {LEAST_CPUS}")
    whole, _, rest = f"{number:.3f}".partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def memory_limit(text: str) -> str:
    """A check of the setting, which stays as it was written."""
    megabytes(text)
    return text


def cpu_limit(text: str) -> str:
    """A check of the setting, which stays as it was written."""
    cpus(text)
    return text
