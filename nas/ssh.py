"""How the NAS is reached: one description of the SSH connection for everything that uses it.

Three users share it: the facts (the `ssh` program), Docker over `ssh://` (the same program, run by
the Docker provider) and remote commands (the SSH client inside the Command provider). The host key
is pinned for all three, or for none.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from hashlib import sha256

from nas.errors import Problem, RefusedError
from nas.home import expand
from nas.proxy import bracketed
from nas.settings import Settings

KNOWN_HOSTS = "~/.nas-k3s/known_hosts"
"""Directory of the generated known_hosts files, one for each pinned key. With a tilde, which ssh
expands, so that the state of a stack fits every machine; `pulumi destroy` does not run the program
that would write it, so no other stack may change the file."""


@dataclass(frozen=True)
class SshTarget:
    """A NAS as `ssh` knows it. `key_file` None: the keys of the user's agent are used."""

    host: str
    port: int
    user: str
    key_file: str | None
    host_key: str | None

    @property
    def url(self) -> str:
        """The Docker host, `ssh://user@host:port`."""
        return f"ssh://{self.user}@{bracketed(self.host)}:{self.port}"

    @property
    def known_hosts(self) -> str:
        """The generated known_hosts file, named after all that it says."""
        digest = sha256((self.host_key or "").encode()).hexdigest()[:12]
        host = re.sub(r"[^A-Za-z0-9.-]", "_", self.host)
        return f"{KNOWN_HOSTS}/{host}_{self.port}_{digest}"

    @property
    def options(self) -> tuple[str, ...]:
        """Options of the `ssh` program: never a question, never an unknown host."""
        options = [
            "-o", "BatchMode=yes",
            "-o", "ConnectTimeout=10",
            "-o", "ServerAliveInterval=15",
            "-o", "ServerAliveCountMax=4",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "LogLevel=ERROR",
        ]  # fmt: skip
        if self.host_key is not None:
            options += ["-o", f"UserKnownHostsFile={self.known_hosts}"]
            options += ["-o", "GlobalKnownHostsFile=/dev/null"]
        if self.key_file is not None:
            options += ["-i", self.key_file, "-o", "IdentitiesOnly=yes"]
        return tuple(options)

    @property
    def private_key(self) -> str | None:
        """The private key's text, or None for the agent. A secret."""
        if self.key_file is None:
            return None
        text = expand(self.key_file).read_text(encoding="utf-8")
        return text.replace("\r\n", "\n").rstrip("\n") + "\n"

    def write_known_hosts(self) -> None:
        """Writes the pinned key where `options` points ssh to; nothing to do without one.

        Raises:
            RefusedError: when this machine does not let us.
        """
        if self.host_key is None:
            return
        file = expand(self.known_hosts)
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        text = f"{name} {self.host_key}\n"
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not file.is_file() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
        except OSError as error:
            why = f"cannot be written ({error.strerror or error})"
            fix = f"make {self.known_hosts} writable for your account"
            raise RefusedError(
                [Problem("known_hosts", str(file), why, fix, is_setting=False)]
            ) from None


def ssh_target(settings: Settings) -> SshTarget:
    """The connection of one stack. Without `sshHostKey` the user's own known_hosts is asked."""
    key = settings.ssh_host_key or known_host_key(settings.host, settings.ssh_port)
    return SshTarget(
        host=settings.host,
        port=settings.ssh_port,
        user=settings.ssh_user,
        key_file=settings.ssh_private_key_file,
        host_key=key,
    )


def known_host_key(host: str, port: int) -> str | None:
    """The key of a host in the user's known_hosts, `TYPE BASE64`; ed25519 before others."""
    name = host if port == 22 else f"[{host}]:{port}"
    try:
        found = subprocess.run(
            ["ssh-keygen", "-F", name], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    keys = [
        " ".join(line.split()[1:3])
        for line in found.stdout.splitlines()
        if line and not line.startswith(("#", "@")) and len(line.split()) >= 3
    ]
    # Remote commands cannot use RSA host keys, see the setting sshHostKey.
    keys = [key for key in keys if not key.startswith("ssh-rsa ")]
    return min(keys, key=lambda key: not key.startswith("ssh-ed25519"), default=None)
