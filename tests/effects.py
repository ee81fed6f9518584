"""What an edit of each setting does: the table of edits, and docs/effects.md made from a run.

`make effects` runs every edit of the table against the NAS in a box (tests/e2e/test_effects.py) and
writes the page; without it that test compares a run with the page.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.e2e.story import Story
from tests.lab.paths import REPO
from tests.unit.samples import host_key

PAGE = REPO / "docs" / "effects.md"
Way = Literal["up", "preview", "off"]
DOCKER, K3S = "Docker, and all containers with it", "k3s"


@dataclass(frozen=True)
class Edit:
    """One edit of the deployed stack.

    Attributes:
        key: the setting.
        shown: the edit as the page has it.
        change: settings of the lab's stack that are written instead of its own, or makes them.
        way: `up`, previewed and then really run, and kept; `preview`, by preview alone; `off`, by
            a preview with the NAS switched off, for what the lab's NAS cannot follow.
    """

    key: str
    shown: str
    change: Mapping[str, Any] | Callable[[Story], Mapping[str, Any]]
    way: Way = "preview"

    def settings(self, story: Story) -> dict[str, Any]:
        return dict(self.change(story) if callable(self.change) else self.change)


@dataclass(frozen=True)
class Effect:
    """What an edit does, or why it is refused; `perhaps`: what preview cannot be certain of."""

    updates: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    refused: str = ""


def _set(key: str, value: Any, way: Way = "preview") -> Edit:
    return Edit(
        key, f"`{value if isinstance(value, str) else json.dumps(value)}`", {key: value}, way
    )


def _other_address(story: Story) -> dict[str, Any]:
    return {"host": story.lab.nas_host.rpartition(".")[0] + ".77"}


def _other_key_file(story: Story) -> dict[str, Any]:
    copy = story.lab.state.folder / "the-same-key"
    shutil.copy2(story.lab.ssh_key, copy)
    return {"sshPrivateKeyFile": str(copy)}


def _proxy_by_name(story: Story) -> dict[str, Any]:
    line = f"{story.lab.addresses.proxy} proxy.lan"
    story.must(f"grep -qxF '{line}' /etc/hosts || echo '{line}' >>/etc/hosts")
    return {"proxy": "http://proxy.lan:7222"}


def _docker_path(story: Story) -> dict[str, Any]:
    return {"dockerPath": story.lab.docker_json.replace("etc/docker.json", "bin/docker")}


def _config_file(story: Story) -> dict[str, Any]:
    return {"daemonConfigFile": story.lab.docker_json}


def _kubeconfig_file(story: Story) -> dict[str, Any]:
    return {"kubeconfigFile": str(story.lab.state.folder / "kubeconfig")}


MIRROR = {"mirrors": {"docker.io": {"endpoint": ["https://registry.lan:5000"]}}}

# In the order of the settings; what is really run is run in this order, each on top of the last.
EDITS = (
    Edit("host", "another address", _other_address, "off"),
    _set("sshPort", 2222, "off"),
    _set("sshUser", "root", "off"),
    Edit("sshPrivateKeyFile", "another place of the same key", _other_key_file, "off"),
    Edit("sshHostKey", "another key", {"sshHostKey": host_key()}, "off"),
    Edit("sudoPassword", "set", {"sudoPassword": "not-needed"}),
    _set("platform", "qnap"),
    Edit("dockerPath", "the one that was found", _docker_path),
    Edit("daemonConfigFile", "the one that was found", _config_file),
    _set("daemonRestartCommand", "/etc/init.d/container-station.sh restart"),
    _set("restartDaemon", "when-safe"),
    Edit("proxy", "`http://proxy.lan:7222`", _proxy_by_name),
    Edit("proxyUser", "set", {"proxyUser": "svc"}),
    Edit("proxyPassword", "set, with `proxyUser`", {"proxyUser": "svc", "proxyPassword": "x"}),
    _set("proxyScope", "images", "up"),
    _set("noProxy", ["registry.lan"], "up"),
    _set("lanCidr", "198.18.0.0/15"),
    _set("keepDaemonProxy", True),
    Edit("caCertificatesFile", "removed", {"caCertificatesFile": ""}),
    _set("k3sVersion", "v1.34.5-k3s1"),
    Edit(
        "k3sImage",
        "the same image from another registry",
        {"k3sImage": "ghcr.io/rancher/k3s:v1.34.4-k3s1"},
        "up",
    ),
    _set("restoreSnapshot", "v1.34.3-k3s1-20260131T093000Z"),
    _set("containerName", "k8s"),
    _set("nodeName", "other"),
    _set("nodeIp", "198.18.0.9"),
    _set("networkMode", "bridge"),
    _set("apiPort", 16443, "up"),
    Edit(
        "publishPorts",
        '`["8080:80"]`, with `networkMode: bridge`',
        {"networkMode": "bridge", "publishPorts": ["8080:80"]},
    ),
    _set("tlsSans", ["nas.lan"]),
    _set("clusterCidr", "10.52.0.0/16"),
    _set("serviceCidr", "10.53.0.0/16"),
    _set("clusterDomain", "home.lan"),
    _set("disable", ["servicelb", "traefik"]),
    _set("serverArgs", ["--debug"]),
    _set("kubeletArgs", ["max-pods=50"]),
    Edit("token", "another than the cluster's", {"token": "not-the-token"}),
    Edit("registries", "a mirror", {"registries": json.dumps(MIRROR)}),
    _set("smokeImage", "ghcr.io/rancher/mirrored-library-busybox:1.37.0", "up"),
    _set("dataDirectory", "/share/CACHEDEV1_DATA/k3s"),
    _set("snapshotter", "native"),
    _set("memoryLimit", "4g"),
    _set("cpuLimit", 1.5),
    _set("stopGrace", 60),
    Edit("kubeconfigFile", "a file", _kubeconfig_file),
    Edit(
        "kubeconfigCurrent",
        "`true`, with `kubeconfigFile`",
        lambda story: {**_kubeconfig_file(story), "kubeconfigCurrent": True},
    ),
    _set("keepData", False, "up"),
    _set("drift", "off", "up"),
    _set("daemonTimeout", 120, "up"),
    _set("pullTimeout", 600),
    _set("readyTimeout", 240, "up"),
)

_HEAD = """# What an edit of a setting does

