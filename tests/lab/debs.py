"""Root file systems made of the machine's own distribution packages, without being root.

apt works here on state, caches and an (empty) status file of its own, with the machine's sources,
keys and configuration, so the machine's package state stays as it is. No maintainer script runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .process import LabError, clear_scratch, find_program, locked, run, say, whole_dir

_UPDATE_DEADLINE = 300.0
_DOWNLOAD_DEADLINE = 900.0
_UNPACK_DEADLINE = 120.0
# Raised when a root made by older code must not be used any more.
_FORMAT = 2
# Directories that are symlinks into /usr on a merged-/usr system (Debian 12 and later); made first,
# else a package that ships /lib/x would create a real directory there.
_MERGED_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True)
class _Download:
    file_name: str
    size: int


def root(name: str, packages: Sequence[str]) -> Path:
    """Directory with the files of `packages` and of everything they depend on (no recommends).

    `name` is for messages and for the directory's name only; the content is keyed by the packages,
    the distribution release and the architecture. Treat the result as read-only. Raises LabError
    in one line when apt is missing or a step fails or exceeds its deadline.
    """
    wanted = sorted(set(packages))
    final = paths.CACHE / "roots" / f"{name}-{_key(wanted)}"
    if final.is_dir():
        return final
    for program in ("apt-get", "dpkg-deb", "tar"):
        find_program(
            program, f"to make the lab's {name} image (the lab needs a Debian-like system)"
        )
    with locked(paths.CACHE / "locks" / "apt.lock", what="packages", deadline=1800):
        if final.is_dir():
            return final
        clear_scratch(final.parent, f"{name}-")
        say(f"{name}: looking up {', '.join(wanted)}")
        debs = _download(name, wanted)
        with whole_dir(final) as scratch:
            _unpack(name, debs, scratch)
    return final


def pick(source: Path, target: Path, entries: Iterable[str]) -> None:
    """Copy programs out of a `root` together with the shared libraries that they load.

    `entries` are paths inside `source` without the leading slash: files, symlinks (kept, and what
    they point to is copied as well) or whole directories; a leading `lib:` stands for the
    machine's library directory (usr/lib/<triplet>). Files keep their places. Raises LabError for
    an entry that does not exist or a library that is not in `source`.
    """
    libraries = _library_dir(source)
    pending = [e.replace("lib:", f"{libraries or 'usr/lib'}/", 1) for e in entries]
    done: set[str] = set()
    for link in _MERGED_USR:
        if (source / link).is_symlink() and not (target / link).is_symlink():
            (target / "usr" / link).mkdir(parents=True, exist_ok=True)
            (target / link).symlink_to(f"usr/{link}")
    while pending:
        entry = _canonical(pending.pop())
        if entry in done:
            continue
        done.add(entry)
        path = source / entry
        copy = target / entry
        if path.is_symlink():
            points_to = str(path.readlink())
            base = "" if points_to.startswith("/") else str(Path(entry).parent)
            pending.append(os.path.normpath(os.path.join(base, points_to.lstrip("/"))))  # noqa: PTH118
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.is_symlink():
                copy.symlink_to(points_to)
        elif path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
            pending.extend(f"{entry}/{child.name}" for child in path.iterdir())
        elif path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
            pending.extend(_libraries_of(source, path))
        else:
            raise LabError(f"/{entry} is not in the packages of {source.name}")


def _key(wanted: Sequence[str]) -> str:
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    found = re.search(r"^VERSION_CODENAME=(.*)$", release, re.MULTILINE)
    text = "\n".join([str(_FORMAT), found[1] if found else "?", os.uname().machine, *wanted])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _apt(*arguments: str) -> list[str]:
    state = paths.CACHE / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    # Cleared: hooks that other packages put into the machine's apt configuration; they would act
    # on the machine's own caches.
    config = state / "apt.conf"
    config.write_text(
        f'Dir::State "{state}/state";\n'
        f'Dir::State::status "{state}/status";\n'
        f'Dir::Cache "{state}/cache";\n'
        'APT::Sandbox::User "";\n'
        'APT::Install-Recommends "false";\n'
        'APT::Get::List-Cleanup "false";\n'
        'APT::Keep-Downloaded-Packages "true";\n'
        'Acquire::Languages "none";\n'
        'Acquire::Retries "3";\n'
        "#clear APT::Update::Pre-Invoke;\n"
        "#clear APT::Update::Post-Invoke;\n"
        "#clear APT::Update::Post-Invoke-Success;\n"
        "#clear DPkg::Pre-Invoke;\n"
        "#clear DPkg::Post-Invoke;\n"
        "#clear DPkg::Pre-Install-Pkgs;\n"
    )
    return ["apt-get", "-c", str(config), "-q", *arguments]


def _download(name: str, wanted: Sequence[str]) -> list[Path]:
    install = ["install", "--yes", "--no-install-recommends", *wanted]
    lists = paths.CACHE / "apt" / "state" / "lists"
    if not any(lists.glob("*_Packages*")):
        _update()
    try:
        plan = _plan(_apt("--print-uris", *install))
    except LabError:
        # Lists that are older than a point release name files that are gone.
        _update()
        plan = _plan(_apt("--print-uris", *install))
    if plan:
        total = sum(item.size for item in plan) / 1e6
        say(f"{name}: downloading {len(plan)} packages, {total:.0f} MB")
    count = 0

    def progress(line: str) -> None:
        nonlocal count
        if line.startswith("Get:"):
            count += 1
            if count % 20 == 0 or count == len(plan):
                say(f"{name}: package {count} of {len(plan)}")

    fetch = _apt("--download-only", *install)
    try:
        run(fetch, what=f"{name}: packages", deadline=_DOWNLOAD_DEADLINE, on_line=progress)
    except LabError:
        say(f"{name}: refreshing the package lists and trying once more")
        _update()
        plan = _plan(_apt("--print-uris", *install)) or plan
        run(fetch, what=f"{name}: packages", deadline=_DOWNLOAD_DEADLINE, on_line=progress)
    archives = paths.CACHE / "apt" / "cache" / "archives"
    closure = _closure(wanted)
    debs = [archives / file_name for file_name in closure]
    missing = [deb.name for deb in debs if not deb.is_file()]
    if missing:
        raise LabError(f"{name}: apt did not download {', '.join(missing)}")
    return debs


def _update() -> None:
    say("reading the package lists of the machine's distribution")
    run(_apt("update"), what="package lists", deadline=_UPDATE_DEADLINE)


def _plan(argv: Sequence[str]) -> list[_Download]:
    """What apt would fetch; files that are already in the cache are not in it."""
    found = []
    for line in run(argv, what="package lookup", deadline=60).splitlines():
        # Without a checksum of the kind that apt prints by default, the last field is empty.
        match = re.fullmatch(r"'[^']+' (\S+) (\d+)(?: \S*)?", line.strip())
        if match:
            found.append(_Download(match[1], int(match[2])))
    return found


def _closure(wanted: Sequence[str]) -> list[str]:
    """File names, as apt stores them, of all packages of the closure."""
    # With an empty archive directory apt lists every file, fetched or not.
    empty = paths.CACHE / "apt" / "empty"
    (empty / "partial").mkdir(parents=True, exist_ok=True)
    argv = _apt(
        "-o",
        f"Dir::Cache::archives={empty}",
        "--print-uris",
        "install",
        "--yes",
        "--no-install-recommends",
        *wanted,
    )
    return [item.file_name for item in _plan(argv)]


def _unpack(name: str, debs: Sequence[Path], target: Path) -> None:
    say(f"{name}: unpacking {len(debs)} packages")
    for link in _MERGED_USR:
        (target / "usr" / link).mkdir(parents=True)
        (target / link).symlink_to(f"usr/{link}")
    for deb in debs:
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE
        ) as unpack:
            try:
                done = subprocess.run(
                    ["tar", "--extract", "--keep-directory-symlink", "--directory", target],
                    stdin=unpack.stdout,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=_UNPACK_DEADLINE,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                unpack.kill()
                raise LabError(
                    f"{name}: unpacking {deb.name} took over {error.timeout} s"
                ) from None
        if done.returncode or unpack.returncode:
            deb.unlink()  # damaged by an interrupted download: fetched anew next time
            raise LabError(f"{name}: cannot unpack {deb.name}: {done.stderr.strip()[-200:]}")
    for link in _MERGED_USR:
        if not any((target / "usr" / link).iterdir()):
            (target / "usr" / link).rmdir()
            (target / link).unlink()


def _library_dir(source: Path) -> str | None:
    """Directory of the dynamic loader; None when the packages hold static programs only."""
    for loader in ("ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"):
        for found in sorted((source / "usr/lib").glob(f"*/{loader}")):
            return str(found.parent.relative_to(source))
    return None


def _canonical(entry: str) -> str:
    """usr/lib/x for lib/x, so that one file is not copied at two places."""
    first, _, rest = entry.strip("/").partition("/")
    return f"usr/{first}/{rest}" if first in _MERGED_USR and rest else entry.strip("/")


def _libraries_of(source: Path, program: Path) -> list[str]:
    with program.open("rb") as handle:
        if handle.read(4) != b"\x7fELF":
            return []
    folder = _library_dir(source)
    if folder is None:
        return []
    libraries = source / folder
    loader = next(iter(sorted(libraries.glob("ld-linux-*.so.*"))))
    # The packages' own loader resolves the names, so nothing of the machine slips in; private
    # library directories (systemd's) are where the packages put them.
    places = [str(libraries), *(str(p) for p in libraries.iterdir() if p.is_dir())]
    listed = subprocess.run(
        [loader, "--list", "--library-path", ":".join(places), program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if listed.returncode:
        return []  # statically linked
    found = []
    for line in listed.stdout.splitlines():
        match = re.match(r"\s*(\S+) => (.+?)(?: \(0x[0-9a-f]+\))?$", line)
        if match and match[2] == "not found":
            raise LabError(f"library {match[1]} of {program.name} is not in {source.name}")
        if match and Path(match[2]).is_relative_to(source):
            found.append(str(Path(match[2]).relative_to(source)))
    # The loader lists itself without an arrow.
    return [*found, str(loader.relative_to(source)), f"lib64/{loader.name}"] if found else []
