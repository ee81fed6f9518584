"""What is watched while a command runs: memory of its processes, answers of the Kubernetes API."""

from __future__ import annotations

import base64
import http.client
import ssl
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

_MEMORY_PERIOD = 0.1
_API_PERIOD = 0.05
_KIB_PER_MIB = 1024


@dataclass
class MemoryPeak:
    """Most MiB that a session's processes held at one time, and that moment by program."""

    mib: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)

    def see(self, parts: dict[str, float]) -> None:
        """One look at all processes."""
        if (total := sum(parts.values())) > self.mib:
            self.mib, self.parts = total, parts

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Looks ten times a second at the session of which `pid` is the leader."""
        with repeating(lambda: self.see(memory_of([pid])), _MEMORY_PERIOD):
            yield


def memory_of(sessions: Iterable[int], proc: Path = Path("/proc")) -> dict[str, float]:
    """Program -> MiB of its processes in these sessions; a shared page counts by its share."""
    wanted = set(sessions)
    found: dict[str, float] = {}
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) not in wanted:
                continue
            rollup = (entry / "smaps_rollup").read_text()
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        kib = next((int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"), 0)
        name = program(argv)
        found[name] = found.get(name, 0.0) + kib / _KIB_PER_MIB
    return found


def program(argv: list[str]) -> str:
    """What people call a process, by its command line."""
    words = [Path(word).name for word in argv if word]
    line = " ".join(argv)
    if "pulumi-language-python-exec" in line:
        return "the program"
    for word in words:
        if word.startswith(("pulumi-resource-", "pulumi-language-")):
            return word
    if "tests.lab.providers." in line:
        return f"pulumi-resource-{line.partition('tests.lab.providers.')[2].split(' ')[0]}"
    return words[0] if words else "?"


@dataclass
class Downtime:
    """Seconds from the last answer of the API before a silence to the first after it."""

    kubeconfig: str
    seconds: float = 0.0
    _last: float | None = None
    _silent: bool = False

    @contextmanager
    def watching(self, pid: int) -> Iterator[None]:
        """Asks /readyz twenty times a second, with the kubeconfig's own certificate."""
        ask = _asker(self.kubeconfig)
        with repeating(lambda: self.see(ask(), time.monotonic()), _API_PERIOD):
            yield

    def see(self, answered: bool, now: float) -> None:
        """One question, which was over at `now`."""
        if not answered:
            self._silent = True
            return
        if self._silent and self._last is not None:
            self.seconds += now - self._last
        self._last, self._silent = now, False


def _asker(kubeconfig: str) -> Callable[[], bool]:
    config = yaml.safe_load(kubeconfig)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        for part in ("client-certificate-data", "client-key-data"):
            file.write(base64.b64decode(user[part]).decode())
        file.flush()
        context.load_cert_chain(file.name)
    server = urllib.parse.urlsplit(cluster["server"])

    def ask() -> bool:
        connection = http.client.HTTPSConnection(
            server.hostname or "", server.port, timeout=1, context=context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


@contextmanager
def repeating(action: Callable[[], object], period: float) -> Iterator[None]:
    """Does it again and again, with so many seconds between, for as long as the block lasts."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            action()
            ended.wait(period)

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