Each row is one edit of a stack that is up on the [NAS in a box](lab.md), with `pulumi preview`
before it. Names are those that preview shows; only what differs is named. An update of a command
runs its script again, which compares before it changes anything. Written by a run of the tests:
`make effects`.

- **seen by up**: the edit was really made. What up did was what preview had said, and what
  restarted on the NAS was measured.
- **seen by preview**: preview alone, which says what it will restart. **NAS off**: the same, with
  the NAS switched off.

Where the kubeconfig is read again, preview cannot know that it is still the same: what hangs on it
is updated **perhaps**.

`k3s` restarts with a container made anew, on the same data; other containers run on. Checks and
smoke test then prove the new container.

| setting | edit | updates | replaces | restarts | seen by |
|---|---|---|---|---|---|
"""
_SEEN = {"up": "up", "preview": "preview", "off": "preview, NAS off"}


def page(effects: Mapping[str, Effect]) -> str:
    """The page's text; `effects` are those of EDITS by key."""
    return _HEAD + "".join(f"{_row(edit, effects[edit.key])}\n" for edit in EDITS)


def _row(edit: Edit, effect: Effect) -> str:
    start = f"| `{edit.key}` | {edit.shown} |"
    if effect.refused:
        return f"{start} refused: {effect.refused} | | nothing | {_SEEN[edit.way]} |"
    updates = [
        *_names(effect.updates),
        *(f"{name} (perhaps)" for name in _names(effect.perhaps)),
        *(f"{name} (new)" for name in _names(effect.creates)),
        *(f"{name} (removed)" for name in _names(effect.deletes)),
    ]
    restarts = [*effect.restarts]
    if edit.way == "off" and "daemon-proxy-config" in effect.updates:
        # Without the NAS nobody knows what its daemon's file says.
        restarts.append("of Docker not known")
    cells = (
        ", ".join(updates) or "nothing",
        ", ".join(_names(effect.replaces)) or "nothing",
        ", ".join(restarts) or "nothing",
        _SEEN[edit.way],
    )
    return f"{start} {' | '.join(cells)} |"


def _names(resources: Iterable[str]) -> list[str]:
    return [f"`{name}`" for name in resources]
