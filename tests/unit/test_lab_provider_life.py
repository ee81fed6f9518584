"""A stand-in for a provider lives as long as the engine that started it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.lab import paths

# An engine for as long as it needs one: it starts the stand-in named by its arguments, with its
# own address, tells its process id and lives on.
ENGINE = """
import socket, subprocess, sys, time
listening = socket.create_server(("127.0.0.1", 0))
address = f"127.0.0.1:{listening.getsockname()[1]}"
child = subprocess.Popen([*sys.argv[1:], address], stdout=subprocess.PIPE, text=True)
port = child.stdout.readline().strip()
print(child.pid, port, flush=True)
time.sleep(120)
"""
PROVIDERS = ["command", "docker"]


def stand_in(name: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"tests.lab.providers.{name}"]


def _alive(pid: int) -> bool:
    try:
        stat = open(f"/proc/{pid}/stat").read()  # noqa: PTH123, SIM115
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture(params=PROVIDERS)
def running(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The engine and the process id of a stand-in that serves."""
    env = {**os.environ, "PYTHONPATH": str(paths.REPO)}
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, *stand_in(request.param)],
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    )
    assert engine.stdout is not None
    pid, port = (int(word) for word in engine.stdout.readline().split())
    socket.create_connection(("127.0.0.1", port), timeout=10).close()
    yield engine, pid
    engine.kill()
    engine.wait()
    if _alive(pid):
        os.kill(pid, signal.SIGKILL)


def test_a_stand_in_ends_soon_after_its_engine_was_killed_and_not_before(
    running: tuple[subprocess.Popen[str], int],
) -> None:
    engine, pid = running
    time.sleep(3)
    assert _alive(pid)
    engine.kill()
    engine.wait()
    end = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _alive(pid)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_stand_in_whose_engine_is_gone_when_it_starts_ends_at_once(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    done = subprocess.run(
        [*stand_in(name), address],
        env={**os.environ, "PYTHONPATH": str(paths.REPO)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"no engine listens at {address}" in done.stderr
