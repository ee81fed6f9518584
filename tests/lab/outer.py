"""The Docker Engine that carries the boxes: the machine's own, or a private one of the lab.

The private one runs as root with a socket, a data directory and a cgroup of its own, without
touching iptables, IP forwarding or a bridge of the machine. It is shared by all instances of all
checkouts on the machine and goes away with the last of them. Who may not use it is not concerned
by it: a user with an engine of his own has his boxes there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import docker.errors
import requests.exceptions

from . import debs, toolchain
from .process import LabError, find_program, locked, say

RUN = Path("/run/nas-k3s-lab")
DATA = Path("/var/lib/nas-k3s-lab")
SOCKET = RUN / "docker.sock"
LOG = DATA / "dockerd.log"
# Instances are told apart by this label's value; every object of the lab carries it.
LABEL = "nas-k3s.lab"
# The network option that names the bridge.
BRIDGE_OPTION = "com.docker.network.bridge.name"

_EXEC_ROOT = RUN / "exec"
_DOCKER_ROOT = DATA / "docker"
_BIN = DATA / "bin"
_CGROUP = "nas-k3s-lab"
_RECORD = RUN / "dockerd.json"
_NET = Path("/sys/class/net")
_START_DEADLINE = 60.0
_STOP_DEADLINE = 40.0
# API calls that create or stop a box answer within this time (seconds) or something is wrong.
_API_TIMEOUT = 120


@contextmanager
def exclusive() -> Iterator[None]:
    """Only one run at a time changes what is on the outer engine."""
    folder = Path("/run/lock") if os.access("/run/lock", os.W_OK) else Path("/tmp")
    name = "nas-k3s-lab.lock" if os.geteuid() == 0 else f"nas-k3s-lab-{os.geteuid()}.lock"
    with locked(folder / name, what="the lab's boxes", deadline=600):
        yield


def connect(*, start: bool = True) -> docker.DockerClient:
    """A client of the outer engine; with `start`, the private one is started when it is needed.

    Raises LabError when there is neither a usable engine nor the right to start one, and, without
    `start`, when the private one is not running.
    """
    if is_private():
        return _client(f"unix://{SOCKET}")
    own = None if _private_is_left() else _machines_own()
    if own is not None:
        return own
    check_rights()
    if not start:
        raise LabError("the lab is not running: start it with `python -m tests.lab up`")
    return _start_private()


def address() -> str:
    """Where the outer engine listens, `unix://...`."""
    return f"unix://{SOCKET}" if is_private() else _own_address()


def check_rights() -> None:
    """Raises LabError when this user neither has an engine nor may start one."""
    if os.geteuid() != 0 and not is_private() and _machines_own() is None:
        raise LabError(
            "the lab needs a Docker Engine that you may use (at /var/run/docker.sock, or at a "
            "unix:// address in DOCKER_HOST), or root to start one of its own"
        )


def exists() -> bool:
    """Whether there is an engine to ask, or leftovers of a private one, without starting any."""
    return _private_is_left() or _machines_own() is not None


def is_private() -> bool:
    """Whether the lab's own engine runs and is the one that carries this user's boxes."""
    return _private_pid() is not None and _may_use_private()


def bridge_name(number: int, role: str) -> str:
    """Name of the bridge of an instance's network "lan" or "internet"; at most 15 characters."""
    return f"nk{number}{'lan' if role == 'lan' else 'net'}"


def orphan_bridges(client: docker.DockerClient) -> list[str]:
    """Bridges of the lab that carry nothing and that no network of an engine here knows.

    An engine leaves its bridge behind when somebody else made it anew: it removes the one that it
    remembers, by index, and never one that was there before its network (moby, bridge driver's
    deleteNetwork). `client` is the outer engine; others that this user may ask are asked as well.
    """
    idle = [name for name in _bridges() if _is_idle(name)]
    if not idle:
        return []
    used = _bridges_in_use(client)
    other = _machines_own() if is_private() else None
    if other is not None:
        used |= _bridges_in_use(other)
    return [name for name in idle if name not in used]


