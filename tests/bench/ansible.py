"""Ansible, in an environment of its own in the lab's cache: no part of the product."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.job import Job
from tests.lab import paths
from tests.lab.process import find_program, locked, run

REQUIREMENTS = ("ansible>=11,<15", "requests>=2.32,<3")
"""With the collection community.docker in it; requests is what its modules ask Docker by."""


@dataclass(frozen=True)
class Ansible:
    """Where it is installed."""

    venv: Path

    @property
    def playbook(self) -> Path:
        return self.venv / "bin" / "ansible-playbook"

    def versions(self) -> dict[str, str]:
        """Of ansible-core and community.docker."""
        found = {}
        said = subprocess.run(
            [self.playbook, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
        if match := re.search(r"core ([\w.]+)", said):
            found["ansible-core"] = match[1]
        site = next(self.venv.glob("lib/python3*/site-packages/ansible_collections"))
        manifest = (site / "community/docker/MANIFEST.json").read_text(encoding="utf-8")
        if match := re.search(r'"version": "([\w.]+)"', manifest):
            found["community.docker"] = match[1]
        return found

    def inventory(self, folder: Path, job: Job) -> str:
        """Path of the inventory of one NAS, written anew."""
        file = folder / "inventory.ini"
        file.write_text(
            f"[nas]\n{job.host} ansible_user={job.target.user} ansible_port={job.target.port}\n"
            f"[all:vars]\nansible_python_interpreter={self.venv / 'bin' / 'python'}\n",
            encoding="utf-8",
        )
        return str(file)

    def environment(self, folder: Path, job: Job) -> Mapping[str, str]:
        """Environment of a run: one SSH connection, which Docker's modules share.

        They start the program `ssh` with no options of ours, so one that adds them comes first on
        the PATH.
        """
        tools = folder / "bin"
        tools.mkdir(exist_ok=True)
        ssh = tools / "ssh"
        options = " ".join(f"'{option}'" for option in job.target.options)
        shared = (
            f"-o ControlMaster=auto -o ControlPersist=30s -o 'ControlPath={folder / 'connection'}'"
        )
        program = find_program("ssh", "to reach the NAS")
        ssh.write_text(f'#!/bin/sh\nexec {program} {options} {shared} "$@"\n', encoding="utf-8")
        ssh.chmod(0o700)
        target = job.target
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        return {
            **kept,
            "PATH": f"{tools}:{self.venv / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_HOME": str(folder),
            "ANSIBLE_SSH_EXECUTABLE": str(ssh),
            "ANSIBLE_SSH_ARGS": "",
            # Else the terminal mixes what sshd says to a login into what a command prints.
            "ANSIBLE_SSH_USETTY": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "DOCKER_HOST": f"ssh://{target.user}@{target.host}:{target.port}",
            "LC_ALL": "C.UTF-8",
        }


def ensure() -> Ansible:
    """Installs it at the first call, which needs the Python package index. Raises LabError."""
    key = f"{sys.version_info.major}.{sys.version_info.minor}"
    final = paths.CACHE / "ansible" / key
    with locked(paths.CACHE / "locks" / "ansible.lock", what="Ansible", deadline=900):
        if not (final / "complete").exists():
            _install(final)
    return Ansible(final)


def _install(final: Path) -> None:
    # Programs of an environment hold its path, so it is made in place and marked when it is whole.
    run([sys.executable, "-m", "venv", "--clear", final], what="venv of Ansible", deadline=120)
    pip = (str(final / "bin" / "python"), "-m", "pip", "install", "--quiet")
    run([*pip, *REQUIREMENTS], what="installing Ansible", deadline=780)
    (final / "complete").touch()
