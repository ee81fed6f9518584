"""Engine, machines and stacks for the contract suite."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import box, engine
from tests.lab.process import LabError
from tests.lab.profiles import Engine

from .harness import Stack
from .machine import Machine

# "USER@HOST:PORT KEY_FILE KNOWN_HOSTS_FILE": another machine than the lab's NAS.
_OTHER_MACHINE = "NAS_K3S_CONTRACT_MACHINE"
_PASSPHRASE = "contract"
_ENGINE = pytest.StashKey[str]()
# Own instances: the suite puts a docker where the program would take it for somebody else's.
_INSTANCE = f"{os.environ.get('NAS_K3S_TEST_INSTANCE', 'test')}contract"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which plugins kept the contract."""
    used = terminalreporter.config.stash.get(_ENGINE, None)
    if used:
        terminalreporter.write_line(f"contract: {used}")


@pytest.fixture(scope="package")
def engine_environment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, str]]:
    """Environment in which `pulumi` is the lab's engine; also in force for this process."""
    found = engine.ensure_engine()
    request.config.stash[_ENGINE] = found.describe()
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


@pytest.fixture(scope="package")
def nas() -> Iterator[Machine]:
    """The NAS in a box with the current Docker Engine."""
    yield from _prepared("current")


@pytest.fixture(scope="package")
def old_nas() -> Iterator[Machine]:
    """The NAS in a box with Docker Engine 20.10."""
    yield from _prepared("debian")


@pytest.fixture(scope="package", params=["nas", "old_nas"])
def docker_nas(request: pytest.FixtureRequest) -> Machine:
    """The NAS, once with each Docker Engine."""
    found: Machine = request.getfixturevalue(request.param)
    return found


def _prepared(docker_engine: Engine) -> Iterator[Machine]:
    # Control sockets of ssh need a short path.
    with tempfile.TemporaryDirectory(prefix="ct-") as scratch:
        other = os.environ.get(_OTHER_MACHINE)
        if other:
            machine = _other_machine(other, Path(scratch))
            machine.make_images()
            yield machine
            return
        instance = _INSTANCE if docker_engine == "current" else f"{_INSTANCE}old"
        with box.session(instance):
            try:
                lab = box.up(instance, docker_engine)
            except LabError as error:
                pytest.fail(str(error), pytrace=False)
            # The provider needs docker on the PATH of ssh, where a NAS has none.
            station = f"{lab.container_station}/bin/docker"
            lab.nas(
                f"printf '#!/bin/sh\nexec {station} \"$@\"\n' >/bin/docker; chmod +x /bin/docker"
            )
            machine = _lab_machine(lab, Path(scratch))
            machine.make_images()
            yield machine


def _lab_machine(lab: box.Lab, scratch: Path) -> Machine:
    return Machine(
        host=lab.nas_host,
        port=lab.ssh_port,
        user=lab.ssh_user,
        key=lab.ssh_key,
        host_key=lab.ssh_host_key,
        known_hosts=lab.known_hosts,
        scratch=scratch,
    )


def _other_machine(given: str, scratch: Path) -> Machine:
    address, key, known_hosts = given.split()
    user, _, place = address.partition("@")
    host, _, port = place.partition(":")
    return Machine(
        host=host,
        port=int(port or 22),
        user=user,
        key=Path(key),
        host_key=Path(known_hosts).read_text().splitlines()[0].split(" ", 1)[1],
        known_hosts=Path(known_hosts),
        scratch=scratch,
    )
