"""The config of a stack, read without Pulumi where it is not needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.errors import RefusedError
from nas.settings_reader import load_settings
from nas.stack_file import project_root, read_stack, stack_names

REPO = Path(__file__).parents[2]
Put = Callable[[str, str], None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout: this project's Pulumi.yaml, no stack."""
    (tmp_path / "Pulumi.yaml").write_text((REPO / "Pulumi.yaml").read_text())
    (tmp_path / "stacks").mkdir()
    return tmp_path


def write(project: Path, text: str, stack: str = "home") -> None:
    (project / "stacks" / f"Pulumi.{stack}.yaml").write_text(text)


PLAIN = """
encryptionsalt: v1:abc
config:
  nas-k3s:host: 192.168.31.88
  nas-k3s:sshPort: 2022
  nas-k3s:keepData: false
  nas-k3s:drift: off
  nas-k3s:noProxy: [registry.lan, 10.20.0.0/16]
  pulumi:disable-default-providers: ["*"]
"""
ENCRYPTED = (
    PLAIN
    + """
  nas-k3s:proxy: http://192.168.31.198:7222
  nas-k3s:proxyUser: k3s
  nas-k3s:proxyPassword:
    secure: v1:AAAA
"""
)


def test_plain_values_are_read_as_pulumi_hands_them_to_the_program(
    project: Path, program: Put
) -> None:
    program("pulumi", "echo 'nobody may ask pulumi here' >&2; exit 9")
    write(project, PLAIN)
    found = read_stack("organization/nas-k3s/home", project)
    assert (found.stack, found.unavailable) == ("home", {})
    settings = load_settings(found.stack, found.config)
    assert (settings.ssh_port, settings.keep_data, settings.drift) == (2022, False, "off")
    assert settings.no_proxy == ["registry.lan", "10.20.0.0/16"]
    assert settings.ssh_user == "admin"


def test_the_defaults_of_the_project_stand_below_the_values_of_the_stack(project: Path) -> None:
    file = project / "Pulumi.yaml"
    file.write_text(file.read_text().replace("default: 6443", "default: 16443"))
    write(project, PLAIN)
    assert load_settings("home", read_stack("home", project).config).api_port == 16443


def test_encrypted_values_are_decrypted_by_pulumi(project: Path, program: Put) -> None:
    answer = {
        "nas-k3s:host": {"value": "192.168.31.88", "secret": False},
        "nas-k3s:proxyPassword": {"value": "p ä$s", "secret": True},
    }
    program("pulumi", f"[ \"$PWD\" = '{project}' ] && cat <<'E'\n{json.dumps(answer)}\nE")
    write(project, ENCRYPTED)
    found = read_stack("home", project)
    assert found.unavailable == {}
    assert load_settings("home", found.config).proxy_password == "p ä$s"


def test_what_pulumi_cannot_decrypt_is_named_and_left_out(project: Path, program: Put) -> None:
    program("pulumi", "echo 'error: incorrect passphrase' >&2; exit 255")
    write(project, ENCRYPTED)
    found = read_stack("home", project)
    assert found.unavailable == {
        "proxyPassword": "it is encrypted, and pulumi says: incorrect passphrase"
    }
    assert load_settings("home", found.config).proxy_user == "k3s"


def test_without_pulumi_the_rest_of_the_stack_can_still_be_used(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    write(project, ENCRYPTED)
    found = read_stack("home", project)
    assert "no pulumi program" in found.unavailable["proxyPassword"]
    assert load_settings("home", found.config).host == "192.168.31.88"


def test_a_secret_deep_in_an_object_makes_the_whole_value_encrypted(
    project: Path, program: Put
) -> None:
    program("pulumi", "exit 1")
    write(
        project,
        PLAIN + "  nas-k3s:registries:\n    configs:\n      r.lan:\n        auth:\n"
        "          password: {secure: v1:AAAA}\n",
    )
    assert set(read_stack("home", project).unavailable) == {"registries"}


def test_credentials_of_a_proxy_that_is_encrypted_go_with_it(project: Path, program: Put) -> None:
    program("pulumi", "exit 1")
    write(
        project,
        PLAIN + "  nas-k3s:proxy: {secure: v1:AAAA}\n  nas-k3s:proxyUser: k3s\n",
    )
    found = read_stack("home", project)
    assert set(found.unavailable) == {"proxy", "proxyUser"}
    assert load_settings("home", found.config).proxy is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("config:\n  nas-k3s:host: [1\n", "is no YAML"),
        ("config: nas\n", "no map below `config`"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    project: Path, text: str, expected: str
) -> None:
    write(project, text)
    with pytest.raises(RefusedError, match=expected):
        read_stack("home", project)


def test_a_stack_without_a_file_is_told_which_there_are_and_how_to_make_it(project: Path) -> None:
    write(project, PLAIN, "attic")
    with pytest.raises(RefusedError) as refused:
        read_stack("home", project)
    assert "attic" in str(refused.value)
    assert "python -m nas init home --host" in str(refused.value)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a b", "", "-"])
def test_a_stack_name_cannot_leave_the_folder_of_the_stacks(project: Path, name: str) -> None:
    with pytest.raises(RefusedError):
        read_stack(name, project)


def test_the_project_is_found_from_a_folder_inside_it(project: Path) -> None:
    assert project_root(project / "stacks") == project
    assert project_root(Path("/")) == REPO


def test_the_example_is_no_stack(project: Path) -> None:
    for stack in ("example", "home", "attic"):
        write(project, PLAIN, stack)
    assert stack_names(project) == ["attic", "home"]
