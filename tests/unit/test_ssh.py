"""One description of the SSH connection for everything that uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nas.errors import RefusedError
from nas.facts import ssh_command
from nas.home import expand
from nas.ssh import SshTarget, known_host_key, ssh_target
from tests.unit.samples import host_key, settings

KEY = host_key()


def target(**changes: object) -> SshTarget:
    base: dict[str, object] = {
        "host": "192.168.31.88",
        "port": 22,
        "user": "admin",
        "key_file": None,
        "host_key": KEY,
    }
    return SshTarget(**{**base, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "ssh://admin@192.168.31.88:22"),
        ({"port": 2222, "host": "nas.lan"}, "ssh://admin@nas.lan:2222"),
        ({"host": "fd00::88", "user": "nas.admin"}, "ssh://nas.admin@[fd00::88]:22"),
    ],
)
def test_the_docker_host_names_user_host_and_port(changes: dict[str, object], url: str) -> None:
    assert target(**changes).url == url


def test_ssh_never_asks_and_never_takes_an_unknown_host() -> None:
    options = target(host_key=None).options
    assert "BatchMode=yes" in options
    assert "StrictHostKeyChecking=yes" in options
    assert not [option for option in options if "KnownHosts" in option]


def test_options_come_in_pairs_that_the_ssh_program_takes() -> None:
    options = target(key_file="~/.ssh/id").options
    assert set(options[::2]) == {"-o", "-i"}


def test_a_pinned_key_is_the_only_one_that_ssh_looks_at() -> None:
    options = target().options
    assert f"UserKnownHostsFile={target().known_hosts}" in options
    assert "GlobalKnownHostsFile=/dev/null" in options


def test_a_key_file_is_the_only_key_that_is_tried() -> None:
    options = target(key_file="~/.ssh/id").options
    assert options[options.index("-i") + 1] == "~/.ssh/id"
    assert "IdentitiesOnly=yes" in options
    assert "-i" not in target().options


def test_the_command_of_the_facts_goes_to_user_and_port_behind_all_options() -> None:
    command = ssh_command(target(port=2222), "sh -s facts")
    assert command[:2] == ["ssh", "-T"]
    assert command[-7:] == ["-p", "2222", "-l", "admin", "--", "192.168.31.88", "sh -s facts"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "192.168.31.88"),
        ({"port": 2222}, "[192.168.31.88]:2222"),
        ({"host": "fd00::88"}, "fd00::88"),
    ],
)
def test_the_pinned_key_is_written_where_ssh_reads_it(
    home: Path, changes: dict[str, object], name: str
) -> None:
    target(**changes).write_known_hosts()
    (file,) = (home / ".nas-k3s/known_hosts").iterdir()
    assert target(**changes).known_hosts == f"~/.nas-k3s/known_hosts/{file.name}"
    assert file.read_text() == f"{name} {KEY}\n"
    assert file.parent.stat().st_mode & 0o077 == 0


def test_another_key_or_another_nas_gets_another_file(home: Path) -> None:
    # A destroy does not run the program: what another stack pinned must not be in its way.
    for changes in ({}, {"host_key": host_key("ssh-rsa")}, {"host": "nas.lan"}, {"port": 2222}):
        target(**changes).write_known_hosts()
    texts = [file.read_text() for file in (home / ".nas-k3s/known_hosts").iterdir()]
    assert len(set(texts)) == 4
    assert f"192.168.31.88 {KEY}\n" in texts


def test_a_second_run_leaves_the_file_alone(home: Path) -> None:
    target().write_known_hosts()
    (file,) = (home / ".nas-k3s/known_hosts").iterdir()
    before = file.stat().st_mtime_ns
    target().write_known_hosts()
    assert file.stat().st_mtime_ns == before


def test_a_place_that_cannot_be_written_is_one_error_with_the_path(home: Path) -> None:
    (home / ".nas-k3s").write_text("")
    with pytest.raises(RefusedError) as refused:
        target().write_known_hosts()
    assert f"known_hosts = {home}/.nas-k3s/known_hosts/" in str(refused.value)
    assert "-> make ~/.nas-k3s/known_hosts/" in str(refused.value)


def test_without_a_key_nothing_is_written(home: Path) -> None:
    target(host_key=None).write_known_hosts()
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("text", ["A\nB\n", "A\r\nB\r\n", "A\nB", "A\nB\n\n"])
def test_the_private_key_has_unix_lines_and_one_line_end(home: Path, text: str) -> None:
    (home / "id").write_bytes(text.encode())
    assert target(key_file="~/id").private_key == "A\nB\n"


def test_with_an_agent_there_is_no_private_key() -> None:
    assert target().private_key is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [("~/x", "{home}/x"), ("~", "{home}"), ("/a/~", "/a/~"), ("a", "a"), ("~nobody-x/a", None)],
)
def test_a_tilde_means_what_it_means_for_ssh(home: Path, path: str, expected: str | None) -> None:
    assert expand(path) == Path((expected or path).format(home=home))


# ---- the user's own known_hosts

RSA = host_key("ssh-rsa")
ECDSA = host_key("ecdsa-sha2-nistp256")


@pytest.mark.parametrize(
    ("printed", "key"),
    [
        (f"# Host nas found: line 1\nnas {RSA}\n# Host nas found: line 2\nnas {KEY} me\n", KEY),
        (f"nas {RSA}\n", None),
        (f"|1|x=|y= {KEY}\n", KEY),
        (f"@revoked nas {KEY}\n", None),
        ("", None),
        ("broken\n", None),
    ],
)
def test_the_key_in_known_hosts_is_taken_ed25519_first(
    program: Callable[[str, str], None], tmp_path: Path, printed: str, key: str | None
) -> None:
    (tmp_path / "printed").write_text(printed)
    program("ssh-keygen", f"cat {tmp_path}/printed")
    assert known_host_key("nas", 22) == key


@pytest.mark.parametrize(("port", "name"), [(22, "nas"), (2222, "[nas]:2222")])
def test_known_hosts_is_asked_for_the_name_that_ssh_uses(
    program: Callable[[str, str], None], port: int, name: str
) -> None:
    program("ssh-keygen", f'[ "$1 $2" = "-F {name}" ] && echo "nas {KEY}"')
    assert known_host_key("nas", port) == KEY


def test_without_ssh_keygen_no_key_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert known_host_key("nas", 22) is None


def test_the_pinned_key_goes_before_the_one_in_known_hosts(
    program: Callable[[str, str], None],
) -> None:
    program("ssh-keygen", f'echo "nas {ECDSA}"')
    assert ssh_target(settings(sshHostKey=KEY)).host_key == KEY
    assert ssh_target(settings()).host_key == ECDSA


def test_the_connection_is_what_the_settings_say(program: Callable[[str, str], None]) -> None:
    program("ssh-keygen", "exit 1")
    made = ssh_target(settings(sshPort="2222", sshUser="bob"))
    assert made == target(port=2222, user="bob", host_key=None)
