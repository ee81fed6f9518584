"""More arguments of `k3s server`: what another setting says, and secrets, do not belong there.

Flags and their aliases: https://docs.k3s.io/cli/server. One dash is as good as two to k3s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nas.proxy import BadValueError

HAVE_SETTINGS = {
    "node-name": "nodeName",
    "node-ip": "nodeIp",
    "i": "nodeIp",
    "tls-san": "tlsSans",
    "https-listen-port": "apiPort",
    "cluster-cidr": "clusterCidr",
    "service-cidr": "serviceCidr",
    "cluster-domain": "clusterDomain",
    "disable": "disable",
    "private-registry": "registries",
    "snapshotter": "snapshotter",
    "kubelet-arg": "kubeletArgs",
}
"""Flag -> the setting that makes it."""

OURS = {
    "data-dir": "the volume of the data is mounted at k3s's own place",
    "d": "the volume of the data is mounted at k3s's own place",
    "disable-agent": "the node of the cluster is this one",
    "write-kubeconfig": "the kubeconfig is read from k3s's own place",
    "o": "the kubeconfig is read from k3s's own place",
}
"""Flag -> why it cannot be given."""

_TOKENS = re.compile(r"t|(?:agent-)?token(?:-file)?")
_SECRETS = re.compile(r"etcd-s3-(?:access-key|secret-key|session-token)|vpn-auth")
_PLACES = re.compile(r"datastore-endpoint|etcd-s3-proxy")
"""Flags whose value may hold a login."""
_LOGIN = re.compile(r"[^/@]:[^/@][^@]*@")


def check(arguments: Sequence[str]) -> list[tuple[int, BadValueError]]:
    """The arguments that cannot be taken, each with its index."""
    found = []
    takes_value = False
    for index, argument in enumerate(arguments):
        is_flag = argument.startswith("-")
        behind = "" if "=" in argument else "".join(arguments[index + 1 : index + 2])
        fault = _flag_fault(argument, behind) if is_flag else _word_fault(takes_value)
        if fault is None and is_flag and "=" in argument and argument in arguments[:index]:
            fault = BadValueError("stands there twice", "remove one")
        if fault is not None:
            found.append((index, fault))
        # Behind a flag that is refused its value is no fault of its own.
        takes_value = is_flag and "=" not in argument
    return found


def shown(argument: object) -> str:
    """An argument without its value, which may be a secret."""
    match = re.match(r"--?[A-Za-z0-9-]+", argument) if isinstance(argument, str) else None
    if not match or not isinstance(argument, str):
        return "[not shown]"
    rest = argument[match.end() :]
    return f'"{match[0]}{rest[0]}..."' if rest else f'"{match[0]}"'


def _word_fault(takes_value: bool) -> BadValueError | None:
    if takes_value:
        return None
    return BadValueError(
        "is no option of `k3s server`, which begins with '--'",
        "write --OPTION or --OPTION=VALUE; the command `server` is there already",
    )


def _flag_fault(argument: str, behind: str) -> BadValueError | None:
    flag = re.split(r"[=\s]", argument.lstrip("-"), maxsplit=1)[0]
    if _TOKENS.fullmatch(flag):
        return BadValueError(
            "would show the token to everybody who may list containers",
            "remove it, and set nas-k3s:token as a secret: pulumi config set --secret "
            "nas-k3s:token",
        )
    if _SECRETS.fullmatch(flag) or (_PLACES.fullmatch(flag) and _LOGIN.search(argument + behind)):
        return BadValueError(
            "would show a secret to everybody who may list containers or processes",
            f"remove it, and write `{flag}: ...` into k3s/config.yaml in the volume of "
            "/etc/rancher, which k3s reads by itself",
        )
    if flag in HAVE_SETTINGS:
        return BadValueError(
            f"is what the setting {HAVE_SETTINGS[flag]} is for",
            f"remove it, and set nas-k3s:{HAVE_SETTINGS[flag]}",
        )
    if flag in OURS:
        return BadValueError(f"cannot be changed: {OURS[flag]}", "remove it")
    if not re.fullmatch(r"--?[A-Za-z0-9][A-Za-z0-9-]*(?:=[^\r\n]*)?", argument):
        return BadValueError(
            "holds more than an option and its value", "write each as an own item, --OPTION=VALUE"
        )
    return None
