"""Commands in a box, with all of their output."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from .process import LabError

PLACE = "/dev/shm"
"""Directory of a box that is outside of all that tests compare."""
_TRIES = 10
"""How often an output is asked for until all of it is there."""
_BEGIN = b"begin of the output\n"
_END = b"end of the output\n"


def execute(box: Any, command: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of a shell command in a container of the outer engine.

    The library reads the output past the buffer with which Python has read the head of the answer:
    what came together with the head is lost, and nothing tells so (docker-py issue 1732). So the
    output is kept in the box until it has come whole.

    Raises:
        LabError: it does not come.
    """
    kept = f"{PLACE}/lab-{token_hex(8)}"
    tell = f"{_say(_BEGIN)}; cat {kept}.out; cat {kept}.err >&2; {_say(_END)}"
    old = _arrived.pop(box.id, kept)
    run = f"rm -f {old}.*; ( {command}\n) >{kept}.out 2>{kept}.err; code=$?; {tell}; exit $code"
    code, out, err = _run(box, run, environment)
    for _ in range(_TRIES):
        if _whole(out) and _whole(err):
            break
        _, out, err = _run(box, tell, environment)
    else:
        raise LabError(f"the output of `{command}` does not arrive: {out!r} {err!r}")
    _arrived[box.id] = kept
    return code, _text(out), _text(err)


_arrived: dict[str, str] = {}
"""Box -> the output that may go with its next command."""


def _say(mark: bytes) -> str:
    return f"printf '%s' '{mark.decode()}' | tee /dev/stderr"


def _run(box: Any, command: str, environment: Mapping[str, str]) -> tuple[int, bytes, bytes]:
    code, (out, err) = box.exec_run(
        ["sh", "-c", command], demux=True, environment=dict(environment)
    )
    return code, out or b"", err or b""


def _whole(told: bytes) -> bool:
    return told.startswith(_BEGIN) and told.endswith(_END)


def _text(told: bytes) -> str:
    return told.removeprefix(_BEGIN).removesuffix(_END).decode(errors="replace")
