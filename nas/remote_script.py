"""Scripts for the NAS: one text that a remote `sh -s` reads from stdin.

Why stdin: error texts of SSH runs repeat the command line, and `ps` shows it, so a command line
holds neither script nor data; and `environment=` needs sshd's AcceptEnv, which no NAS has
(pulumi-command#48). Why one `main` at the end: a connection that drops in the middle of the text
leaves function definitions that were never called.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib import resources

from nas import doc_pages, k3s_log
from nas.daemon_routes import BLOCK_BEGIN, BLOCK_END
from nas.platforms import shell_table

_SCRIPTS = resources.files("nas") / "scripts"
_STRATEGIES = (
    "strategies.sh",
    "strategy-config-file.sh",
    "strategy-systemd.sh",
    "strategy-vendor-script.sh",
)
_PARTS: Mapping[str, tuple[str, ...]] = {
    "daemon-proxy.sh": (
        "lock.sh",
        "owned-file.sh",
        "containers.sh",
        "registry-ask.sh",
        "proxy-probe.sh",
        "restart.sh",
        *_STRATEGIES,
    ),
    "docker-path.sh": ("lock.sh", "docker-wrapper.sh"),
    "cluster-ready.sh": (
        "docker-wrapper.sh",
        "cluster-data.sh",
        "k3s-data.sh",
        "k3s-log.sh",
        "kubectl.sh",
    ),
    "arguments-check.sh": ("k3s-log.sh",),
    "cluster-id.sh": ("cluster-data.sh", "k3s-container.sh"),
    "host-cleanup.sh": ("cluster-data.sh", "k3s-container.sh"),
    "data-directory.sh": ("owned-directory.sh",),
    "doctor.sh": ("listeners.sh", "registry-ask.sh", "proxy-probe.sh", "k3s-log.sh"),
    "facts.sh": (
        "lock.sh",
        *_STRATEGIES,
        "listeners.sh",
        "facts-network.sh",
        "facts-kernel.sh",
        "facts-storage.sh",
        "registry-ask.sh",
        "image-missing.sh",
        "proxy-probe.sh",
        "facts-way.sh",
        "owned-directory.sh",
        "cluster-data.sh",
        "k3s-data.sh",
        "k3s-container.sh",
        "facts-containers.sh",
        "facts-cluster.sh",
    ),
    "data-snapshot.sh": ("cluster-data.sh", "k3s-data.sh", "k3s-container.sh"),
    "image-pull.sh": ("lock.sh", "image-missing.sh"),
    "kubeconfig.sh": ("cluster-data.sh", "k3s-data.sh", "k3s-log.sh"),
    "timeline.sh": ("kubectl.sh", "cluster-data.sh"),
}
"""What a script needs beside the library: each file has one concern."""


def script_source(name: str) -> str:
    """The text of `nas/scripts/<name>`, carriage returns stripped."""
    return (_SCRIPTS / name).read_text(encoding="utf-8").replace("\r", "")


def render(name: str, variables: Mapping[str, str]) -> str:
    """The whole stdin for `sh -s MODE`: variables, platform table, library, parts, script.

    Args:
        name: file below `nas/scripts`, e.g. `daemon-proxy.sh`; it defines `main`.
        variables: shell variables. Values may hold anything but NUL; a text that holds a secret
            makes the whole result secret.

    Raises:
        ValueError: for a value with a NUL byte, which no shell variable can hold.
    """
    for key, value in variables.items():
        if "\0" in value:
            raise ValueError(f"{key} holds a NUL byte")
    parts = _PARTS.get(name, ())
    page = doc_pages.OF_SCRIPT.get(name, "")
    data = {"DOC_PAGE": page, **variables, "JSON_AWK": script_source("json.awk")}
    if "strategy-vendor-script.sh" in parts:
        marks = {"BLOCK_BEGIN": BLOCK_BEGIN, "BLOCK_END": BLOCK_END}
        data |= {**marks, "BLOCK_AWK": script_source("block.awk")}
    if "k3s-log.sh" in parts:
        data |= k3s_log.shell_variables()
    assignments = "".join(f"{key}={shlex.quote(value)}\n" for key, value in data.items())
    texts = [
        f"# nas-k3s {name}\nset -u\n",
        assignments,
        shell_table(),
        script_source("lib.sh"),
        *map(script_source, parts),
        script_source(name),
        # Nothing that main runs may read what is left of the script; in braces, because even a
        # connection that drops within these words must not run it.
        '{ main "$@" </dev/null; exit $?; }\n',
    ]
    return "".join(texts)


def launched(text: str, sudo_password: str | None) -> str:
    """A rendered script wrapped so that it runs as uid 0, by sudo where SSH's account is another.

    The result is stdin for `sh -s MODE` too; with a password it is a secret.

    Raises:
        ValueError: for a NUL byte.
    """
    if "\0" in text or "\0" in (sudo_password or ""):
        raise ValueError("the script or the password of sudo holds a NUL byte")
    return (
        "# nas-k3s\nset -u\n"
        f"SCRIPT={shlex.quote(text)}\nSUDO_PASSWORD={shlex.quote(sudo_password or '')}\n"
        + script_source("launch.sh")
        + '{ launch "$@" </dev/null; }\n'
    )
