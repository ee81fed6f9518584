"""Running outside programs for the lab: progress, deadlines, locks, whole-or-nothing results."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class LabError(Exception):
    """What went wrong in one line, with the way out when there is one."""


def say(text: str) -> None:
    """One progress line on stderr; stdout stays for results."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


def take_interrupts() -> None:
    """Lets what is started from here end on SIGINT, which a shell has its background jobs ignore.

    Pulumi ends its plugins by that signal, and waits five seconds for one that ignores it.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def find_program(name: str, why: str) -> str:
    """Absolute path of the program `name`, also looked for in the sbin directories.

    Raises LabError naming the program and `why` it is needed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise LabError(f"program {name!r} is missing: it is needed {why}")
    return found


def run(
    argv: Sequence[str | Path],
    *,
    what: str,
    deadline: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    on_line: Callable[[str], None] | None = None,
) -> str:
    """Run `argv` for at most `deadline` seconds and return its stdout and stderr, interleaved.

    `what` names the step in messages, `on_line` sees each line of output as it comes. Raises
    LabError with the last lines seen when the program fails, is missing, or is not done in time;
    in the last case its whole process group is killed.
    """
    command = [str(part) for part in argv]
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise LabError(f"{what}: cannot start {command[0]}: {error.strerror}") from error
    late = threading.Event()

    def give_up() -> None:
        late.set()
        os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(deadline, give_up)
    timer.start()
    lines: list[str] = []
    try:
        if stdin is not None and child.stdin is not None:
            feeder = threading.Thread(target=_feed, args=(child, stdin), daemon=True)
            feeder.start()
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line)
            if on_line is not None:
                on_line(line.rstrip("\n"))
        code = child.wait()
    finally:
        timer.cancel()
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    seen = " | ".join(line.strip() for line in lines[-4:] if line.strip()) or "no output"
    if late.is_set():
        raise LabError(f"{what}: not done after {deadline:.0f} s; last seen: {seen}")
    if code != 0:
        raise LabError(f"{what}: {Path(command[0]).name} ended with {code}: {seen}")
    return "".join(lines)


def _feed(child: subprocess.Popen[str], text: str) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(text)
        child.stdin.close()
    except BrokenPipeError:  # it ended early; its exit code tells the story
        pass


@contextmanager
def locked(path: Path, *, what: str, deadline: float) -> Iterator[None]:
    """Hold the lock file `path`; one line says so when another run holds it.

    The kernel drops the lock with its process, so a killed run never leaves one behind.
    Raises LabError when the lock is not free within `deadline` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        end = time.monotonic() + deadline
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say(f"waiting for another run that is busy with {what}")
                    told = True
                if time.monotonic() > end:
                    raise LabError(
                        f"{what}: another run has held {path} for {deadline:.0f} s"
                    ) from None
                time.sleep(0.2)
        yield


def is_left_over(path: Path) -> bool:
    """Whether the lock file `path` is there and nobody holds it: its run has ended."""
    try:
        with path.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def clear_scratch(folder: Path, prefix: str) -> None:
    """Remove what killed runs left of `whole_dir` and `whole_file` for names with this prefix.

    To be called under the lock that guards those names.
    """
    for left in folder.glob(f".{prefix}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def remove_unused(folder: Path, pattern: str, keep: Path, *, hours: float = 1) -> None:
    """Remove files of `folder` that match `pattern` and have not been touched for so long.

    Whoever uses such a file touches it, so another run does not lose it under its hands.
    """
    oldest = time.time() - hours * 3600
    for file in folder.glob(pattern):
        if file != keep and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


@contextmanager
def whole_dir(final: Path) -> Iterator[Path]:
    """A scratch directory that becomes `final` in one rename, or vanishes on an error."""
    final.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{final.name}.", dir=final.parent))
    scratch.chmod(0o755)
    try:
        yield scratch
        if final.exists():
            shutil.rmtree(final)
        scratch.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def whole_file(final: Path) -> Iterator[Path]:
    """A scratch path that becomes the file `final` in one rename at the end."""
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.", dir=final.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.rename(final)
    finally:
        scratch.unlink(missing_ok=True)
