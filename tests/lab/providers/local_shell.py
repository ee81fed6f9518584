"""One command on this machine, as the official `command` provider runs it.

Facts kept from its source (pulumi-command 1.2.1, local/commandOutputs.go): the command is the last
argument of the interpreter, `/bin/sh -c` unless it is given; it inherits the plugin's environment
and, without `dir`, its directory, which is the project's; an error tells all that it printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .plugin import PluginError, quoted

Line = Callable[[str], Awaitable[None]]

SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Run:
    """What to run and how to tell about it; `directory` None: where the plugin runs."""

    command: str
    interpreter: Sequence[str] = SHELL
    directory: str | None = None
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    log_stdout: bool = True
    log_stderr: bool = True


async def run(what: Run, *, status: Line) -> tuple[str, str]:
    """Run `what` and return its stdout and stderr, each without one last newline.

    `status` gets each line of output that is to be logged. Raises PluginError with the command and
    all that it printed when it fails.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *what.interpreter,
            what.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=what.directory,
            env={**os.environ, **what.environment},
        )
    except OSError as error:
        raise PluginError(f"fork/exec {what.interpreter[0]}: {error.strerror}") from error
    everything = bytearray()

    async def read(stream: asyncio.StreamReader | None, log: bool) -> str:
        text = bytearray()
        while stream is not None and (line := await stream.readline()):
            text += line
            everything.extend(line)
            if log:
                await status(line.decode(errors="replace").removesuffix("\n"))
        return text.decode(errors="replace").removesuffix("\n")

    async def write() -> None:
        assert process.stdin is not None
        # A command may end without reading its input.
        with contextlib.suppress(OSError):
            process.stdin.write(what.stdin.encode())
            await process.stdin.drain()
        process.stdin.close()

    stdout, stderr, _ = await asyncio.gather(
        read(process.stdout, what.log_stdout), read(process.stderr, what.log_stderr), write()
    )
    code = await process.wait()
    if code:
        problem = f"exit status {code}" if code > 0 else f"signal: {-code}"
        printed = everything.decode(errors="replace")
        raise PluginError(f"{problem}: running {quoted(what.command)}:\n{printed}")
    return stdout, stderr
