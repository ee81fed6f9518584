"""What a killed run of the demo leaves: locks, half-made resources, the user's own settings."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.lab import engine, interrupted
from tests.lab.process import LabError
from tests.lab.project import Project


class FakeProject(Project):
    """A project whose CLI only notes what it is asked."""

    asked: list[tuple[str, ...]]
    operations: list[dict[str, Any]]
    on_nas: list[str]

    @classmethod
    def at(cls, folder: Path) -> FakeProject:
        on_nas: list[str] = []
        lab: Any = SimpleNamespace(state=SimpleNamespace(folder=folder), nas=on_nas.append)
        made = cls(lab, engine.Engine(folder, "3", True, (), folder), folder, "lab")
        (folder / "stacks").mkdir()
        for name, value in {"asked": [], "operations": [], "on_nas": on_nas}.items():
            object.__setattr__(made, name, value)
        made.config_file.write_text("encryptionsalt: v1:abc\nconfig: {}\n")
        return made

    def run(self, *arguments: str, **_: Any) -> subprocess.CompletedProcess[str]:
        self.asked.append(arguments)
        out = ""
        if arguments[:2] == ("config", "get"):
            hidden = self.stored(arguments[-1])["secure"]
            out = json.dumps({"value": hidden.removesuffix("-hidden")})
        return subprocess.CompletedProcess(arguments, 0, out, "")

    def must(self, *arguments: str, stdin: str = "") -> str:
        self.asked.append(arguments)
        if arguments[:2] == ("config", "set"):
            config = yaml.safe_load(self.config_file.read_text())
            config["config"][arguments[-1]] = {"secure": f"{stdin}-hidden"}
            self.config_file.write_text(yaml.safe_dump(config))
        if arguments == ("stack", "export"):
            return json.dumps({"deployment": {"pending_operations": self.operations}})
        return ""

    def stored(self, key: str) -> Any:
        return yaml.safe_load(self.config_file.read_text())["config"][key]

    def lock(self, pid: int, host: str | None = None, stack: str = "lab") -> Path:
        file = self.backend / f".pulumi/locks/organization/nas-k3s/{stack}/{pid}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        content = {"pid": pid, "username": "me", "hostname": host or socket.gethostname()}
        file.write_text(json.dumps({**content, "timestamp": "2026-01-02T03:04:05Z"}))
        return file


@pytest.fixture
def project(tmp_path: Path) -> FakeProject:
    return FakeProject.at(tmp_path)


@pytest.fixture
def pulumi(tmp_path: Path) -> Iterator[int]:
    """Id of a process that is called pulumi and lives."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    shutil.copy2(shutil.which("sleep") or "/bin/sleep", program)
    child = subprocess.Popen([program, "60"])
    yield child.pid
    child.kill()
    child.wait()