def remove_bridge(name: str) -> bool:
    """Remove a bridge without ports from this machine; False without the right to do so.

    An engine takes a bridge that is there for a new network with this name, so one that stays is
    in nobody's way. Raises LabError when it cannot be removed though this is root.
    """
    if os.geteuid() != 0:
        return False
    busybox = debs.root("busybox", ["busybox-static"]) / "usr/bin/busybox"
    done = subprocess.run(
        [busybox, "ip", "link", "delete", name],
        check=False,
        capture_output=True,
        text=True,
        timeout=10,
    )
    if (_NET / name).exists():
        raise LabError(f"bridge {name} of the lab cannot be removed: {done.stderr.strip()}")
    return True


def remove_private() -> None:
    """Stop the private engine and remove its data, mounts and cgroups."""
    pid = _private_pid()
    if pid is not None:
        say("stopping the lab's own Docker Engine")
        os.kill(pid, signal.SIGTERM)
        _wait_gone([pid], _STOP_DEADLINE)
    _sweep()
    for controller in Path("/sys/fs/cgroup").iterdir():
        _remove_cgroup(controller / _CGROUP)
    _remove_cgroup(Path("/sys/fs/cgroup") / _CGROUP)
    own = _machines_own()
    used = _bridges_in_use(own) if own is not None else set()
    for bridge in _bridges():
        if _is_idle(bridge) and bridge not in used:
            remove_bridge(bridge)
    for folder in (DATA, RUN):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists() and (any(folder.iterdir()) or not folder.is_mount()):
            raise LabError(f"{folder} could not be removed: something still uses it")


def _may_use_private() -> bool:
    return os.geteuid() == 0 or os.access(SOCKET, os.R_OK | os.W_OK)


def _private_is_left() -> bool:
    """Whether root finds the data of a private engine, running or not."""
    return os.geteuid() == 0 and DATA.exists()


def _bridges() -> list[str]:
    return sorted(b.name for b in _NET.glob("nk*") if re.fullmatch(r"nk\d+(lan|net)", b.name))


def _is_idle(bridge: str) -> bool:
    """Whether it is a bridge without ports; one with ports is in use by somebody."""
    ports = _NET / bridge / "brif"
    return ports.is_dir() and not any(ports.iterdir())


def _bridges_in_use(client: docker.DockerClient) -> set[str]:
    options = [network.attrs.get("Options") or {} for network in client.networks.list()]
    return {str(found[BRIDGE_OPTION]) for found in options if BRIDGE_OPTION in found}


def _own_address() -> str:
    # An engine elsewhere (a NAS, a build server) cannot give boxes an address on this machine.
    host = os.environ.get("DOCKER_HOST", "")
    return host if host.startswith("unix://") else "unix:///var/run/docker.sock"


def _machines_own() -> docker.DockerClient | None:
    url = _own_address()
    if not Path(url.removeprefix("unix://")).exists():
        return None
    try:
        return _client(url)
    except LabError:
        return None


def _client(url: str) -> docker.DockerClient:
    try:
        client = docker.DockerClient(base_url=url, timeout=_API_TIMEOUT)
        client.ping()
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise LabError(f"no answer from the Docker Engine at {url}: {error}") from error
    return client


