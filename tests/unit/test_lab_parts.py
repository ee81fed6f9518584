"""Parts of the lab that need no boxes: image archives, the proxy's log, names and addresses."""

from __future__ import annotations

import json
import os
import tarfile
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab import box, boxes, debs, oci, outer, proxylog, releases, state
from tests.lab.process import LabError, locked, run, whole_dir
from tests.lab.proxylog import ProxyEntry

# What squid 5.7 wrote for one finished request of each kind and for a tunnel still open.
ACCESS_LOG = """\
1795599130.600 198.18.114.1 CONNECT registry-1.docker.io:443 200 nas
1795599130.628 198.18.114.1 CONNECT registry-1.docker.io:443 407 -
1795599130.636 198.18.114.1 CONNECT registry-1.dock"""
ACTIVE_REQUESTS = """\
Connection: 0x557819193748
\tFD 13, read 111, wrote 0
\tFD desc: Reading next request
\tremote: 127.0.0.1:35996
\tlocal: 127.0.0.1:7222
\tnrequests: 1
uri http://proxy.lab:7222/squid-internal-mgr/active_requests
logType TCP_MISS
start 1795599854.060980 (0.000000 seconds ago)
username -

Connection: 0x557819164d28
\tFD 11, read 49, wrote 39
\tFD desc: Reading next request
\tremote: 198.18.198.1:34472
\tlocal: 198.18.198.198:7222
\tnrequests: 1
uri gcr.io:443
logType TCP_TUNNEL
start 1795599854.043999 (0.017781 seconds ago)
username nas
delay_pool 0

"""
OPEN = ProxyEntry(1795599854.043999, "198.18.198.1", "CONNECT", "gcr.io:443", 200, "nas", open=True)


def test_a_log_that_is_being_written_is_read_up_to_its_last_whole_line() -> None:
    entries = proxylog.parse_access_log(ACCESS_LOG)
    assert [(e.status, e.user) for e in entries] == [(200, "nas"), (407, None)]


def test_an_open_tunnel_is_read_from_the_list_and_the_look_itself_is_not() -> None:
    assert proxylog.parse_active_requests(ACTIVE_REQUESTS) == [OPEN]


def test_a_tunnel_that_closed_since_it_was_listed_counts_once() -> None:
    logged = ProxyEntry(1795599854.043, "198.18.198.1", "CONNECT", "gcr.io:443", 200, "nas")
    other = ProxyEntry(1795599854.044, "198.18.198.1", "CONNECT", "gcr.io:443", 200, "nas")
    assert proxylog.merge([logged], [OPEN]) == [logged]
    assert proxylog.merge([other], [OPEN]) == [OPEN, other]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/tool").write_text("tool\n")
    (root / "bin/tool").chmod(0o755)
    (root / "bin/link").symlink_to("tool")
    (root / "bin/hard").hardlink_to(root / "bin/tool")
    return root


