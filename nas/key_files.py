"""Files of this machine that settings name: the private key for SSH, and certificates."""

from __future__ import annotations

import json

from nas.errors import NAMESPACE, Problem
from nas.home import expand

_EXAMPLE = "write the path of a private key, e.g. ~/.ssh/id_ed25519"


def check_private_key(path: str) -> list[Problem]:
    """Why ssh could not use the file, if it could not."""
    file = expand(path)
    shown = json.dumps(path)
    key = "sshPrivateKeyFile"
    try:
        # Bytes, so that line ends stay as they are.
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        reason = error.strerror or str(error)
        return [Problem(key, shown, f"cannot be read ({reason})", _EXAMPLE)]
    if "PRIVATE KEY-----" not in text:
        if not text.startswith(("ssh-", "ecdsa-", "sk-")):
            return [Problem(key, shown, "is no private key", _EXAMPLE)]
        private = path.removesuffix(".pub")
        fix = f"write the private one, {private}" if private != path else _EXAMPLE
        return [Problem(key, shown, "is the public key", fix)]
    if file.stat().st_mode & 0o077:
        return [
            Problem(key, shown, "can be read by others, so ssh ignores it", f"chmod 600 {path}")
        ]
    if _is_encrypted(text):
        return [
            Problem(
                key,
                shown,
                "has a passphrase, which Docker over SSH cannot ask for",
                f"load it into an agent (`ssh-add {path}`) and "
                f"`pulumi config rm {NAMESPACE}:{key}`: without it the agent's keys are used",
            )
        ]
    # Both make ssh say no more than "error in libcrypto".
    if "\r" in text:
        why, fix = "has Windows line ends, which ssh does not read", f"sed -i 's/\\r$//' {path}"
        return [Problem(key, shown, why, fix)]
    if not text.endswith("\n"):
        why, fix = "lacks the line end after its last line", f"echo >>{path}"
        return [Problem(key, shown, why, fix)]
    return []


def _is_encrypted(text: str) -> bool:
    if "ENCRYPTED" in text:
        return True
    # OpenSSH's own format names its cipher right behind the magic; `none` means no passphrase.
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    return "OPENSSH" in text and not body.startswith("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU")


def check_certificates(path: str) -> list[Problem]:
    """Why k3s could not trust what is in the file."""
    try:
        text = expand(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        why = f"cannot be read ({error.strerror or error})"
    else:
        if "-----BEGIN CERTIFICATE-----" in text:
            return []
        why = "holds no certificate in PEM form"
    return [
        Problem(
            "caCertificatesFile", json.dumps(path), why, "write the path of a file with PEM blocks"
        )
    ]
