"""The Pulumi engine that the lab runs programs with: what is installed, else built from Go modules.

Each of the three provider plugins is taken from the first place that has it: the directory named by
$NAS_K3S_OFFICIAL_PLUGINS, the user's own Pulumi home (both hold official ones), the lab (the
Kubernetes provider built from its Go module; stand-ins for docker and command).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import paths, toolchain
from .gobuild import numbers
from .process import LabError, locked, whole_dir
from .providers import PLUGINS as STAND_INS

# An installed CLI older than this lacks what the program uses (pulumi.Stash, replacement_trigger).
OLDEST_PULUMI = "3.231.0"
OFFICIAL_PLUGINS = "NAS_K3S_OFFICIAL_PLUGINS"

# Part of every key: raise it when the layout of an engine directory changes.
_LAYOUT = 1
_UNUSED_DAYS = 7
_LANGUAGE_HOST = "pulumi-language-python"
_PACKAGES = ("kubernetes", "docker", "command")
# What the user's shell may carry and a lab run must not follow: another daemon, cluster, agent,
# proxy, backend or Python.
_AMBIENT = re.compile(
    r"(PULUMI|DOCKER)_.*|KUBECONFIG|SSH_AUTH_SOCK|PYTHON(PATH|HOME)|VIRTUAL_ENV|.*_proxy",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Plugin:
    """A provider plugin; `origin` is "official", "built" or "stand-in"."""

    name: str
    version: str
    origin: str
    # None for a stand-in, which is started through a launcher made for this checkout.
    executable: Path | None

    @property
    def file(self) -> str:
        return f"pulumi-resource-{self.name}"


@dataclass(frozen=True)
class Engine:
    """A CLI with its language host, and plugins for it; all of it is in place."""

    pulumi: Path
    version: str
    built: bool
    plugins: tuple[Plugin, ...]
    # Holds bin/ (when built) and plugins/.
    home: Path

    def describe(self) -> str:
        """One line: which engine and which providers a run uses."""
        providers = ", ".join(f"{p.name} {p.version} ({p.origin})" for p in self.plugins)
        origin = "built from Go modules" if self.built else f"installed at {self.pulumi}"
        return f"Pulumi {self.version} ({origin}); providers: {providers}"

    def environment(self, instance_dir: Path, passphrase: str) -> dict[str, str]:
        """Environment of every `pulumi` run for the lab instance kept in `instance_dir`.

        State is a file backend in <instance_dir>/pulumi; credentials, the selected stack and the
        CLI's own logs stay in <instance_dir>/pulumi-home, apart from the user's. The caller's
        environment is passed on without what would lead elsewhere (see _AMBIENT).
        """
        backend = self.backend(instance_dir)
        home = instance_dir / "pulumi-home"
        for folder in (backend, home):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _point(home / "plugins", self.home / "plugins")
        env = {k: v for k, v in os.environ.items() if not _AMBIENT.fullmatch(k)}
        # The environment of this Python comes first: the language host built here finds the
        # program's Python on PATH, because it does not know `runtime.options.virtualenv`.
        search = [str(Path(sys.prefix) / "bin"), str(self.pulumi.parent)]
        env |= {
            "PATH": os.pathsep.join([*search, env.get("PATH") or os.defpath]),
            "PULUMI_HOME": str(home),
            # Without a second file for each: a pulumi that is killed between the two leaves it
            # empty, and every later run ends with "failed to load checkpoint: EOF".
            "PULUMI_BACKEND_URL": f"file://{backend}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Else each run tries for seconds to download what is not there.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # The plugins of `describe()`, whatever else lies on PATH.
            "PULUMI_IGNORE_AMBIENT_PLUGINS": "true",
        }
        if not sys.stdout.isatty():
            env["NO_COLOR"] = "1"
        return env

    @staticmethod
    def backend(instance_dir: Path) -> Path:
        """Folder of the file backend for that lab instance."""
        return instance_dir / "pulumi"

    def kubectl(self) -> Path:
        """The installed kubectl, else the one inside the k3s stand-in's binary."""
        installed = shutil.which("kubectl")
        if installed:
            return Path(installed)
        link = self.home / "kubectl"
        _point(link, toolchain.ensure(["k3s"])["k3s"])
        return link