def test_an_image_archive_depends_on_nothing_but_its_content(tree: Path, tmp_path: Path) -> None:
    spec = oci.ImageSpec("lab/x:1", tree, entrypoint=["/bin/tool"], env={"B": "2", "A": "1"})
    oci.write_archive(spec, tmp_path / "one.tar")
    (tree / "bin/tool").touch()
    oci.write_archive(spec, tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    (tree / "bin/tool").write_text("TOOL\n")
    oci.write_archive(spec, tmp_path / "three.tar")
    digests = {oci.config_digest(tmp_path / f"{name}.tar") for name in ("one", "two", "three")}
    assert len(digests) == 2


def test_another_release_is_the_stand_in_with_another_word_for_itself(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    spec = oci.ImageSpec("lab/x:1", root, entrypoint=["/bin/k3s"], env={"PATH": "/bin"})
    oci.write_archive(spec, tmp_path / "one.tar")
    built = oci.read_config(tmp_path / "one.tar")
    made = json.loads(releases._config(tmp_path / "one.tar", {"K3S_STANDIN_VERSION": "v9"}))
    assert made["config"].pop("Env") == ["PATH=/bin", "K3S_STANDIN_VERSION=v9"]
    assert built["config"].pop("Env") == ["PATH=/bin"]
    assert made == built


def test_files_in_a_layer_belong_to_nobody_in_particular_and_links_stay(
    tree: Path, tmp_path: Path
) -> None:
    oci.write_layer(tree, tmp_path / "layer.tar")
    with tarfile.open(tmp_path / "layer.tar") as layer:
        members = {m.name: m for m in layer.getmembers()}
        assert {(m.uid, m.gid, m.mtime) for m in members.values()} == {(0, 0, oci.MTIME)}
        assert members["bin/link"].linkname == "tool"
        hard = layer.extractfile("bin/hard")
        assert hard is not None
        assert hard.read() == b"tool\n"


def test_a_directory_that_fails_half_way_does_not_appear(tmp_path: Path) -> None:
    def fail() -> None:
        with whole_dir(tmp_path / "final") as scratch:
            (scratch / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_takes_too_long_is_ended_with_what_it_said_last() -> None:
    with pytest.raises(LabError, match=r"nap: not done after 1 s; last seen: working"):
        run(["sh", "-c", "echo working; sleep 60"], what="nap", deadline=1)


def test_instances_get_numbers_of_their_own_and_the_demo_always_the_same() -> None:
    assert state.new("lab", taken={}).addresses.nas == "198.18.88.88"
    first = state.new("other", taken={})
    second = state.new("other", taken={first.number: "the interface nk100lan"})
    assert first.number != second.number
    assert 88 not in (first.number, second.number)


@pytest.mark.parametrize(
    ("left", "alive"),
    [
        pytest.param("nothing", False, id="the checkout is gone"),
        pytest.param("another id", False, id="it was made anew"),
        pytest.param("no lock", True, id="a demo"),
        pytest.param("a held lock", True, id="tests that run"),
        pytest.param("a free lock", False, id="tests that were killed"),
    ],
)
def test_an_instance_of_another_checkout_is_in_use_or_left_over(
    tmp_path: Path, left: str, alive: bool
) -> None:
    file, lock = state.state_file("test", tmp_path), state.lock_file("test", tmp_path)
    with ExitStack() as at_end:
        if left != "nothing":
            file.parent.mkdir(parents=True)
            file.write_text(json.dumps({"id": "another" if left == "another id" else "this"}))
        if left == "a held lock":
            at_end.enter_context(locked(lock, what="tests", deadline=0))
        if left == "a free lock":
            lock.touch()
        assert boxes.is_alive(str(tmp_path), "this", "test") == alive


def test_who_has_the_demos_networks_is_named_and_nothing_impossible_is_advised() -> None:
    with pytest.raises(LabError, match="remove the interface eth7 first") as refused:
        state.new("lab", taken={88: "the interface eth7"})
    assert "--instance" not in str(refused.value)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"engine": "newest"}, "engine 'newest' is unknown"),
        ({"pool": "../etc"}, "pool '../etc' is no directory name"),
        ({"hostname": "NAS_88"}, "host name 'NAS_88' is not like nas88"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(bad: dict[str, str], says: str) -> None:
    given = {"engine": None, "proxy_auth": None, "pool": None, "hostname": None, **bad}
    with pytest.raises(LabError, match=says.replace(".", r"\.")):
        state.Settings().changed(**given)  # type: ignore[arg-type]


class Machine:
    """A machine with the lab's bridges, a private engine of root and a user's own engine."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.net = folder / "net"
        self.net.mkdir()
        self.own: Any = None
        self.root = True
        monkeypatch.setattr(outer, "_NET", self.net)
        monkeypatch.setattr(outer, "DATA", folder / "data")
        monkeypatch.setattr(outer, "SOCKET", folder / "docker.sock")
        monkeypatch.setattr(outer, "_private_pid", lambda: 4711)
        monkeypatch.setattr(outer, "_machines_own", lambda: self.own)
        monkeypatch.setattr(outer, "_client", lambda url: f"client of {url}")
        monkeypatch.setattr(os, "geteuid", lambda: 0 if self.root else 1000)
        (folder / "data").mkdir()
        (folder / "docker.sock").touch(mode=0o000)

    def bridge(self, name: str, *ports: str) -> None:
        for port in ("", *ports):
            (self.net / name / "brif" / port).mkdir(parents=True, exist_ok=True)


def engine_with(**bridges: str) -> Any:
    """An engine that knows these networks, each with its bridge."""
    known = [
        SimpleNamespace(name=name, attrs={"Options": {outer.BRIDGE_OPTION: bridge}})
        for name, bridge in bridges.items()
    ]
    # The engine's own networks have no options at all.
    known.append(SimpleNamespace(name="none", attrs={"Options": None}))
    return SimpleNamespace(networks=SimpleNamespace(list=lambda: known))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_only_bridges_of_the_lab_that_no_engine_knows_and_nothing_uses_are_orphans(
    machine: Machine,
) -> None:
    machine.bridge("nk88lan")
    machine.bridge("nk88net", "veth1")
    machine.bridge("nk100lan")
    machine.bridge("nk101lan")
    machine.bridge("nkfoo")
    machine.bridge("br0")
    machine.own = engine_with(theirs="nk101lan")
    assert outer.orphan_bridges(engine_with(other="nk100lan")) == ["nk88lan"]


def test_a_bridge_that_may_not_be_removed_does_not_take_its_networks_from_a_new_instance(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.bridge("nk88lan")
    machine.root = False
    assert not outer.remove_bridge("nk88lan")
    routes = (
        "Iface\tDestination\tGateway\n"
        "nk88lan\t005812C6\t00000000\n"  # 198.18.88.0, little-endian
        "eth7\t006412C6\t00000000\n"  # 198.18.100.0
    )
    read = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda self, *a, **k: routes if str(self) == "/proc/net/route" else read(self, *a, **k),
    )
    assert box._taken_numbers(engine_with()) == {100: "the interface eth7"}


def test_a_bridge_that_stays_though_root_removes_it_is_an_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine.bridge("nk88lan")
    busybox = tmp_path / "usr/bin/busybox"
    busybox.parent.mkdir(parents=True)
    busybox.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    busybox.chmod(0o755)
    monkeypatch.setattr(debs, "root", lambda name, packages: tmp_path)
    with pytest.raises(LabError, match="nk88lan of the lab cannot be removed: not today"):
        outer.remove_bridge("nk88lan")


def test_a_user_with_an_engine_of_his_own_is_not_concerned_by_roots_private_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: machine.root)
    machine.root = False
    machine.own = engine_with()
    assert outer.connect() is machine.own
    assert outer.exists()
    assert not outer.is_private()
    machine.own = None
    assert not outer.exists()
    with pytest.raises(LabError, match="a Docker Engine that you may use"):
        outer.connect()
    machine.root = True
    assert outer.is_private()
    assert outer.connect() == f"client of unix://{outer.SOCKET}"  # type: ignore[comparison-overlap]
