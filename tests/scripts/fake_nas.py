"""A fake root of a QNAP for tests of scripts: BusyBox, and a docker whose daemon is files."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nas.remote_script import launched
from tests.lab import debs
from tests.scripts.fake_platforms import FAKES, KINDS, POOL, QPKG
from tests.scripts.rendered import sample

__all__ = [
    "DOCKER_JSON",
    "POOL",
    "QPKG",
    "SSH_PATH",
    "Done",
    "FakeNas",
    "another_nas",
    "busybox",
    "daemon_down",
    "docker_gone",
]

SSH_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"

FAKE_ID = """id() {
  case ${FAKE_UID:-0}$1 in
    0-un) echo admin ;;
    *-un) echo bob ;;
    *) echo "${FAKE_UID:-0}" ;;
  esac
}
"""

STARTED = "2026-11-25T09:30:00"
"""When the fake k3s container started."""

DOCKER_JSON = """{
    "default-address-pools": [ {"base": "172.29.0.0/16", "size": 22} ],
  "experimental": false,
    "group": "administrators",
    "log-opts": { "max-size": "10m", "labels": "a,\\"b\\" // no comment" }
}
"""


@cache
def busybox() -> Path:
    """A static BusyBox."""
    return debs.root("busybox", ["busybox-static"]) / "usr/bin/busybox"


@dataclass(frozen=True)
class Done:
    """A script that ended."""

    status: int
    out: str
    err: str

    @property
    def results(self) -> dict[str, str]:
        """The `name=value` lines of its standard output."""
        return dict(line.split("=", 1) for line in self.out.splitlines() if "=" in line)


class FakeNas:
    """The fake root; paths are given as the NAS sees them."""

    def __init__(
        self,
        root: Path,
        *,
        engine: str = "27.1.2",
        config: str | None = DOCKER_JSON,
        kind: str = "qnap",
    ) -> None:
        self.root = root
        made = KINDS[kind]
        for directory in ("bin", "usr/bin", "usr/sbin", "dev", "proc", "tmp", "etc", "root"):
            (root / directory).mkdir(parents=True)
        shutil.copy(busybox(), root / "bin/busybox")
        for applet in _applets():
            link = root / "bin" / applet
            if not link.exists() and applet not in ("nc", "bash"):
                link.symlink_to("busybox")
        self.write("/etc/passwd", "admin:x:0:0:admin:/root:/bin/sh\n")
        for path, text in made.files.items():
            self.write(path, text)
        for path, text in made.scripts.items():
            self.script(path, text)
        for path, target in made.links.items():
            self.path(target).mkdir(parents=True)
            self.path(path).parent.mkdir(parents=True, exist_ok=True)
            # Relative, because the test looks from outside the root.
            self.path(path).symlink_to(os.path.relpath(self.path(target), self.path(path).parent))
        self.docker = made.docker
        self.script(self.docker, (FAKES / "docker").read_text())
        if made.unit:
            self.script("/usr/bin/systemctl", (FAKES / "systemctl").read_text())
        self.script("/usr/bin/nc", (FAKES / "nc").read_text())
        self.config = made.config
        if config is not None:
            self.write(self.config, config)
        for name, text in {
            "engine": engine,
            "config_path": self.config,
            "flagged": "yes" if made.flagged else "no",
            "docker_path": self.docker,
            "unit": made.unit,
            "reply": 'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"Descriptor": 1}\n',
            "http": "",
            "https": "",
            "no": "",
            "proxy_answer": "HTTP/1.1 200 Connection established\r\n\r\n",
        }.items():
            self.write(f"/state/{name}", text)
        self.container("photos", "always", running=True)
        self.container("notes", "no", running=True)
        self.container("old-backup", "no", running=False)
        self.restart()

    def path(self, path: str) -> Path:
        """Where the test finds a path of the NAS."""
        return self.root / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def read(self, path: str) -> str:
        return self.path(path).read_bytes().decode()

    def script(self, path: str, text: str) -> None:
        self.write(path, text)
        self.path(path).chmod(0o755)

    def container(self, name: str, policy: str, *, running: bool) -> None:
        self.write(f"/state/containers/{name}/policy", policy)
        self.write(f"/state/containers/{name}/running", str(running).lower())

    def running(self) -> set[str]:
        """Names of the containers that run."""
        return {
            entry.name
            for entry in self.path("/state/containers").iterdir()
            if (entry / "running").read_text().strip() == "true"
        }

    @property
    def daemon_runs(self) -> bool:
        """Whether the daemon is there; one that a kill left half stopped is not."""
        up = self.path("/state/up")
        return up.exists() and self.path(f"/proc/{up.read_text().strip()}").exists()

    @property
    def starts(self) -> int:
        """How often the daemon was started."""
        return len(self.read("/state/starts").splitlines())

    def restart(self) -> None:
        """The daemon restarts, as by the owner's hand."""
        self.shell(f"{self.docker} fake-restart")
        self.container("notes", "no", running=True)

    def shell(
        self,
        command: str,
        stdin: str = "",
        *,
        read_only: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Runs a command line under ash in the fake root, some directories of it read-only."""
        namespace = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
        variables = {"PATH": SSH_PATH, "HOME": "/root", **(environment or {})}
        assignments = " ".join(f"{key}={shlex.quote(text)}" for key, text in variables.items())
        mounts = "".join(
            f'mount --bind "$0{path}" "$0{path}" && mount -o remount,bind,ro "$0{path}" && '
            for path in read_only
        )
        inside = (
            f'touch "$0/dev/null" && mount --bind /dev/null "$0/dev/null" && {mounts}'
            f'exec chroot "$0" /bin/busybox env -i {assignments} /bin/sh -c "$1"'
        )
        done = subprocess.run(
            [*namespace, "sh", "-c", inside, str(self.root), command],
            input=stdin.encode(),
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(
        self,
        script: str,
        mode: str,
        variables: Mapping[str, str],
        *,
        before: str = "",
        read_only: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Runs one of our scripts as the program does: on the standard input of `sh -s`.

        `before` is shell in front of it, for functions in the place of BusyBox's own programs,
        which go before any program of the PATH.
        """
        return self.shell(
            f"sh -s {mode}",
            before + sample(script, variables),
            read_only=read_only,
            environment=environment,
        )

    def launch(
        self,
        script: str,
        mode: str,
        variables: Mapping[str, str],
        *,
        sudo_password: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """As `run`, but wrapped as the program sends it, from the account bob with uid 1000.

        BusyBox runs its own id before any program of the PATH: hence functions in its place, in the
        launcher and in the script.
        """
        text = launched(FAKE_ID + sample(script, variables), sudo_password)
        return self.shell(
            f"sh -s {mode}",
            FAKE_ID + text,
            environment={"FAKE_UID": "1000", **(environment or {})},
        )

    def sudo(self, rule: str, password: str = "") -> None:
        """Gives the NAS a sudo, see fake/sudo."""
        self.script("/usr/bin/sudo", (FAKES / "sudo").read_text())
        self.write("/state/sudo/rule", rule)
        self.write("/state/sudo/password", password)

    def inside(self, container: str, program: str, text: str) -> None:
        """Puts a program into a container, for `docker exec`."""
        self.script(f"/state/containers/{container}/bin/{program}", text)

    def k3s(self, **answers: str) -> None:
        """Runs a k3s container whose kubectl gives these answers, see fake/kubectl."""
        self.container("k3s", "always", running=True)
        self.write("/state/containers/k3s/started_at", f"{STARTED}.123456789Z\n")
        self.write("/state/containers/k3s/id", f"{'0123456789ab' * 5}0123\n")
        self.inside("k3s", "kubectl", (FAKES / "kubectl").read_text())
        self.write("/state/kube/error", "The connection to the server was refused\n")
        for what, text in answers.items():
            self.write(f"/state/kube/{what.replace('_', '-')}", text)

    def made_with(self, now: Mapping[str, str], **given: str) -> None:
        """The stack's k3s container has the environment `now`; `up` had given it `given`."""
        lines = "".join(f"{name}={value}\n" for name, value in now.items())
        self.write("/state/containers/k3s/env", f"PATH=/bin\n{lines}")
        told = ",".join(
            f"{name}:{hashlib.md5(text.encode()).hexdigest()}" for name, text in given.items()
        )
        self.write("/state/containers/k3s/env_label", told)
        self.write("/state/containers/k3s/labels", "nas-k3s.stack=nas88\n")


@cache
def _applets() -> tuple[str, ...]:
    done = subprocess.run([busybox(), "--list"], check=True, capture_output=True, text=True)
    return tuple(done.stdout.split())


def docker_gone(nas: FakeNas) -> None:
    """Somebody removed the docker CLI."""
    nas.path(f"{QPKG}/bin/docker").unlink()


def daemon_down(nas: FakeNas) -> None:
    """The Docker daemon does not answer."""
    nas.path("/state/up").unlink()


LOCK = "/tmp/nas-k3s.lock"


def another_run(nas: FakeNas, seconds: float, then: str = ":") -> str:
    """Another run of ours holds the lock so long, does `then`, and lets go: its process."""
    work = f"sleep {seconds}; {then}; rm -f {LOCK}"
    holder = nas.shell(f"{{ {work}; }} >/dev/null 2>&1 & echo $!").out.strip()
    nas.path(LOCK).symlink_to(f"{holder} ")
    return holder


def another_nas(nas: FakeNas) -> None:
    """Nothing says which kind of NAS this is."""
    nas.path("/etc/config/qpkg.conf").unlink()
