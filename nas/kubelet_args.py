"""More arguments of the kubelet, `key=value`, which k3s hands on.

Flags: https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from nas.errors import NAMESPACE
from nas.kubelet_flags import KINDS, LINE, REPEATABLE, wanted
from nas.proxy import BadValueError
from nas.versions import Version

HAVE_SETTINGS = {
    "hostname-override": "nodeName",
    "node-ip": "nodeIp",
    "cluster-domain": "clusterDomain",
}
"""Flag -> the setting that makes it."""
OURS = {
    "kubeconfig": "k3s makes the kubelet's login",
    "config": "k3s writes the kubelet's config file",
    "config-dir": "k3s writes the kubelet's config there",
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
    value, comma, more = bare.partition("=")[2].partition(",")
    if comma and "=" in more and wanted(key, value) is None and wanted(key, f"{value},{more}"):
        raise BadValueError(
            "holds more than one argument: a comma belongs to the value",
            f"write one item for each: pulumi config set --path '{NAMESPACE}:kubeletArgs[0]' "
            f"{key}={value}, then kubeletArgs[1] {more}",
        )
    kind = wanted(key, bare.partition("=")[2])
    if kind is not None:
        raise BadValueError(
            f"has no value that the kubelet takes for {key}, and k3s would not start",
            f"write {key}=VALUE, VALUE being {kind}",
        )
    return bare


def check(arguments: Sequence[str], version: Version | None) -> list[tuple[int, BadValueError]]:
    """What is wrong with them together, each with its index.

    Args:
        version: the k3s that will run, None: not known. What flags there are is known of one minor.
    """
    found = [(index, _twice(arguments[index])) for index in _repeated(arguments)]
    if is_known(version):
        found += [(index, _unknown(arguments[index])) for index in unknown(arguments)]
    return sorted(found, key=lambda pair: pair[0])


def is_known(version: Version | None) -> bool:
    """Whether the table of flags is the one of this k3s."""
    return version is not None and (version.major, version.minor) == LINE


def unknown(arguments: Sequence[str]) -> list[int]:
    """Indexes of flags that the kubelet of the table does not have."""
    return [index for index, text in enumerate(arguments) if _key(text) not in KINDS]


def _key(argument: str) -> str:
    return argument.partition("=")[0]


def _repeated(arguments: Sequence[str]) -> list[int]:
    keys = [_key(text) for text in arguments]
    return [
        index
        for index, key in enumerate(keys)
        if key in keys[:index] and KINDS.get(key, "text") not in REPEATABLE
    ]


def _twice(argument: str) -> BadValueError:
    return BadValueError(
        f"gives {_key(argument)} a second time, and only the last one would count", "remove one"
    )


def _unknown(argument: str) -> BadValueError:
    key = _key(argument)
    near = get_close_matches(key, KINDS, n=1)
    return BadValueError(
        f"is no option of the kubelet of Kubernetes {LINE[0]}.{LINE[1]}, and k3s would not start",
        f"write {near[0]}" if near else "remove it",
    )
