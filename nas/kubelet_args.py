"""More arguments of the kubelet, `key=value`, which k3s hands on.

Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
"""

from __future__ import annotations

import re

from nas.proxy import BadValueError

HAVE_SETTINGS = {
    "hostname-override": "nodeName",
    "node-ip": "nodeIp",
    "cluster-domain": "clusterDomain",
}
"""Flag -> the setting that makes it."""
OURS = {
    "kubeconfig": "k3s makes the kubelet's login",
    "config": "k3s writes the kubelet's config file",
    "container-runtime-endpoint": "k3s brings its own containerd",
    "containerd": "k3s brings its own containerd",
    "root-dir": "the image of k3s has a volume at the kubelet's own place",
}
"""Flag -> why it cannot be given."""


def kubelet_arg(text: str) -> str:
    """One argument, without dashes."""
    bare = text.lstrip("-")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*=[^\r\n]*", bare):
        raise BadValueError("is no key=value", "write e.g. max-pods=50, one item for each argument")
    key = bare.partition("=")[0]
    if key in HAVE_SETTINGS:
        setting = HAVE_SETTINGS[key]
        raise BadValueError(
            f"is what the setting {setting} is for", f"remove it, and set nas-k3s:{setting}"
        )
    if key in OURS:
        raise BadValueError(f"cannot be changed: {OURS[key]}", "remove it")
    return bare
