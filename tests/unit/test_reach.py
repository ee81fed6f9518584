"""Whether a port of the NAS can be reached from here."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time

import pytest

from nas.reach import MODULE, knock, main, wait


def test_a_port_that_is_open_and_one_that_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert knock("127.0.0.1", port) == "open"
    assert knock("127.0.0.1", port) == "refused"


def test_a_port_that_opens_meanwhile_is_waited_for() -> None:
    with socket.socket() as later:
        later.bind(("127.0.0.1", 0))
        port = later.getsockname()[1]
        opened = threading.Timer(0.7, later.listen)
        opened.start()
        assert wait("127.0.0.1", port, 10) == "open"
        opened.join()


def test_a_port_that_stays_closed_is_named_with_its_setting_in_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        began = time.monotonic()
        assert main(["127.0.0.1", str(port), "1"]) == 1
        assert time.monotonic() - began < 5
    said = capsys.readouterr().err
    assert f"127.0.0.1 port {port}: the connection is refused" in said
    assert "nas-k3s:apiPort" in said


def test_the_program_of_that_name_can_be_run() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", MODULE, "127.0.0.1", port, "1"], capture_output=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")
