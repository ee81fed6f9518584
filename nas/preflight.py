"""Checks of the connection to the NAS that are made before anything else."""

from __future__ import annotations

import json

from nas.errors import NAMESPACE, Problem
from nas.facts import Facts, Unreadable
from nas.ssh import SshTarget


def check_reachable(
    target: SshTarget, facts: Facts | Unreadable, *, preview: bool
) -> list[Problem]:
    """What stops a run at once. A NAS that is off stops an `up`, and leaves a preview a warning."""
    problems = []
    scan = f"ssh-keyscan -p {target.port} -t ed25519 {target.host}"
    if target.host_key is None and not preview:
        problems.append(
            Problem(
                "sshHostKey",
                None,
                f"nothing says which host key {target.host} has: neither this setting nor your "
                "known_hosts",
                f"run `{scan}`, compare it with the NAS and pin it: "
                f"pulumi config set {NAMESPACE}:sshHostKey 'ssh-ed25519 AAAA...'",
            )
        )
        return problems
    if isinstance(facts, Facts):
        return []
    if facts.kind == "host-key" and target.host_key is not None:
        return [
            Problem(
                "sshHostKey",
                json.dumps(target.host_key),
                facts.reason,
                f"if the NAS got a new key, pin what `{scan}` prints; else somebody is in between",
            )
        ]
    if facts.kind == "login":
        return [
            Problem(
                "sshUser",
                json.dumps(target.user),
                facts.reason,
                f"put your public key there: ssh-copy-id -p {target.port} "
                f"{target.user}@{target.host}, and name the key in sshPrivateKeyFile",
            )
        ]
    if preview:
        return []
    return [
        Problem(
            "host",
            json.dumps(target.host),
            f"cannot be reached ({facts.reason})",
            "switch the NAS and its SSH service on; sshPort is the port it listens on",
        )
    ]
