"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# Many examples start a program; how long that takes says nothing on a busy machine.
settings.register_profile("nas-k3s", deadline=None)
settings.load_profile("nas-k3s")
