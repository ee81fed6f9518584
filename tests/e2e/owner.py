"""The owner of a NAS, who copies commands from the pages into a shell in a clone."""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import paths
from tests.lab.box import Lab
from tests.page_commands import PageCommand


def make_clone(folder: Path) -> None:
    """Copies a clone's files to `folder`, without anything that is made."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=paths.REPO,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source, target = paths.REPO / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


@dataclass
class Owner:
    """A shell in a clone, and what is another here than on the pages.

    Attributes:
        words: what a page says -> what it is in the lab: addresses, files.
        second: another NAS, once a page has needed one.
        folder: where the shell is; `cd` changes it.
    """

    lab: Lab
    clone: Path
    environment: dict[str, str]
    words: dict[str, str]
    second: Lab | None = None
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.clone

    @property
    def config_file(self) -> Path:
        return self.clone / "stacks" / "Pulumi.home.yaml"

    def run(
        self, text: str, stdin: str = "", deadline: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Runs one line in the shell, as it stands."""
        if text.startswith("cd "):
            self.folder = (self.folder / text.removeprefix("cd ")).resolve(strict=True)
            return subprocess.CompletedProcess(text, 0, "", "")
        return subprocess.run(
            ["bash", "-ec", text],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )

    def must(self, text: str, stdin: str = "") -> str:
        """Both outputs of a line that has to succeed."""
        done = self.run(text, stdin)
        assert done.returncode == 0, f"$ {text}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def follow(self, command: PageCommand, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Does what a page says, here or on the NAS."""
        text = command.text
        for page, here in self.words.items():
            text = text.replace(page, here)
        if command.where == "here":
            return self.run(text, stdin)
        status, out, err = self.lab.nas(text)
        return subprocess.CompletedProcess(text, status, out, err)


class _Forward(socketserver.BaseRequestHandler):
    """One connection, passed on to the server's `onward` address."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Forwarder)
        with socket.create_connection(server.onward, timeout=10) as onward:
            onward.settimeout(None)
            back = threading.Thread(target=_pour, args=(onward, self.request), daemon=True)
            back.start()
            _pour(self.request, onward)
            back.join()


class _Forwarder(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    onward: tuple[str, int]


def _pour(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # either end has hung up
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def second_proxy(lab: Lab) -> Iterator[str]:
    """Another address of the lab's proxy in its LAN, on this machine, while the block runs."""
    port = int(lab.proxy_url.rpartition(":")[2])
    server = _Forwarder((lab.addresses.operator, port), _Forward)
    server.onward = (lab.addresses.proxy, port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{lab.addresses.operator}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def own_environment(environment: Mapping[str, str], kubectl: Path, folder: Path) -> dict[str, str]:
    """The owner's shell: kubectl and this Python on its PATH, nothing asks, a kubeconfig of its
    own."""
    (folder / "bin").mkdir()
    (folder / "bin" / "kubectl").symlink_to(kubectl)
    return {
        **environment,
        "PATH": os.pathsep.join([str(folder / "bin"), environment["PATH"]]),
        "KUBECONFIG": str(folder / "kubeconfig"),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
    }
