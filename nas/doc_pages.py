"""Which page of docs/ says more about what an error is about: one table, for all of them."""

from __future__ import annotations

from collections.abc import Mapping

_CONTAINER = "docs/container.md"
_DAEMON = "docs/daemon-proxy.md"
_WAY = f"{_DAEMON}#which-nas-takes-which-way"
_SUDO = f"{_DAEMON}#accounts-without-uid-0"
_NETWORK = f"{_CONTAINER}#network-host-or-bridge"
_DATA = f"{_CONTAINER}#data-volumes-or-a-directory"
_LIMITS = f"{_CONTAINER}#what-it-may-take"
_REFUSED = f"{_CONTAINER}#refused-before-anything-changes"
_ARGUMENTS = f"{_CONTAINER}#arguments-of-k3s-and-its-kubelet"
_FILE = "docs/access.md#in-your-own-kubeconfig"

OF_SETTING: Mapping[str, str] = {
    "sshUser": _SUDO,
    "sudoPassword": _SUDO,
    "sshPrivateKeyFile": "docs/rotate.md#the-ssh-key",
    "sshHostKey": "docs/rotate.md#the-nass-host-key",
    "platform": _WAY,
    "dockerPath": _WAY,
    "daemonConfigFile": _WAY,
    "daemonRestartCommand": _WAY,
    "restartDaemon": f"{_DAEMON}#when-docker-restarts",
    "proxy": _DAEMON,
    "proxyPassword": "docs/rotate.md#the-proxys-password",
    "k3sVersion": "docs/upgrade.md",
    "k3sImage": "docs/upgrade.md",
    "restoreSnapshot": "docs/upgrade.md#going-back",
    "networkMode": _NETWORK,
    "publishPorts": _NETWORK,
    "apiPort": _NETWORK,
    "nodeIp": _NETWORK,
    "clusterCidr": _REFUSED,
    "serviceCidr": _REFUSED,
    "nodeName": _REFUSED,
    "kubeletArgs": _ARGUMENTS,
    "serverArgs": _ARGUMENTS,
    "dataDirectory": _DATA,
    "snapshotter": _DATA,
    "memoryLimit": _LIMITS,
    "cpuLimit": _LIMITS,
    "stopGrace": _LIMITS,
    "registries": "docs/registry.md",
    "drift": "docs/drift.md",
    "containerName": "docs/drift.md",
    "token": "docs/rotate.md#the-clusters-token",
    "kubeconfigFile": _FILE,
    "kubeconfigCurrent": _FILE,
}
"""Setting -> page below the project, with its heading; the others have the table of all."""

SETTINGS = "docs/settings.md"
"""The table of all settings."""

COMMANDS = "docs/commands.md"
"""The page of `python -m nas`, for what is no setting."""

OF_SCRIPT: Mapping[str, str] = {
    "daemon-proxy.sh": "docs/reliability.md",
    "docker-path.sh": _DAEMON,
    "image-pull.sh": "docs/upgrade.md",
    "arguments-check.sh": _ARGUMENTS,
    "data-directory.sh": _DATA,
    "data-snapshot.sh": "docs/upgrade.md#the-snapshots",
    "cluster-ready.sh": "docs/troubleshooting.md",
    "kubeconfig.sh": "docs/access.md",
    "host-cleanup.sh": "docs/destroy.md",
}
"""Script of the NAS -> the page that its errors end with."""

DOCTOR: Mapping[str, str] = {
    "en": "docs/troubleshooting.md#what-it-can-find",
    "zh": "docs/zh-CN/troubleshooting.md#能发现什么",
}
"""Language -> the table of what `python -m nas doctor` can find."""
