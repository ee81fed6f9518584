"""The host key of a NAS that was never connected to: fetched, and compared with known_hosts."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import time
from dataclasses import dataclass
from typing import Literal

from nas.proxy import BadValueError
from nas.ssh import known_host_key
from nas.values import host_key

KINDS = "ed25519,ecdsa,rsa"
"""RSA only to tell a NAS that has nothing else from one that is off."""
PAUSES = (0.5, 2.0)
"""Seconds between tries: sshd hangs up when many others are logging in."""


class NoHostKeyError(Exception):
    """Nothing answered with a host key that can be pinned; the text is one line for the user."""


@dataclass(frozen=True)
class HostKey:
    """A key as the NAS showed it over the network.

    Attributes:
        key: `TYPE BASE64`.
        standing: what the user's known_hosts says of it: the same, another one, or nothing.
    """

    key: str
    standing: Literal["known", "changed", "unknown"]

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def fetch_host_key(host: str, port: int, deadline: int = 10) -> HostKey:
    """Asks for the keys of a NAS, `deadline` seconds a try, and takes the best.

    Raises:
        NoHostKeyError: when there is none that can be pinned.
    """
    shown = _scan(host, port, deadline)
    keys = [" ".join(line.split()[1:3]) for line in shown.splitlines() if not line.startswith("#")]
    known = known_host_key(host, port)
    if known in keys and known is not None:
        return HostKey(known, "known")
    try:
        best = host_key(shown)
    except BadValueError as error:
        raise NoHostKeyError(f"the host key of {host}:{port} {error.why}; {error.fix}") from None
    if known is not None and any(key.split()[:1] == known.split()[:1] for key in keys):
        return HostKey(best, "changed")
    return HostKey(best, "unknown")


def _scan(host: str, port: int, deadline: int) -> str:
    command = ["ssh-keyscan", "-T", str(deadline), "-p", str(port), "-t", KINDS, host]
    why = "no SSH service answered"
    for pause in (*PAUSES, None):
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=3 * deadline + 5,
                check=False,
            )
        except FileNotFoundError:
            raise NoHostKeyError("there is no ssh-keyscan on this machine") from None
        except subprocess.TimeoutExpired:
            break
        if done.stdout.strip():
            return done.stdout
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("#")]
        why = said[-1] if said else why
        if pause is not None:
            time.sleep(pause)
    raise NoHostKeyError(f"{host}:{port} gave no host key: {why}")
