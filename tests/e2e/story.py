"""What the end-to-end tests ask of a NAS and of a stack."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.settings import SECRET_KEYS
from tests.lab.box import Lab
from tests.lab.engine import ensure_engine
from tests.lab.project import Project, lab_settings, open_project

K3S_IMAGE = "rancher/k3s:v1.34.4-k3s1"
HOUSEHOLD_RUNNING = {"photos", "notes"}


@dataclass
class Story:
    """One stack on the lab's NAS, and the questions that tests have."""

    lab: Lab
    project: Project

    def configure(self, **changes: Any) -> None:
        """The lab's settings with these changes; those of SECRET_KEYS are encrypted."""
        settings, secrets = lab_settings(self.lab)
        secrets |= {key: changes.pop(key) for key in SECRET_KEYS & changes.keys()}
        self.project.configure({**settings, **changes}, secrets)

    def up(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return self.project.run("up", "--yes", "--skip-preview", *flags)

    def must_up(self) -> str:
        done = self.up()
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def preview(self, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.project.run("preview", *flags, environment=environment)

    def destroy(self) -> subprocess.CompletedProcess[str]:
        return self.project.run("destroy", "--yes", "--skip-preview")

    def changes(self) -> dict[str, int]:
        """Operations of the last update by kind, e.g. {"same": 20}."""
        text = self.project.must("stack", "history", "--json", "--page-size", "1")
        entry: dict[str, Any] = json.loads(text)[0]
        found: dict[str, int] = entry["resourceChanges"]
        return found

    def must(self, command: str) -> str:
        """Standard output of a command on the NAS that has to succeed."""
        status, out, err = self.lab.nas(command)
        assert status == 0, f"{command}: {out}{err}"
        return out

    def docker_json(self) -> str:
        return self.must(f"cat {self.lab.docker_json}")

    def running(self) -> set[str]:
        """Names of the running containers of the NAS."""
        return set(self.must("docker ps --format '{{.Names}}'").split())

    def container(self) -> tuple[str, str]:
        """Identity and start time of the k3s container."""
        text = self.must("docker inspect --format '{{.Id}} {{.State.StartedAt}}' k3s")
        identity, started = text.split()
        return identity, started

    def network(self) -> list[str]:
        """Links, iptables rules and mounts of clusters on the NAS, without counters and what Docker
        numbers anew."""
        links = [
            re.sub(r"^\d+: ([^:@]+).*", r"link \1", line)
            for line in self.must("ip -o link").splitlines()
        ]
        rules = self.must("iptables-save").splitlines()
        kept = [re.sub(r"\[\d+:\d+\]", "", rule) for rule in rules if not rule.startswith("#")]
        mounts = [
            f"mount {path}"
            for path in self.must("cut -d ' ' -f 2 /proc/mounts").splitlines()
            if re.search(r"/volumes/|/kubelet|/k3s|/netns/cni", path)
        ]
        return sorted(line for line in [*links, *kept, *mounts] if not re.match(r"link veth", line))

    def own_network(self) -> list[str]:
        """The same without names of tables and policies of their own chains: a table is listed once
        it was looked into, and Docker sets FORWARD at a start only at which it turns forwarding
        on."""
        tables = re.compile(r"\*|COMMIT$|:\S+ (ACCEPT|DROP) ?$")
        return [line for line in self.network() if not tables.match(line)]

    def nas(
        self, *arguments: str, deadline: float = 180, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """`python -m nas`, about this stack."""
        return subprocess.run(
            [sys.executable, "-m", "nas", *arguments, "--stack", self.project.stack],
            cwd=self.project.folder,
            env={**self.project.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )

    def node_is_ready(self) -> None:
        """Also after a moment in which a busy machine let the kubelet's heartbeats pass."""
        self.kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=45s")

    def kubeconfig(self) -> str:
        text: str = self.project.outputs()["kubeconfig"]
        return text

    def kubectl(self, *arguments: str) -> str:
        """kubectl on this machine, with the kubeconfig that the stack exports."""
        file = self.project.folder / "kubeconfig"
        file.touch(mode=0o600)
        file.write_text(self.kubeconfig(), encoding="utf-8")
        done = subprocess.run(
            [str(self.project.engine.kubectl()), "--kubeconfig", str(file), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self.project.environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def uid(self, namespace: str = "kube-system") -> str:
        """UID of a namespace; that of kube-system stays as long as the cluster does."""
        return self.kubectl("get", "namespace", namespace, "-o", "jsonpath={.metadata.uid}")

    def clear(self) -> None:
        """Empties the stack and forgets the cluster's data, whatever a test left behind."""
        if self.project.resources():
            done = self.destroy()
            assert done.returncode == 0, done.stdout + done.stderr
        self.lab.nas(f"docker rm -f k3s; docker volume rm k3s-data k3s-etc; docker rmi {K3S_IMAGE}")
        self.lab.nas("docker start photos notes")

    @contextmanager
    def proxy_down(self) -> Iterator[None]:
        self.lab.proxy_stop()
        try:
            yield
        finally:
            self.lab.proxy_start()

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        self.lab.nas_off()
        try:
            yield
        finally:
            self.lab.nas_on()
            self.lab.nas("docker start photos notes")

    def backend_text(self) -> str:
        """Everything that the state backend and the project hold, as text."""
        places: list[Path] = [self.lab.state.folder / "pulumi", self.project.folder / "stacks"]
        files = [file for place in places for file in place.rglob("*") if file.is_file()]
        return "\n".join(file.read_text(errors="replace") for file in files)


@contextmanager
def story_of(lab: Lab, stack: str) -> Iterator[Story]:
    """A stack of its own on the lab's NAS, which is empty before and afterwards."""
    made = Story(lab, open_project(lab, ensure_engine(), stack))
    made.clear()
    yield made
    made.clear()