def ensure_engine() -> Engine:
    """Find or build the CLI and the plugins and put them in place. Raises LabError."""
    plugins = tuple(_find_plugin(name) for name in _PACKAGES)
    installed = _installed_pulumi()
    needed = [] if installed else ["pulumi", "language-python"]
    if any(plugin.origin == "built" for plugin in plugins):
        needed.append("kubernetes-provider")
    files = toolchain.ensure(needed) if needed else {}
    plugins = tuple(_with_built(plugin, files) for plugin in plugins)
    links = {f"plugins/{_plugin_folder(p)}/{p.file}": p.executable for p in plugins if p.executable}
    scripts = {
        f"plugins/{_plugin_folder(p)}/{p.file}": _launcher(p) for p in plugins if not p.executable
    }
    # Hard links and copies, not symlinks: the CLI looks for its language host, and the language
    # host for its executor, beside the file that they really are.
    beside = () if installed else ("pulumi", _LANGUAGE_HOST, f"{_LANGUAGE_HOST}-exec")
    home = _placed({f"bin/{name}": files[name] for name in beside}, links, scripts)
    if installed:
        return Engine(*installed, built=False, plugins=plugins, home=home)
    return Engine(
        home / "bin" / "pulumi", toolchain.PULUMI_VERSION, built=True, plugins=plugins, home=home
    )


def _installed_pulumi() -> tuple[Path, str] | None:
    """The CLI on PATH and its version, when it is new enough and complete."""
    found = shutil.which("pulumi")
    if not found:
        return None
    real = Path(found).resolve()
    if _is_ours(real) or not (real.parent / _LANGUAGE_HOST).exists():
        return None
    try:
        told = subprocess.run(
            [found, "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    version = told.removeprefix("v")
    if numbers(version) < numbers(OLDEST_PULUMI):
        return None
    return real, version


def _find_plugin(name: str) -> Plugin:
    version = toolchain.sdk_version(f"pulumi-{name}")
    plugin = Plugin(name, version, "official", None)
    for folder in _official_places(plugin):
        candidate = folder / plugin.file
        if candidate.is_file() and os.access(candidate, os.X_OK) and not _is_ours(candidate):
            return Plugin(name, version, "official", candidate.resolve())
    return Plugin(name, version, "stand-in" if name in STAND_INS else "built", None)


def _is_ours(path: Path) -> bool:
    """Whether a program comes from the lab itself, as it does in a shell that the lab opened."""
    return path.resolve().is_relative_to(paths.CACHE.resolve())


def _official_places(plugin: Plugin) -> list[Path]:
    given = os.environ.get(OFFICIAL_PLUGINS)
    user = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    places = [user / "plugins" / _plugin_folder(plugin)]
    if given:
        if not list(Path(given).glob("pulumi-resource-*")):
            raise LabError(f"${OFFICIAL_PLUGINS}: no pulumi-resource-* file in {given}")
        places.insert(0, Path(given))
    return places


def _with_built(plugin: Plugin, files: Mapping[str, Path]) -> Plugin:
    if plugin.origin != "built":
        return plugin
    return Plugin(plugin.name, plugin.version, plugin.origin, files[plugin.file])


def _plugin_folder(plugin: Plugin) -> str:
    return f"resource-{plugin.name}-v{plugin.version}"


def _launcher(plugin: Plugin) -> str:
    """A stand-in is a module of this checkout, run by this Python.

    -P keeps the directory that the engine starts it in, which may hold another `tests`, out of the
    module search.
    """
    _, module = STAND_INS[plugin.name]
    return (
        "#!/bin/sh\n"
        f'PYTHONPATH={_quoted(paths.REPO)} exec {_quoted(sys.executable)} -P -m {module} "$@"\n'
    )


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def _placed(
    copies: Mapping[str, Path], links: Mapping[str, Path], scripts: Mapping[str, str]
) -> Path:
    """The directory with exactly these files, made when it is not there or no longer whole.

    It is keyed by them, so another checkout or another choice of plugins gets another directory.
    """
    plan = {
        "layout": _LAYOUT,
        "copies": {k: str(v) for k, v in copies.items()},
        "links": {k: str(v) for k, v in links.items()},
        "scripts": dict(scripts),
    }
    key = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]
    home = paths.CACHE / "engine" / key
    expected = [home / name for name in (*copies, *links, *scripts)]
    with locked(home.parent / ".lock", what="placing the Pulumi engine", deadline=120):
        if not all(path.exists() for path in expected):
            with whole_dir(home) as scratch:
                for name, source in copies.items():
                    _link_or_copy(source, _made(scratch / name))
                for name, source in links.items():
                    _made(scratch / name).symlink_to(source)
                for name, text in scripts.items():
                    path = _made(scratch / name)
                    path.write_text(text)
                    path.chmod(0o755)
        os.utime(home)
        oldest = time.time() - _UNUSED_DAYS * 86400
        for other in home.parent.iterdir():
            if other.is_dir() and other.stat().st_mtime < oldest:
                shutil.rmtree(other, ignore_errors=True)
    return home


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _point(link: Path, target: Path) -> None:
    """Make `link` a symlink to `target` in one step."""
    if link.is_symlink() and link.readlink() == target:
        return
    scratch = link.with_name(f".{link.name}.{os.getpid()}")
    scratch.unlink(missing_ok=True)
    scratch.symlink_to(target)
    scratch.replace(link)
