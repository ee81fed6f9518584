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

from nas.platforms import shell_table

_SCRIPTS = resources.files("nas") / "scripts"
_AWK = {"JSON_AWK": "json.awk"}


def script_source(name: str) -> str:
    """The text of `nas/scripts/<name>`, carriage returns stripped."""
    return (_SCRIPTS / name).read_text(encoding="utf-8").replace("\r", "")


def render(name: str, variables: Mapping[str, str]) -> str:
    """The whole stdin for `sh -s MODE`: variables, platform table, library, script.

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
    data = {**variables, **{key: script_source(file) for key, file in _AWK.items()}}
    assignments = "".join(f"{key}={shlex.quote(value)}\n" for key, value in data.items())
    parts = [
        f"# nas-k3s {name}\nset -u\n",
        assignments,
        shell_table(),
        script_source("lib.sh"),
        script_source(name),
        # Nothing that main runs may read what is left of the script; in braces, because even a
        # connection that drops within these words must not run it.
        '{ main "$@" </dev/null; exit $?; }\n',
    ]
    return "".join(parts)
