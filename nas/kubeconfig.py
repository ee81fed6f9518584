"""The kubeconfig that k3s writes, made fit for use from outside the NAS."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import yaml


@dataclass(frozen=True)
class KubeconfigNames:
    """What has to stay the same so that nothing in the cluster is replaced by a new file.

    pulumi-kubernetes decides by server and names whether a kubeconfig means another cluster
    (pulumi-kubernetes#4019), hence they come from config and never from the NAS.
    """

    name: str
    server: str


def context_name(stack: str) -> str:
    """Of the context, the cluster and the user in the kubeconfig of a stack."""
    return f"k3s-{stack}"


def proof_context(stack: str) -> str:
    """The same in the kubeconfig of the provider that proves the cluster, and in no other."""
    return f"{context_name(stack)}-proof"


class IncompleteKubeconfigError(ValueError):
    """The text is no complete kubeconfig; the message says what is missing, never its content."""


_CLUSTER_KEYS = ("server", "certificate-authority-data")
_USER_KEYS = ("client-certificate-data", "client-key-data")


def rewrite(text: str, names: KubeconfigNames) -> str:
    """k3s's kubeconfig with our server, cluster, context and user names.

    Args:
        text: the YAML of /etc/rancher/k3s/k3s.yaml: one cluster, one user, server 127.0.0.1.

    Raises:
        IncompleteKubeconfigError: for a file that k3s had not finished writing.
    """
    try:
        loaded = yaml.safe_load(text)
    # Besides its own errors PyYAML passes on those of dates and of too deep nesting.
    except (yaml.YAMLError, ValueError, RecursionError):
        raise IncompleteKubeconfigError("the kubeconfig is no YAML") from None
    cluster = _entry(loaded, "clusters", "cluster", _CLUSTER_KEYS)
    user = _entry(loaded, "users", "user", _USER_KEYS)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": names.name,
                "cluster": {
                    "server": names.server,
                    "certificate-authority-data": cluster["certificate-authority-data"],
                },
            }
        ],
        "users": [{"name": names.name, "user": {key: user[key] for key in _USER_KEYS}}],
        "contexts": [{"name": names.name, "context": {"cluster": names.name, "user": names.name}}],
        "current-context": names.name,
    }
    return yaml.safe_dump(content, sort_keys=False)


def _entry(loaded: object, section: str, kind: str, keys: tuple[str, ...]) -> dict[str, Any]:
    entries = loaded.get(section) if isinstance(loaded, dict) else None
    first = entries[0] if isinstance(entries, list) and entries else None
    value = first.get(kind) if isinstance(first, dict) else None
    if not isinstance(value, dict):
        raise IncompleteKubeconfigError(f"the kubeconfig has no entry in {section}")
    missing = [key for key in keys if not _is_whole(key, value.get(key))]
    if missing:
        raise IncompleteKubeconfigError(f"the kubeconfig has no {', '.join(missing)}")
    return value


def _is_whole(key: str, value: object) -> bool:
    """Whether a member is there to its end: the file may still be being written."""
    if not isinstance(value, str) or not value:
        return False
    if not key.endswith("-data"):
        return True
    try:
        pem = base64.b64decode(value, validate=True).rstrip()
    except ValueError:
        return False
    return b"-----END " in pem and pem.endswith(b"-----")
