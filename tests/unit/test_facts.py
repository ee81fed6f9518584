"""Facts: read once over SSH, whatever the NAS or the ssh program answers."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nas.facts
from nas.fact_lines import Listener
from nas.facts import Facts, Unreadable, parse_facts, read_facts
from nas.ssh import SshTarget
from tests.unit.samples import host_key, settings

PRINTED = """uid=0
user=admin
hostname=nas88
kernel=5.10.60-qnap
machine=x86_64
time=1764061200
address=192.168.31.88
cgroup=1
platform=qnap
docker=/share/CACHEDEV1_DATA/.qpkg/container-station/bin/docker
engine=27.1.2-qnap8
http_proxy=http://xxxxx:xxxxx@192.168.31.198:7222
no_proxy=localhost,a=b
running=2
container=running
no_restart_policy=notes
no_restart_policy=old
listener=6443/tcp all k3s-server
listener=10250/tcp one
listener=10250/udp all
route=eth0 001FA8C0 00FFFFFF
route=eth0 00000000 00000000
route6=eth0 fd000000000000000000000000000000 40
docker_network=bridge bridge 172.17.0.0/16 fd01::/64
docker_network=host host
docker_pool=172.30.0.0/16
kernel_lacks=xt_comment
"""


def read(deadline: float = 20.0) -> Facts | Unreadable:
    target = SshTarget("192.168.31.88", 2222, "admin", None, host_key())
    return read_facts(settings(), target, [6443, 10250], deadline)


def test_the_lines_of_the_script_become_facts() -> None:
    found = parse_facts(PRINTED)
    assert (found.uid, found.time, found.cgroup, found.running) == (0, 1764061200, 1, 2)
    assert found.engine == "27.1.2-qnap8"
    assert found.no_proxy == "localhost,a=b"
    assert found.no_restart_policy == ("notes", "old")
    assert found.listeners[0] == Listener(6443, "tcp", "all", "k3s-server")
    assert found.listeners[2] == Listener(10250, "udp", "all", "")
    assert found.ports_taken == (6443, 10250)
    assert [(one.interface, str(one.network)) for one in found.routes] == [
        ("eth0", "192.168.31.0/24"),
        ("eth0", "fd00::/64"),
    ]
    bridge, host = found.docker_networks
    assert (bridge.name, [str(one) for one in bridge.subnets]) == (
        "bridge",
        ["172.17.0.0/16", "fd01::/64"],
    )
    assert (host.driver, host.subnets) == ("host", ())
    assert [str(one) for one in found.docker_pools] == ["172.30.0.0/16"]
    assert found.kernel_lacks == ("xt_comment",)
    assert found.config == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uid=\n",
        "uid=root\nlistener=x\nroute=eth0 zz\nroute6=a\ndocker_network=x\ndocker_pool=y\n",
        "Welcome to the NAS!\nunknown=1\n",
        "=5\n",
    ],
)
def test_what_cannot_be_read_is_left_out(text: str) -> None:
    assert parse_facts(text) == Facts()


@given(st.text())
def test_no_answer_of_a_nas_is_a_fault_of_the_parser(text: str) -> None:
    parse_facts(text)
    parse_facts(f"uid={text}\nport_taken={text}\nlistener={text}")


def test_the_script_goes_in_by_stdin_and_never_as_an_argument(
    program: Callable[[str, str], None], tmp_path: Path
) -> None:
    program("ssh", f'printf "%s\\n" "$@" >{tmp_path}/argv; cat >{tmp_path}/stdin; echo uid=0')
    found = read()
    assert isinstance(found, Facts)
    assert found.uid == 0
    argv = (tmp_path / "argv").read_text().splitlines()
    assert argv[-1] == "sh -s facts"
    stdin = (tmp_path / "stdin").read_text()
    assert "CONTAINER=k3s\n" in stdin
    assert "6443 10250" in stdin
    assert "PLATFORM=auto\n" in stdin


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        ("Permission denied (publickey,password).", "login", "does not let admin in"),
        ("Received disconnect: Too many authentication failures", "login", "admin"),
        ("@ REMOTE HOST IDENTIFICATION HAS CHANGED! @", "host-key", "192.168.31.88:2222"),
        ("Host key verification failed.", "host-key", "not the one that was pinned"),
        ("ssh: connect to host nas port 22: No route to host", "away", "no answer from"),
        ("ssh: connect to host nas port 22: Connection timed out", "away", "no answer from"),
        ("ssh: connect to host nas port 22: Connection refused", "away", "refused the connection"),
        ("Connection timed out during banner exchange", "away", "no SSH there"),
        ("banner line contains invalid characters", "away", "no SSH there"),
        ("note\\n\\nkex_exchange_identification: closed\\n\\n", "away", "no SSH there"),
        ("", "away", "ssh ended with status 255"),
    ],
)
def test_what_ssh_says_is_told_as_one_line_of_a_known_kind(
    program: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    stderr: str,
    kind: str,
    words: str,
) -> None:
    monkeypatch.setattr(nas.facts, "PAUSES", (0.01,))
    program("ssh", f"cat >/dev/null; printf '{stderr}' >&2; exit 255")
    found = read()
    assert isinstance(found, Unreadable)
    assert found.kind == kind
    assert words in found.reason
    assert "\n" not in found.reason


def test_a_nas_that_does_not_answer_ends_at_the_deadline(
    program: Callable[[str, str], None],
) -> None:
    program("ssh", "exec sleep 30")
    found = read(deadline=0.3)
    assert isinstance(found, Unreadable)
    assert (found.kind, found.reason) == (
        "away",
        "no answer from 192.168.31.88:2222 within 0 s",
    )


def test_an_sshd_that_is_busy_with_other_logins_is_asked_again(
    program: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(nas.facts, "PAUSES", (0.01, 0.01, 0.01))
    program(
        "ssh",
        f"echo x >>{tmp_path}/tries; cat >/dev/null\n"
        f"[ $(wc -l <{tmp_path}/tries) -lt 3 ] || {{ echo uid=0; exit 0; }}\n"
        "echo 'kex_exchange_identification: Connection closed by remote host' >&2; exit 255",
    )
    found = read()
    assert isinstance(found, Facts)
    assert found.uid == 0


def test_a_login_that_is_refused_is_not_tried_again(
    program: Callable[[str, str], None], tmp_path: Path
) -> None:
    """NAS systems block an address after a few of them."""
    program("ssh", f"echo x >>{tmp_path}/tries; echo 'Permission denied' >&2; exit 255")
    assert isinstance(read(), Unreadable)
    assert (tmp_path / "tries").read_text() == "x\n"


def real(port: int, deadline: float = 15.0) -> tuple[Facts | Unreadable, float]:
    """What the real ssh program makes of a port of this machine, and how long that took."""
    target = SshTarget("127.0.0.1", port, "admin", None, host_key())
    began = time.monotonic()
    found = read_facts(settings(), target, [6443], deadline)
    return found, time.monotonic() - began


needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="no ssh program here")


@needs_ssh
def test_a_closed_port_is_refused_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found, took = real(port)
    assert isinstance(found, Unreadable)
    assert "refused the connection" in found.reason
    assert took < 5


@needs_ssh
def test_a_port_that_never_speaks_ssh_is_named_as_such_within_the_connect_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found, took = real(server.getsockname()[1])
    assert isinstance(found, Unreadable)
    assert "no SSH there" in found.reason
    assert took < 14


def test_a_machine_without_ssh_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = read()
    assert isinstance(found, Unreadable)
    assert found.kind == "tool"
    assert "OpenSSH" in found.reason
