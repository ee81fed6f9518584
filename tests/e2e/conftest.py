"""The NAS in a box for the tests: an instance beside the demo's, booted once per session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import box
from tests.lab.box import Lab
from tests.lab.process import LabError

# Its name; with NAS_K3S_KEEP_LAB set it stays up afterwards, which makes the next run quicker.
INSTANCE = os.environ.get("NAS_K3S_TEST_INSTANCE", "test")
# Tests that run side by side have a NAS each.
INSTANCE += os.environ.get("PYTEST_XDIST_WORKER", "")


# Settings of the lab as every test finds it.
AS_FOUND = {
    "profile": "qnap",
    "engine": "current",
    "proxy_auth": False,
    "pool": "CACHEDEV1_DATA",
}
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def boot(**settings: object) -> Lab:
    """The session's lab with these settings of `box.up`; one line instead of a traceback."""
    try:
        return box.up(INSTANCE, **settings)  # type: ignore[arg-type]
    except LabError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def forwarding_before() -> str:
    """This machine's IP forwarding switch before the lab was booted."""
    return FORWARDING.read_text()


@pytest.fixture(scope="session")
def session_lab(forwarding_before: str) -> Iterator[Lab]:
    """A lab with the current engine and without proxy login, removed at the end of the session."""
    with box.session(INSTANCE):
        yield boot(**AS_FOUND)


@pytest.fixture
def lab(session_lab: Lab) -> Lab:
    """The lab as every test finds it: all boxes up, no proxy login, its daemon answering."""
    return boot(**AS_FOUND)


@pytest.fixture
def write_docker_json(lab: Lab) -> Iterator[Callable[[str], None]]:
    """Writes the daemon's config file and restarts the daemon, as somebody on the NAS would.

    The file and the containers of the household are as before after the test.
    """
    before = docker_json(lab)

    def write(text: str) -> None:
        _write(lab, text)
        lab.restart_docker()

    yield write
    if docker_json(lab) != before:
        write(before)
    lab.nas("docker start photos notes")


def docker_json(lab: Lab) -> str:
    """The daemon's config file."""
    return lab.nas_must(f"cat {lab.docker_json}")


def states(lab: Lab) -> dict[str, str]:
    """Container -> its state."""
    listed = lab.nas_must("docker ps --all --format '{{.Names}} {{.State}}'")
    return dict(line.split() for line in listed.splitlines())


def _write(lab: Lab, text: str) -> None:
    code, _, error = lab.nas(f"cat >{lab.docker_json} <<'END-OF-FILE'\n{text}END-OF-FILE\n")
    assert code == 0, error
