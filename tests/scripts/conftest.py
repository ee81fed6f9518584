"""Fixtures for the tests of scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.fake_nas import DOCKER_JSON, FakeNas


@pytest.fixture
def make_nas(tmp_path: Path) -> Callable[..., FakeNas]:
    """Makes a fake NAS of another kind, engine or daemon config."""

    def make(
        *, engine: str = "27.1.2", config: str | None = DOCKER_JSON, kind: str = "qnap"
    ) -> FakeNas:
        return FakeNas(tmp_path / "nas", engine=engine, config=config, kind=kind)

    return make


@pytest.fixture
def nas(make_nas: Callable[..., FakeNas]) -> FakeNas:
    """A fake QNAP with a current engine."""
    return make_nas()