def _start_private() -> docker.DockerClient:
    say("starting the lab's own Docker Engine")
    _refuse_overlay()
    _sweep()
    for folder in (RUN, DATA, _BIN):
        folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    built = toolchain.ensure(["dockerd", "runc"])
    packaged = debs.root("containerd", ["containerd"]) / "usr/bin"
    for program in (
        built["dockerd"],
        built["runc"],
        packaged / "containerd",
        packaged / "containerd-shim-runc-v2",
    ):
        # Copies: the cache may vanish while the engine runs.
        scratch = _BIN / f".{program.name}"
        shutil.copy2(program, scratch)
        scratch.rename(_BIN / program.name)
    config = DATA / "daemon.json"
    # The runc that the lab builds has no seccomp.
    settings = {"features": {"containerd-snapshotter": False}, "seccomp-profile": "unconfined"}
    config.write_text(json.dumps(settings))
    argv = [
        str(_BIN / "dockerd"),
        f"--config-file={config}",
        f"--host=unix://{SOCKET}",
        f"--data-root={_DOCKER_ROOT}",
        f"--exec-root={_EXEC_ROOT}",
        f"--pidfile={RUN}/dockerd.pid",
        f"--cgroup-parent=/{_CGROUP}",
        "--exec-opt=native.cgroupdriver=cgroupfs",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=false",
    ]
    with LOG.open("ab") as log:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            # No proxy variables: the engine pulls nothing.
            env={"PATH": f"{_BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True,
        )
    _RECORD.write_text(json.dumps({"pid": child.pid, "started": _started(child.pid)}))
    end = time.monotonic() + _START_DEADLINE
    while True:
        try:
            return _client(f"unix://{SOCKET}")
        except LabError:
            if child.poll() is not None or time.monotonic() > end:
                tail = LOG.read_text(errors="replace").strip().splitlines()[-1:]
                raise LabError(
                    f"the lab's own Docker Engine did not start; {LOG} ends with: {tail}"
                ) from None
            time.sleep(0.1)


def _refuse_overlay() -> None:
    """Images and the NAS's disk need a file system that overlays can lie on; an overlay is none."""
    kinds: dict[Path, str] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kinds[Path(left.split()[4])] = right.split()[0]
    place = DATA
    while place not in kinds and place != place.parent:
        place = place.parent
    if kinds.get(place) == "overlay":
        raise LabError(f"{DATA} is on an overlay file system: mount a disk or a tmpfs there")


def _private_pid() -> int | None:
    """Process id of the running private engine; a recycled id of another process is not taken."""
    try:
        record = json.loads(_RECORD.read_text())
        pid = int(record["pid"])
    except (OSError, ValueError, KeyError):
        return None
    return pid if record["started"] == _started(pid) and _is_ours(pid) else None


def processes() -> list[int]:
    """Ids of all processes of the private engine and of what runs in its containers."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in found if pid != os.getpid() and _is_ours(pid)]


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot, None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _is_ours(pid: int) -> bool:
    """Whether a process is part of the private engine or runs in one of its containers."""
    try:
        argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        cgroups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return False
    engine = Path(argv[0]).name in ("dockerd", "containerd", "containerd-shim-runc-v2")
    if engine and any(str(_EXEC_ROOT) in word for word in argv[1:]):
        return True
    return any(line.split(":", 2)[2].startswith(f"/{_CGROUP}/") for line in cgroups)


def _sweep() -> None:
    """End what a killed private engine left running, unmount and remove what it left behind."""
    ours = processes()
    for pid in ours:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if ours:
        say(f"ended {len(ours)} processes that an earlier run left behind")
        _wait_gone(ours, 20.0)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = [m for m in mounts if m.startswith((f"{RUN}/", f"{DATA}/"))]
    if below:
        umount = find_program("umount", "to clean up after an earlier run of the lab")
        for mount in sorted(below, key=len, reverse=True):
            subprocess.run([umount, "--lazy", mount], check=False, capture_output=True, timeout=20)
    for stale in (SOCKET, RUN / "dockerd.pid", _RECORD):
        stale.unlink(missing_ok=True)
    shutil.rmtree(_EXEC_ROOT, ignore_errors=True)


def _wait_gone(pids: list[int], seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := [pid for pid in pids if _started(pid) is not None]:
        if time.monotonic() > end:
            raise LabError(f"processes {left} of the lab do not end")
        time.sleep(0.05)


def _remove_cgroup(folder: Path) -> None:
    if not folder.is_dir():
        return
    for child in folder.iterdir():
        if child.is_dir():
            _remove_cgroup(child)
    try:
        folder.rmdir()
    except OSError as error:
        say(f"cgroup {folder} stays: {error.strerror}")
