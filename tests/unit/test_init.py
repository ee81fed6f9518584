"""`python -m nas init`, with an ssh of our own in the place of the real one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nas.cli import COMMANDS, main
from nas.host_key import HostKey
from tests.unit.samples import host_key
from tests.unit.test_facts import PRINTED

REPO = Path(__file__).parents[2]
Put = Callable[[str, str], None]
KEY = host_key()
HOST = "192.168.31.88"
# A NAS that no cluster was on, and that could carry one.
FACTS = re.sub(r"(?m)^(container|listener|kernel_lacks)\w*=.*\n", "", PRINTED)
PASSWORD = "s3ntinel/pass"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Put) -> Path:
    """A checkout without stacks, where we are; a NAS that answers, and an empty home."""
    root = tmp_path / "checkout"
    (root / "stacks").mkdir(parents=True)
    (root / "Pulumi.yaml").write_text((REPO / "Pulumi.yaml").read_text())
    monkeypatch.chdir(root)
    monkeypatch.setattr("nas.home._home", lambda: str(tmp_path / "home"))
    monkeypatch.setattr("nas.host_key.PAUSES", ())
    (tmp_path / "home").mkdir()
    program("ssh-keyscan", f"echo '# {HOST}:22 SSH-2.0-OpenSSH'; echo '{HOST} {KEY}'")
    program("ssh-keygen", "exit 1")
    program("ssh", f"cat >/dev/null; cat <<'E'\n{FACTS}E")
    return root


def init(*arguments: str, stack: str = "home", accept: bool = True, host: str = HOST) -> Result:
    trust = ["--accept-host-key"] if accept else []
    return CliRunner().invoke(main, ["init", stack, "--host", host, *trust, *arguments])


def written(project: Path, stack: str = "home") -> str:
    return (project / "stacks" / f"Pulumi.{stack}.yaml").read_text()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(main, [name, "--help"])
    assert shown.exit_code == 0
    assert re.match(rf"Usage: .* {name} ", shown.output)


def test_help_loads_no_command() -> None:
    script = "import sys; from nas.cli import main; main(['--help'], standalone_mode=False); "
    script += "print([m for m in sys.modules if m in ('pydantic', 'rich', 'nas.settings')])"
    done = subprocess.run(
        [REPO / ".venv/bin/python", "-c", script],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_file_is_written_and_the_next_steps_are_named(project: Path) -> None:
    done = init("--proxy", "http://192.168.31.198:7222")
    assert done.exit_code == 0, done.output
    text = written(project)
    assert f"nas-k3s:sshHostKey: {KEY}" in text
    steps = [line.strip() for line in done.stdout.partition("next:\n")[2].splitlines()]
    assert steps == [
        "pulumi stack init home",
        "pulumi preview --stack home",
        "pulumi up --stack home",
    ]


def test_a_dry_run_prints_the_file_and_writes_none(project: Path) -> None:
    done = init("--dry-run")
    assert done.exit_code == 0, done.output
    assert list((project / "stacks").iterdir()) == []
    init()
    assert done.stdout == written(project)


def test_a_file_that_is_there_is_never_overwritten_and_the_nas_not_asked(
    project: Path, program: Put
) -> None:
    file = project / "stacks" / "Pulumi.home.yaml"
    file.write_text("config: {mine: 1}\n")
    program("ssh-keyscan", "touch asked")
    done = init()
    assert done.exit_code == 2
    assert "never overwritten" in done.stderr
    assert file.read_text() == "config: {mine: 1}\n"
    assert not (project / "asked").exists()


def test_a_link_to_nowhere_is_a_file_that_is_there(project: Path) -> None:
    (project / "stacks" / "Pulumi.home.yaml").symlink_to(project / "nothing")
    assert init().exit_code == 2
    assert not (project / "nothing").exists()


def test_a_proxy_that_the_nas_does_not_reach_is_told_and_the_file_is_written(
    project: Path, program: Put
) -> None:
    program("ssh", f"cat >/dev/null; cat <<'E'\n{FACTS}way=refused\nE")
    done = init("--proxy", "http://192.168.31.198:7222")
    assert done.exit_code == 0, done.output
    (note,) = [line for line in done.stderr.splitlines() if "198:7222" in line]
    assert note.startswith("note: proxy: 192.168.31.198:7222 refuses connections"), note
    assert "nas-k3s:proxy: http://192.168.31.198:7222" in written(project)


def test_the_password_of_the_proxy_goes_neither_to_the_file_nor_to_the_screen(
    project: Path,
) -> None:
    done = init("--proxy", f"http://k3s:{PASSWORD.replace('/', '%2F')}@192.168.31.198:7222")
    assert done.exit_code == 0, done.output
    for text in (done.output, written(project)):
        assert "s3ntinel" not in text
    assert "pulumi config set --secret nas-k3s:proxyPassword --stack home" in done.stdout


def test_create_makes_the_stack_and_hands_the_password_to_pulumi_by_stdin(
    project: Path, program: Put
) -> None:
    program("pulumi", f'echo "$* <$(cat)>" >>{project}/calls')
    url = f"http://k3s:{PASSWORD.replace('/', '%2F')}@192.168.31.198:7222"
    done = init("--create", "--proxy", url)
    assert done.exit_code == 0, done.output
    calls = (project / "calls").read_text().splitlines()
    assert calls[0].startswith("stack init home ")
    assert calls[1] == f"config set --secret nas-k3s:proxyPassword --stack home <{PASSWORD}>"
    assert "config set" not in done.stdout.partition("next:")[2]


def test_a_pulumi_that_fails_is_told_with_the_command_and_the_file_stays(
    project: Path, program: Put
) -> None:
    program("pulumi", "exit 7")
    done = init("--create")
    assert done.exit_code == 2
    assert "--create = pulumi stack init home\n    failed (status 7)" in done.stderr
    assert written(project)


def test_an_unknown_host_key_is_shown_and_never_taken_in_silence(project: Path) -> None:
    done = init(accept=False)
    assert done.exit_code == 2
    fingerprint = HostKey(KEY, "unknown").fingerprint
    assert fingerprint in done.stderr
    assert "--accept-host-key" in done.stderr
    assert list((project / "stacks").iterdir()) == []


def test_the_fingerprint_is_the_one_that_ssh_keygen_prints(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(f"{KEY} nas\n")
    done = subprocess.run(
        ["ssh-keygen", "-lf", tmp_path / "key.pub"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1] == HostKey(KEY, "unknown").fingerprint


def test_on_a_terminal_the_owner_is_asked(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas.commands.init._on_terminal", lambda: True)
    arguments = ["init", "home", "--host", HOST]
    refused = CliRunner().invoke(main, arguments, input="n\n")
    assert refused.exit_code == 1
    assert list((project / "stacks").iterdir()) == []
    assert CliRunner().invoke(main, arguments, input="y\n").exit_code == 0
    assert written(project)


def test_a_key_that_known_hosts_has_needs_no_question(project: Path, program: Put) -> None:
    program("ssh-keygen", f"echo '# Host found'; echo '{HOST} {KEY}'")
    assert init(accept=False).exit_code == 0
    assert written(project)


def test_another_key_than_known_hosts_has_is_refused_whatever_is_asked(
    project: Path, program: Put
) -> None:
    other = KEY[:-4] + "AAAA"
    program("ssh-keygen", f"echo '{HOST} {other}'")
    done = init(accept=True)
    assert done.exit_code == 2
    assert "shows another host key than the one in your known_hosts" in done.stderr
    assert list((project / "stacks").iterdir()) == []


LOGIN = "cat >/dev/null; echo 'admin@nas: Permission denied (publickey).' >&2; exit 255"
DENIED = "cat >/dev/null; echo 'Connection timed out' >&2; exit 255"


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({"ssh-keyscan": "exit 1"}, "no SSH service answered"),
        (
            {"ssh-keyscan": "echo 'getaddrinfo nas: Name or service not known' >&2; exit 1"},
            "-> write the address of the NAS, or a name that this machine knows",
        ),
        ({"ssh-keyscan": f"echo '{HOST} ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB'"}, "host key of"),
        ({"ssh": LOGIN}, "ssh-copy-id"),
        ({"ssh": DENIED}, "no answer from"),
        ({"ssh": "cat >/dev/null; echo uid=0; echo kernel=6.1"}, "does not recognise this NAS"),
        ({"ssh": "cat >/dev/null; echo uid=0; echo platform=qnap"}, "has no docker"),
    ],
)
def test_each_trouble_with_the_nas_is_one_clear_error_and_no_file(
    project: Path, program: Put, programs: dict[str, str], expected: str
) -> None:
    for name, text in programs.items():
        program(name, text)
    done = init()
    assert done.exit_code == 2
    assert expected in done.stderr
    assert done.stderr.count("->") == 1
    assert "Traceback" not in done.output
    assert list((project / "stacks").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "stack", "expected"),
    [
        ((), "My NAS", "write e.g. my-nas"),
        ((), "../x", "no valid name"),
        (("--proxy", "192.168.31.198"), "home", "--proxy = "),
        (("--user", "a@b"), "home", "--user = "),
        (("--port", "0"), "home", "--port = "),
        (("--host", f"admin@{HOST}"), "home", "write the user in --user"),
        (("--host", f"{HOST}:2222"), "home", "write the port in --port"),
        (("--key", "/no/such/key"), "home", "--key = "),
    ],
)
def test_bad_arguments_are_refused_before_the_nas_is_asked(
    project: Path, program: Put, arguments: tuple[str, ...], stack: str, expected: str
) -> None:
    program("ssh-keyscan", "touch asked")
    done = init(*arguments, stack=stack)
    assert done.exit_code == 2
    assert expected in done.stderr
    assert not (project / "asked").exists()


def test_a_folder_that_cannot_be_written_is_told_before_the_nas_is_asked(
    project: Path, program: Put
) -> None:
    program("ssh-keyscan", "touch asked")
    (project / "stacks").rmdir()
    done = init()
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
    assert not (project / "asked").exists()


def test_a_key_in_the_home_is_written_with_a_tilde(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.settings_checks.check_private_key", lambda _path: [])
    assert init("--key", str(tmp_path / "home/.ssh/id")).exit_code == 0
    assert "nas-k3s:sshPrivateKeyFile: ~/.ssh/id\n" in written(project)
    assert init("--key", "keys/id", stack="other").exit_code == 0
    assert f"nas-k3s:sshPrivateKeyFile: {project}/keys/id\n" in written(project, "other")


def test_a_key_with_a_passphrase_is_answered_with_the_option_and_no_setting(
    project: Path, tmp_path: Path
) -> None:
    key = tmp_path / "id"
    key.write_text("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n")
    key.chmod(0o600)
    done = init("--key", str(key))
    assert done.exit_code == 2
    assert "and leave --key out: without it the agent's keys are used" in done.stderr
    assert "pulumi config rm" not in done.stderr