def _gone() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_a_lock_of_a_process_that_is_gone_is_cancelled(
    project: FakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.lock(_gone())
    interrupted.clear(project, ".lab/pulumi")
    assert ("cancel", "--yes") in project.asked
    assert "left stack lab locked: removing the lock" in capsys.readouterr().err


def test_a_lock_whose_process_id_went_to_another_program_is_cancelled(
    project: FakeProject,
) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        project.lock(other.pid)
        interrupted.clear(project, ".lab/pulumi")
        other.kill()
    assert ("cancel", "--yes") in project.asked


def test_a_lock_of_a_live_process_stays_and_is_named(project: FakeProject, pulumi: int) -> None:
    file = project.lock(pulumi)
    with pytest.raises(LabError, match=f"process {pulumi} of me .*since 2026-01-02.*wait for it"):
        interrupted.clear(project, ".lab/pulumi")
    assert file.exists()
    assert project.asked == []


def test_a_lock_from_another_machine_stays_and_the_command_that_helps_is_told(
    project: FakeProject,
) -> None:
    project.lock(_gone(), host="elsewhere")
    with pytest.raises(LabError, match=r"on elsewhere.*`\.lab/pulumi cancel --yes`"):
        interrupted.clear(project, ".lab/pulumi")
    assert project.asked == []


def test_without_a_lock_of_this_stack_nothing_is_cancelled(project: FakeProject) -> None:
    project.lock(_gone(), stack="other")
    half_written = project.lock(_gone())
    half_written.write_text('{"pid":')
    interrupted.clear(project, ".lab/pulumi")
    assert project.asked == [("stack", "export")]


def test_half_made_resources_are_cleared_and_a_half_made_container_is_removed(
    project: FakeProject,
) -> None:
    container = {
        "urn": "urn:pulumi:lab::nas-k3s::docker:index/container:Container::k3s-container",
        "type": "docker:index/container:Container",
        "inputs": {"name": "k3s"},
    }
    command = {"urn": "urn:pulumi:lab::nas-k3s::x::k3s-network", "type": "command:remote:Command"}
    updated = {**container, "inputs": {"name": "other"}}
    project.operations.extend(
        [
            {"type": "creating", "resource": container},
            {"type": "creating", "resource": command},
            {"type": "updating", "resource": updated},
        ]
    )
    interrupted.clear(project, ".lab/pulumi")
    assert project.on_nas == ["docker rm --force k3s"]
    refresh = [words for words in project.asked if words[0] == "refresh"]
    assert refresh == [("refresh", "--yes", "--skip-preview", "--clear-pending-creates")]


LAB = {"host": "198.18.88.88", "proxy": "http://198.18.88.198:7222", "readyTimeout": 300}


def test_a_new_stack_starts_with_all_settings_of_the_lab(project: FakeProject) -> None:
    project.keep_up(LAB, {})
    assert project.stored("nas-k3s:readyTimeout") == 300
    assert project.stored("nas-k3s:host") == "198.18.88.88"
    assert "encryptionsalt: v1:abc" in project.config_file.read_text()


def test_what_the_user_set_stays_and_what_the_lab_owns_follows_the_lab(
    project: FakeProject,
) -> None:
    project.keep_up(LAB, {})
    text = project.config_file.read_text().replace("300", "250")
    project.config_file.write_text(text + "  nas-k3s:noProxy:\n  - registry.lan\n")
    before = project.config_file.read_text()
    project.keep_up(LAB, {})
    assert project.config_file.read_text() == before
    project.keep_up({**LAB, "host": "198.18.88.89"}, {})
    assert project.stored("nas-k3s:host") == "198.18.88.89"
    assert project.stored("nas-k3s:readyTimeout") == 250
    assert project.stored("nas-k3s:noProxy") == ["registry.lan"]


def test_a_number_that_the_cli_wrote_as_a_text_is_no_reason_to_write_the_file_anew(
    project: FakeProject,
) -> None:
    project.keep_up({**LAB, "sshPort": 22}, {})
    text = project.config_file.read_text().replace("sshPort: 22", 'sshPort: "22"')
    project.config_file.write_text(text)
    project.keep_up({**LAB, "sshPort": 22}, {})
    assert project.config_file.read_text() == text


def test_a_password_is_written_once_and_again_only_when_it_changed_and_goes_with_the_login(
    project: FakeProject,
) -> None:
    login = {**LAB, "proxyUser": "nas"}
    key = "nas-k3s:proxyPassword"
    set_it = ("config", "set", "--secret", key)
    project.keep_up(login, {"proxyPassword": "one"})
    project.keep_up(login, {"proxyPassword": "one"})
    assert project.asked.count(set_it) == 1
    project.keep_up(login, {"proxyPassword": "two"})
    assert project.asked.count(set_it) == 2
    assert project.stored(key) == {"secure": "two-hidden"}
    project.keep_up(LAB, {})
    config = yaml.safe_load(project.config_file.read_text())["config"]
    assert not {key, "nas-k3s:proxyUser"} & config.keys()
