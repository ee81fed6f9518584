"""Who does the job: a shell script, an Ansible playbook, and the program itself."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from tests.bench.ansible import Ansible
from tests.bench.job import STACK, Job, Wanted
from tests.bench.process import Command
from tests.bench.results import Tool
from tests.lab.box import Lab
from tests.lab.project import Project, lab_settings

_HERE = Path(__file__).resolve().parent
_READY = _HERE / "ready.sh"


class Contender(Protocol):
    """Says which command does what; nothing here is timed."""

    @property
    def tool(self) -> Tool: ...

    def apply(self, wanted: Wanted) -> Command:
        """Brings the NAS to what is wanted. Called anew before each command, also for a no-op."""

    def destroy(self) -> Command: ...


@dataclass(frozen=True)
class Floor:
    """One script over one ssh connection."""

    lab: Lab
    jobs: Mapping[Wanted, Job]
    tool: Tool = field(default="floor", init=False)

    def apply(self, wanted: Wanted) -> Command:
        job = self.jobs[wanted]
        env = "".join(f"{key}={value}\n" for key, value in job.env.items())
        command = shlex.join(job.command)
        label = sha256(f"{job.image}\n{command}\n{env}\n{job.ca}".encode()).hexdigest()[:16]
        return self._script(
            job,
            "apply.sh",
            {
                "PROXIES": job.proxies,
                "NO_PROXY": job.no_proxy,
                "CA": job.ca,
                "IMAGE": job.image,
                "DATA": job.places[0],
                "ETC": job.places[1],
                "LABEL": label,
                "NODE": STACK,
                "VERSION": job.version,
                "ENDPOINT": job.endpoint,
                "ENV_FILE": env,
                "COMMAND": command,
                "READY": _READY.read_text(encoding="utf-8"),
            },
        )

    def destroy(self) -> Command:
        return self._script(next(iter(self.jobs.values())), "destroy.sh", {})

    def _script(self, job: Job, name: str, variables: Mapping[str, str]) -> Command:
        nas = {"DOCKER_BIN": job.docker_bin, "DOCKER_JSON": job.docker_json, "RESTART": job.restart}
        values = "".join(f"{k}={shlex.quote(v)}\n" for k, v in {**nas, **variables}.items())
        target = job.target
        return Command(
            name=f"floor/{name}",
            argv=["ssh", "-T", *target.options, f"{target.user}@{target.host}", "sh -s"],
            cwd=self.lab.state.folder,
            environment=os.environ,
            # Braces: all of it is read before the first command runs, which may read stdin.
            stdin="{\n"
            + values
            + (_HERE / "floor" / name).read_text(encoding="utf-8")
            + "exit\n}\n",
        )


@dataclass(frozen=True)
class Peer:
    """A playbook, with one SSH connection that all of its tasks share."""

    lab: Lab
    jobs: Mapping[Wanted, Job]
    ansible: Ansible
    tool: Tool = field(default="ansible", init=False)

    def apply(self, wanted: Wanted) -> Command:
        return self._play("site.yml", self.jobs[wanted])

    def destroy(self) -> Command:
        return self._play("destroy.yml", next(iter(self.jobs.values())))

    def _play(self, playbook: str, job: Job) -> Command:
        folder = self.lab.state.folder / "ansible"
        # A connection that an earlier run left open is not for this one.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        variables = {
            "docker_bin": job.docker_bin,
            "docker_json": job.docker_json,
            "restart": job.restart,
            "proxies": json.loads(job.proxies),
            "ca": job.ca,
            "image": job.image,
            "places": job.places,
            "node": STACK,
            "version": job.version,
            "command": job.command,
            "env": job.env,
            "ready_file": str(_READY),
            "endpoint": job.endpoint,
            "kubeconfig_file": str(self.lab.state.folder / "ansible-kubeconfig"),
        }
        (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        return Command(
            name=f"ansible-playbook {playbook}",
            argv=[
                str(self.ansible.playbook),
                *("--inventory", self.ansible.inventory(folder, job)),
                *("--extra-vars", f"@{folder / 'variables.json'}"),
                str(_HERE / "peer" / playbook),
            ],
            cwd=folder,
            environment=self.ansible.environment(folder, job),
        )


@dataclass(frozen=True)
class Ours:
    """The program, by the real engine."""

    project: Project
    tool: Tool = field(default="ours", init=False)

    def apply(self, wanted: Wanted) -> Command:
        self.configure(wanted)
        return pulumi(self.project, "up", "--yes", "--skip-preview")

    def preview(self, wanted: Wanted) -> Command:
        self.configure(wanted)
        return pulumi(self.project, "preview")

    def destroy(self) -> Command:
        return pulumi(self.project, "destroy", "--yes", "--skip-preview")

    def configure(self, wanted: Wanted) -> None:
        settings, secrets = lab_settings(self.project.lab)
        self.project.configure({**settings, **wanted.settings()}, secrets)


def pulumi(project: Project, *arguments: str) -> Command:
    """A run of the engine in a project."""
    return Command(
        name=f"pulumi {arguments[0]}",
        argv=[
            str(project.engine.pulumi),
            *arguments,
            *("--stack", project.stack, "--non-interactive"),
        ],
        cwd=project.folder,
        environment=project.environment,
    )
