"""The user's own kubeconfig file on this machine: `python -m nas.kubeconfig_file merge|remove`.

A program of its own, because `pulumi destroy` does not run the Pulumi program. What to do comes on
standard input as JSON, since it holds a private key:
{"file": PATH, "name": CONTEXT, "stack": STACK, "current": BOOL, "kubeconfig": YAML}.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nas.errors import Problem
from nas.facts import Facts, Unreadable
from nas.home import expand
from nas.kubeconfig_merge import (
    SECTIONS,
    ForeignEntryError,
    Found,
    NoKubeconfigError,
    look,
    merge,
    remove,
)
from nas.settings import Settings

LOCK_TIMEOUT = 10.0
"""Seconds to wait for another writer; kubectl holds its lock for milliseconds."""

MODULE = "nas.kubeconfig_file"


@dataclass(frozen=True)
class Job:
    """One cluster for one file; `kubeconfig` is a secret."""

    file: str
    name: str
    stack: str
    current: bool
    kubeconfig: str

    def to_json(self) -> str:
        """The standard input of this program."""
        return json.dumps(asdict(self))


class FileError(Exception):
    """One line for the user, without content of the file."""


def look_into(settings: Settings, name: str) -> Found | Problem | None:
    """What the file of the settings holds for us, read before anything changes; None: no file set.

    A file that could not be changed later is a problem now.
    """
    path = settings.kubeconfig_file
    if path is None:
        return None
    shown = json.dumps(path)
    try:
        file = _real(path)
        return look(_read(file), name, settings.stack)
    except ForeignEntryError as error:
        return Problem(
            "kubeconfigFile",
            shown,
            f"has an entry {name} in its {error} that is not of this stack",
            f"rename it there, or remove it: kubectl config --kubeconfig {path} "
            f"{_DELETE[str(error)]} {name}",
        )
    except NoKubeconfigError as error:
        return Problem("kubeconfigFile", shown, str(error), "repair it, or name another file")
    except FileError as error:
        return Problem("kubeconfigFile", shown, str(error), "name a file that you may write")


_DELETE = {
    "clusters": "delete-cluster",
    "users": "delete-user",
    "contexts": "delete-context",
}
assert _DELETE.keys() == SECTIONS.keys()


def missing(found: Found, facts: Facts | Unreadable) -> tuple[str, ...]:
    """What differs between the file and the cluster, one clause each."""
    if not found.is_there:
        return ("the cluster is not in your kubeconfig file",)
    known = facts.client_certificate if isinstance(facts, Facts) else ""
    if known not in ("", found.client_certificate):
        return ("your kubeconfig file has an older certificate",)
    return ()


def run(mode: str, job: Job) -> str:
    """Merges or removes, and tells what was done.

    Raises:
        FileError: when the file is left as it was.
    """
    file = _real(job.file)
    if mode == "remove" and not file.exists():
        return f"{job.file} is gone, and {job.name} with it"

    def change(text: str) -> str | None:
        if mode == "merge":
            return merge(text, job.kubeconfig, job.stack, current=job.current)
        return remove(text, job.name, job.stack)

    try:
        _change(expand(job.file), file, change)
    except ForeignEntryError as error:
        raise FileError(
            f"{job.file} has an entry {job.name} in its {error} that is not of this stack"
        ) from None
    except NoKubeconfigError as error:
        raise FileError(f"{job.file} {error}") from None
    done = "is in" if mode == "merge" else "is no longer in"
    return f"{job.name} {done} {job.file}"


def _change(named: Path, file: Path, change: Callable[[str], str | None]) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # By the name that kubectl is given too, which may be a link.
        with _locked(named):
            before = _read(file)
            after = change(before)
            if after is None:
                file.unlink(missing_ok=True)
            elif after != before:
                _write(file, after)
    except OSError as error:
        raise FileError(f"cannot change {file}: {error.strerror}") from None


def _real(path: str) -> Path:
    """Where the path's links lead to, which is what is replaced: a link stays a link."""
    file = expand(path)
    try:
        real = file.resolve()
        if real.exists() and not real.is_file():
            raise FileError("is no file")
        nearest = next(one for one in (real, *real.parents) if one.exists())
        if not os.access(nearest, os.R_OK | os.W_OK):
            raise FileError(f"cannot be written: {nearest} does not let you")
    # A loop of links is one of these, by Python's version.
    except (OSError, RuntimeError) as error:
        raise FileError(f"cannot be reached ({error.__class__.__name__})") from None
    return real


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise NoKubeconfigError("is no text in UTF-8") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None


def _write(file: Path, text: str) -> None:
    """Whole or not at all, for its owner alone."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        if file.exists():
            # Root may write the file of somebody else.
            with contextlib.suppress(PermissionError):
                owner = file.stat()
                os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """kubectl's own lock: a file beside it that only one can make (client-go, clientcmd)."""
    lock = file.with_name(f"{file.name}.lock")
    until = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            break
        except FileExistsError:
            if time.monotonic() >= until:
                raise FileError(
                    f"{lock} is there since more than {LOCK_TIMEOUT:.0f} s: if no kubectl runs, "
                    "remove it"
                ) from None
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Status 1 when a merge failed; a removal that fails is told, since destroy has to end."""
    mode = arguments[0] if arguments else ""
    if mode not in ("merge", "remove"):
        print(f"usage: python -m {MODULE} merge|remove <JOB.json", file=sys.stderr)
        return 2
    try:
        print(f"nas-k3s: {run(mode, Job(**json.load(sys.stdin)))}", file=sys.stderr)
    except FileError as error:
        word = "error" if mode == "merge" else "warning"
        print(f"nas-k3s: {word}: {error}", file=sys.stderr)
        return 1 if mode == "merge" else 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
