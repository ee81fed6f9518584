"""Commands on the machine that runs Pulumi."""

from __future__ import annotations

PYTHON = ".venv/bin/python"
"""Relative to the project, in whose directory Pulumi runs it: the state fits every machine."""
