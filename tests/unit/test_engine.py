"""Which Pulumi engine and plugins the lab takes, and where it puts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.lab import engine, paths, toolchain
from tests.lab.process import LabError

BUILT = (
    "pulumi",
    "pulumi-language-python",
    "pulumi-language-python-exec",
    "pulumi-resource-kubernetes",
)


@pytest.fixture(autouse=True)
def _no_pulumi_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Pulumi, whose toolchain builds instantly."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(paths, "CACHE", cache)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    monkeypatch.delenv(engine.OFFICIAL_PLUGINS, raising=False)

    def build(names: Iterable[str]) -> dict[str, Path]:
        return {name: _program(cache / "bin" / name) for name in BUILT}

    monkeypatch.setattr(toolchain, "ensure", build)


def _program(path: Path, prints: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {prints or path.name}\n")
    path.chmod(0o755)
    return path


def _installed(folder: Path, version: str) -> None:
    _program(folder / "pulumi", prints=f"v{version}")
    _program(folder / "pulumi-language-python")


def _plugin(home: Path, name: str) -> Path:
    version = toolchain.sdk_version(f"pulumi-{name}")
    return home / "plugins" / f"resource-{name}-v{version}" / f"pulumi-resource-{name}"


def test_without_any_pulumi_everything_is_built_or_stood_in_for() -> None:
    made = engine.ensure_engine()
    assert made.pulumi.parent == made.home / "bin"
    assert (made.pulumi.parent / "pulumi-language-python-exec").is_file()
    assert {p.name: p.origin for p in made.plugins} == {
        "kubernetes": "built",
        "docker": "stand-in",
        "command": "stand-in",
    }
    for name in ("kubernetes", "docker", "command"):
        assert os.access(_plugin(made.home, name), os.X_OK)
    assert f"docker {toolchain.sdk_version('pulumi-docker')} (stand-in)" in made.describe()


def test_a_stand_in_is_this_checkouts_module_run_by_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "it's a python"
    python.write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    launcher = _plugin(engine.ensure_engine().home, "docker")
    told = subprocess.run([launcher, "127.0.0.1:1"], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [
        str(paths.REPO),
        "-P",
        "-m",
        "tests.lab.providers.docker",
        "127.0.0.1:1",
    ]


def test_another_checkout_with_the_same_cache_gets_its_own_launchers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = _plugin(engine.ensure_engine().home, "docker")
    before = ours.read_text()
    monkeypatch.setattr(paths, "REPO", tmp_path / "other")
    theirs = _plugin(engine.ensure_engine().home, "docker")
    assert str(tmp_path / "other") in theirs.read_text()
    assert ours.read_text() == before


def test_a_second_run_finds_the_same_engine_and_a_damaged_one_is_mended() -> None:
    first = engine.ensure_engine()
    assert engine.ensure_engine() == first
    _plugin(first.home, "command").unlink()
    assert engine.ensure_engine() == first
    assert _plugin(first.home, "command").is_file()


def test_an_installed_pulumi_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _installed(tmp_path / "opt", "3.250.1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'opt'}:/usr/bin:/bin")
    made = engine.ensure_engine()
    assert made.pulumi == tmp_path / "opt" / "pulumi"
    assert f"Pulumi 3.250.1 (installed at {made.pulumi})" in made.describe()


def test_an_installed_pulumi_that_is_too_old_or_incomplete_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'opt'}:/usr/bin:/bin")
    _installed(tmp_path / "opt", "3.99.0")
    assert engine.ensure_engine().built
    _installed(tmp_path / "opt", "3.250.1")
    (tmp_path / "opt" / "pulumi-language-python").unlink()
    assert engine.ensure_engine().built


def test_official_plugins_go_before_built_ones_and_stand_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_home = _program(_plugin(tmp_path / "home" / ".pulumi", "command"))
    given = tmp_path / "official"
    in_folder = _program(given / "pulumi-resource-docker")
    monkeypatch.setenv(engine.OFFICIAL_PLUGINS, str(given))
    made = engine.ensure_engine()
    assert {p.name: p.origin for p in made.plugins} == {
        "kubernetes": "built",
        "docker": "official",
        "command": "official",
    }
    assert _plugin(made.home, "docker").resolve() == in_folder
    assert _plugin(made.home, "command").resolve() == in_home


def test_an_official_plugin_of_another_version_is_not_taken(tmp_path: Path) -> None:
    wanted = _plugin(tmp_path / "home" / ".pulumi", "docker")
    _program(wanted.parent.with_name("resource-docker-v4.0.0") / wanted.name)
    assert engine.ensure_engine().plugins[1].origin == "stand-in"


def test_a_folder_of_official_plugins_that_holds_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(engine.OFFICIAL_PLUGINS, str(tmp_path))
    with pytest.raises(LabError, match=r"NAS_K3S_OFFICIAL_PLUGINS: no pulumi-resource-\* file"):
        engine.ensure_engine()


def test_a_shell_opened_by_the_lab_gives_the_same_engine_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.ensure_engine()
    for name, value in made.environment(tmp_path / "instance", "secret").items():
        monkeypatch.setenv(name, value)
    assert engine.ensure_engine() == made


def test_the_environment_follows_nothing_of_the_users_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ambient = [
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "KUBECONFIG",
        "http_proxy",
        "HTTPS_PROXY",
        "NO_PROXY",
        "PULUMI_STACK",
        "PULUMI_ACCESS_TOKEN",
        "PYTHONPATH",
        "SSH_AUTH_SOCK",
    ]
    for name in ambient:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("KEPT", "yes")
    instance = tmp_path / "instance"
    made = engine.ensure_engine()
    env = made.environment(instance, "open sesame")
    assert not set(ambient) & set(env)
    assert env["KEPT"] == "yes"
    assert env["PULUMI_CONFIG_PASSPHRASE"] == "open sesame"
    assert env["PULUMI_BACKEND_URL"] == f"file://{instance}/pulumi?metadata=skip"
    assert (instance / "pulumi").is_dir()
    assert (Path(env["PULUMI_HOME"]) / "plugins").resolve() == made.home / "plugins"
    assert env["PATH"].split(":")[:2] == [f"{sys.prefix}/bin", str(made.home / "bin")]


def test_there_is_no_colour_when_the_output_is_not_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.ensure_engine()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert made.environment(tmp_path, "x")["NO_COLOR"] == "1"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "NO_COLOR" not in made.environment(tmp_path, "x")


def test_kubectl_is_the_installed_one_or_the_one_in_the_k3s_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.ensure_engine()
    k3s = _program(tmp_path / "k3s")
    monkeypatch.setattr(toolchain, "ensure", lambda names: {"k3s": k3s})
    monkeypatch.setenv("PATH", "/nonexistent")
    found = made.kubectl()
    assert found.name == "kubectl"
    assert found.resolve() == k3s
    installed = _program(tmp_path / "opt" / "kubectl")
    monkeypatch.setenv("PATH", str(installed.parent))
    assert made.kubectl() == installed
