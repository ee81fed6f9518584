"""Checks of the connection to the NAS that are made before anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nas.errors import NAMESPACE, Problem
from nas.facts import Facts, Unreadable
from nas.proxy import is_bypassed, mask_credentials
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
    if facts.kind == "tool":
        fix = "install an OpenSSH client on this machine"
        return [Problem("ssh", None, facts.reason, fix, is_setting=False)]
    return [
        Problem(
            "host",
            json.dumps(target.host),
            f"cannot be reached ({facts.reason})",
            "switch the NAS and its SSH service on; sshPort is the port it listens on",
        )
    ]


def check_operator_proxy(host: str, environment: Mapping[str, str]) -> list[Problem]:
    """Whether the shell that runs Pulumi would send the Kubernetes API of the NAS to a proxy.

    The Kubernetes provider and kubectl take the proxy of their environment
    (k3d-io/k3d#423, #1057); whoever has a NAS behind a proxy tends to have it in the shell too.
    """
    proxy = environment.get("HTTPS_PROXY") or environment.get("https_proxy")
    no_proxy = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    if not proxy or is_bypassed(host, no_proxy):
        return []
    return [
        Problem(
            "host",
            json.dumps(host),
            f"would be asked for through your shell's HTTPS_PROXY ({mask_credentials(proxy)}): the "
            "Kubernetes API of the NAS cannot be reached that way",
            f'export NO_PROXY="{no_proxy + "," if no_proxy else ""}{host}" and run again',
        )
    ]
