"""The machine that the contract is tried on: reached over ssh, with Docker on it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi_docker

IMAGE = "contract/box"


@dataclass(frozen=True)
class Machine:
    """Where it is and how to log in; `scratch` holds the ssh control socket (a short path)."""

    host: str
    port: int
    user: str
    key: Path
    host_key: str
    known_hosts: Path
    scratch: Path

    def sh(self, command: str, stdin: bytes = b"", *, code: int | None = 0) -> str:
        """Run a shell command there and return its stdout; `code` is what it must exit with."""
        done = subprocess.run(
            [
                *("ssh", "-p", str(self.port), "-l", self.user),
                *self.ssh_opts,
                *("-o", "ControlMaster=auto", "-o", f"ControlPath={self.scratch}/%C"),
                *("-o", "ControlPersist=30", "--", self.host, command),
            ],
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert code is None or done.returncode == code, (
            f"{command!r} exited with {done.returncode}: {done.stderr.decode(errors='replace')}"
        )
        return done.stdout.decode(errors="replace").rstrip("\n")

    def docker(self, command: str, *, code: int | None = 0) -> str:
        """Run a docker command there."""
        return self.sh(f"docker {command}", code=code)

    @property
    def ssh_opts(self) -> list[str]:
        """Options for every `ssh` call: this key, this known host, no questions."""
        return [
            *("-i", str(self.key)),
            *("-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={self.known_hosts}"),
            *("-o", "BatchMode=yes"),
        ]

    def connection(self, **changes: Any) -> Any:
        """The `connection` of a remote command."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "private_key": self.key.read_text(),
            "host_key": self.host_key,
            "dial_error_limit": 2,
        } | changes

    def provider(self, name: str = "nas", **changes: Any) -> pulumi_docker.Provider:
        """The docker provider, over ssh."""
        settings: Mapping[str, Any] = {
            "host": f"ssh://{self.user}@{self.host}:{self.port}",
            "ssh_opts": self.ssh_opts,
        } | changes
        return pulumi_docker.Provider(name, **settings)

    def make_images(self) -> None:
        """Give its daemon IMAGE:1 and IMAGE:2: a BusyBox each, with a volume on /anonymous."""
        have = self.docker("images --format '{{.Repository}}:{{.Tag}}'").split()
        if f"{IMAGE}:1" in have and f"{IMAGE}:2" in have:
            return
        # The shell of a NAS answers `command -v` with the bare name of what is built into it.
        command = (
            "for it in /bin/busybox $(command -v busybox); do"
            ' [ ! -f "$it" ] || exec cat "$it"; done; exit 1'
        )
        busybox = subprocess.run(
            ["ssh", "-p", str(self.port), "-l", self.user, *self.ssh_opts, self.host, command],
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout
        for tag in ("1", "2"):
            change = "-c 'VOLUME /anonymous' -c 'CMD [\"sleep\",\"600\"]'"
            self.sh(f"docker import {change} - {IMAGE}:{tag}", _root(busybox, tag))

    def forget(self) -> None:
        """Remove what earlier, broken-off runs may have left."""
        self.sh(
            "for kind in container volume; do"
            " docker $kind ls $([ $kind = container ] && echo -a) -q --filter name=contract-"
            ' | while read -r one; do docker $kind rm -f "$one"; done;'
            " done >/dev/null; rm -rf /tmp/contract; mkdir -p /tmp/contract"
        )


def _root(busybox: bytes, version: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("bin", "tmp", "etc"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name, content, mode in (
            ("bin/busybox", busybox, 0o755),
            ("etc/version", version.encode(), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
        for name in ("sh", "sleep", "cat", "stat", "echo", "true", "false", "touch"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return packed.getvalue()
