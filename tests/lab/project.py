"""A Pulumi project of the program, pointed at the NAS in a box.

The project lies beside the lab's keys and not in the checkout: `pulumi stack init` writes a salt
into the stack's config file, and host key, passwords and addresses exist only once the lab runs.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

import yaml

from nas.errors import NAMESPACE
from nas.home import expand
from nas.ssh import KNOWN_HOSTS
from tests.lab import paths
from tests.lab.box import Lab
from tests.lab.engine import Engine
from tests.lab.process import LabError
from tests.lab.profiles import ADMIN

PASSPHRASE_FILE = "passphrase"
BASE_CONFIG = paths.REPO / "stacks" / "Pulumi.lab.yaml"
# Settings that follow from the lab as it runs; the user's own stay apart from them.
LAB_KEYS = frozenset(
    (
        "host",
        "proxy",
        "proxyUser",
        "proxyPassword",
        "lanCidr",
        "sshPort",
        "sshUser",
        "sshPrivateKeyFile",
        "sshHostKey",
        "caCertificatesFile",
        "sudoPassword",
    )
)
LINKS = ("Pulumi.yaml", "__main__.py", ".venv", "nas", "components")
"""What of the checkout a project consists of."""


@dataclass(frozen=True)
class Project:
    """One stack of the program on one lab.

    Attributes:
        folder: the project; its state backend and passphrase lie in the parent.
        stack: name of the stack.
    """

    lab: Lab
    engine: Engine
    folder: Path
    stack: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment of each `pulumi` run."""
        instance = self.lab.state.folder
        passphrase = (instance / PASSPHRASE_FILE).read_text(encoding="utf-8")
        return self.engine.environment(instance, passphrase)

    @property
    def config_file(self) -> Path:
        return self.folder / "stacks" / f"Pulumi.{self.stack}.yaml"

    @property
    def backend(self) -> Path:
        """Where the state of all stacks of this lab is."""
        return self.engine.backend(self.lab.state.folder)

    def configure(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Writes the stack's config anew: settings as they are, secrets encrypted."""
        kept = yaml.safe_load(self.config_file.read_text(encoding="utf-8")) or {}
        config = {f"{NAMESPACE}:{key}": value for key, value in settings.items()}
        text = yaml.safe_dump({**kept, "config": config}, sort_keys=False)
        self.config_file.write_text(text, encoding="utf-8")
        for key, value in secrets.items():
            self.must("config", "set", "--secret", f"{NAMESPACE}:{key}", stdin=value)

    def keep_up(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        """Brings the stack's config up to date with the lab and leaves the user's settings alone.

        What the lab owns (LAB_KEYS) is written where it differs, and removed where this lab has no
        such thing; all other settings are only where a new stack starts from.
        """
        kept = yaml.safe_load(self.config_file.read_text(encoding="utf-8")) or {}
        before: dict[str, Any] = kept.get("config") or {}
        new = {f"{NAMESPACE}:{key}": value for key, value in settings.items()}
        owned = {f"{NAMESPACE}:{key}" for key in LAB_KEYS}
        secret = {f"{NAMESPACE}:{key}" for key in secrets}
        config = {k: v for k, v in before.items() if k not in owned or k in secret or k in new}
        # `pulumi config set` writes the whole file, and numbers in it as texts.
        same = {k for k in config if k in new and str(config[k]) == str(new[k])}
        config |= {k: v for k, v in new.items() if (k in owned or not before) and k not in same}
        if config != before:
            text = yaml.safe_dump({**kept, "config": config}, sort_keys=False)
            self.config_file.write_text(text, encoding="utf-8")
        for key, value in secrets.items():
            stored = config.get(f"{NAMESPACE}:{key}")
            if not isinstance(stored, dict) or self._secret(key) != value:
                self.must("config", "set", "--secret", f"{NAMESPACE}:{key}", stdin=value)

    def _secret(self, key: str) -> str | None:
        """A secret setting in clear; None when it cannot be decrypted."""
        done = self.run("config", "get", "--json", f"{NAMESPACE}:{key}")
        return str(json.loads(done.stdout)["value"]) if done.returncode == 0 else None

    def run(
        self,
        *arguments: str,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
        deadline: float = 1800,
    ) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi` in the project, output captured; `environment` is added to its own."""
        return subprocess.run(
            [str(self.engine.pulumi), *arguments, "--stack", self.stack, "--non-interactive"],
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=deadline,
            check=False,
        )

    def must(self, *arguments: str, stdin: str = "") -> str:
        """Standard output of a run that has to succeed."""
        done = self.run(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise LabError(f"pulumi {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""
        text = self.must("stack", "output", "--json", "--show-secrets")
        loaded: dict[str, Any] = json.loads(text)
        return loaded

    def resources(self) -> list[dict[str, Any]]:
        """The stack's resources as the state holds them, the stack itself left out."""
        found: list[dict[str, Any]] = self._deployment().get("resources", [])
        return [entry for entry in found if entry["type"] != "pulumi:pulumi:Stack"]

    def pending(self) -> list[dict[str, Any]]:
        """What a killed run was doing, each with its `type` ("creating") and its `resource`."""
        found: list[dict[str, Any]] = self._deployment().get("pending_operations") or []
        return found

    def _deployment(self) -> dict[str, Any]:
        exported = json.loads(self.must("stack", "export"))
        deployment: dict[str, Any] = exported.get("deployment") or {}
        return deployment


def make_passphrase(lab: Lab) -> None:
    """Gives the stacks of a lab their passphrase, once."""
    secret = lab.state.folder / PASSPHRASE_FILE
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(token_hex(24), encoding="utf-8")


def open_project(lab: Lab, engine: Engine, stack: str) -> Project:
    """The project of a stack, made where it is missing, its stack initialised."""
    folder = lab.state.folder / "projects" / stack
    (folder / "stacks").mkdir(parents=True, exist_ok=True)
    for name in LINKS:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(paths.REPO / name)
    make_passphrase(lab)
    project = Project(lab, engine, folder, stack)
    if not project.config_file.exists():
        project.config_file.write_text("config: {}\n", encoding="utf-8")
    known = json.loads(
        subprocess.run(
            [str(engine.pulumi), "stack", "ls", "--json"],
            cwd=folder,
            env=project.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
    )
    if not any(entry["name"] == stack for entry in known):
        done = project.run("stack", "init")
        if done.returncode != 0:
            raise LabError(f"pulumi stack init failed:\n{done.stdout}{done.stderr}")
    return project


def lab_settings(lab: Lab) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings and secrets for the lab: the committed ones, and what exists since its boot."""
    base = yaml.safe_load(BASE_CONFIG.read_text(encoding="utf-8"))["config"]
    settings = {key.removeprefix(f"{NAMESPACE}:"): value for key, value in base.items()}
    settings |= {
        "host": lab.nas_host,
        "proxy": lab.proxy_url,
        "lanCidr": lab.addresses.lan,
        "sshPort": lab.ssh_port,
        "sshUser": lab.ssh_user,
        "sshPrivateKeyFile": str(lab.ssh_key),
        "sshHostKey": lab.ssh_host_key,
        "caCertificatesFile": str(lab.ca_pem),
    }
    secrets = {}
    if lab.ssh_user == ADMIN and lab.settings.sudo == "password":
        secrets["sudoPassword"] = lab.sudo_password
    if lab.proxy_user is not None and lab.proxy_password is not None:
        settings["proxyUser"] = lab.proxy_user
        secrets["proxyPassword"] = lab.proxy_password
    return settings, secrets


def forget_known_hosts(lab: Lab) -> None:
    """Removes what the program pinned for this lab in the user's home."""
    for file in expand(KNOWN_HOSTS).glob(f"{lab.nas_host}_*"):
        file.unlink()
