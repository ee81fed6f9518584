"""Engine, machines and stacks for the contract suite."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import engine

from .harness import Stack
from .machine import Machine

# "USER@HOST:PORT KEY_FILE KNOWN_HOSTS_FILE": another machine than the lab's NAS.
_OTHER_MACHINE = "NAS_K3S_CONTRACT_MACHINE"
_PASSPHRASE = "contract"


@pytest.fixture(scope="session")
def engine_environment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """Environment in which `pulumi` is the lab's engine; also in force for this process."""
    found = engine.ensure_engine()
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\ncontract: {found.describe()}")
    environment = found.environment(tmp_path_factory.mktemp("pulumi"), _PASSPHRASE)
    with pytest.MonkeyPatch.context() as patch:
        # The Automation API adds to this process's environment; it never takes away.
        for name in set(os.environ) - set(environment):
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment


@pytest.fixture
def stack(engine_environment: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """An empty stack; what is left in it is destroyed at the end."""
    made = Stack(tmp_path / "program", engine_environment)
    yield made
    made.clean()


@pytest.fixture(scope="session")
def nas() -> Iterator[Machine]:
    """The NAS in a box with the current Docker Engine."""
    yield from _prepared("current")


@pytest.fixture(scope="session")
def old_nas() -> Iterator[Machine]:
    """The NAS in a box with Docker Engine 20.10."""
    yield from _prepared("debian")


@pytest.fixture(scope="session", params=["nas", "old_nas"])
def docker_nas(request: pytest.FixtureRequest) -> Machine:
    """The NAS, once with each Docker Engine."""
    found: Machine = request.getfixturevalue(request.param)
    return found


def _prepared(docker_engine: str) -> Iterator[Machine]:
    # Control sockets of ssh need a short path.
    with tempfile.TemporaryDirectory(prefix="ct-") as scratch:
        machine = _other_machine(Path(scratch)) or _lab_machine(docker_engine, Path(scratch))
        machine.forget()
        machine.make_images()
        yield machine
        machine.forget()


def _other_machine(scratch: Path) -> Machine | None:
    given = os.environ.get(_OTHER_MACHINE)
    if not given:
        return None
    address, key, known_hosts = given.split()
    user, _, place = address.partition("@")
    host, _, port = place.partition(":")
    line = Path(known_hosts).read_text().splitlines()[0]
    return Machine(
        host=host,
        port=int(port or 22),
        user=user,
        key=Path(key),
        host_key=line.split(" ", 1)[1],
        known_hosts=Path(known_hosts),
        scratch=scratch,
    )


def _lab_machine(docker_engine: str, scratch: Path) -> Machine:
    raise NotImplementedError
