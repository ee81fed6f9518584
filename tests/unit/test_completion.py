"""Completion of `python -m nas`, typed into the shells themselves."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from nas.cli import COMMANDS, main
from nas.commands.completion import SHELLS
from tests.lab.paths import REPO

TAB, HOME_KEY, ENTER, BACKSPACE = "\t", "\x01", "\r", "\x7f"
MARK = "~~"
PROMPT = "ready> "
PATIENCE = 20


class Shell:
    """An interactive shell at a terminal, without the files of its user."""

    def __init__(self, name: str, folder: Path) -> None:
        flags = ["--norc", "--noprofile", "-i"] if name == "bash" else ["-f", "-i"]
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPO),
            "HOME": str(folder),
            "TERM": "dumb",
            "PS1": PROMPT,
            "LANG": "C.UTF-8",
        }
        master, slave = pty.openpty()
        self._process = subprocess.Popen(
            [name, *flags],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self._terminal = master
        self._unread = ""
        self.wait_for(PROMPT)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, pattern: str) -> str:
        """What came until a match of the pattern, that included."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self._unread)) is None:
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._terminal], [], [], left)
            assert ready, f"no {pattern!r} in {self._unread!r}"
            self._unread += os.read(self._terminal, 65536).decode(errors="replace")
        seen, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return seen

    def completed(self, typed: str, *more: str) -> str:
        """The line after TAB, and TAB again behind each piece more; it is not run."""
        for part in (typed, *more):
            self.type(part + TAB)
            # What was typed behind a TAB that is still at work would be lost.
            self.type(MARK)
            self.wait_for(re.escape(MARK))
            self.type(BACKSPACE * len(MARK))
        self.type(f"{HOME_KEY}echo line= {ENTER}")
        found = re.search(r"\nline= ([^\r\n]*)", self.wait_for(r"\nline= [^\r\n]*\r?\n"))
        assert found is not None
        self.wait_for(PROMPT)
        return found[1].rstrip()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """A shell that has evaluated the script, in a project with two stacks."""
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} on this machine")
    (tmp_path / "Pulumi.yaml").write_text("name: nas-k3s\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    for stack in ("home", "attic"):
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    (tmp_path / "notes.txt").write_text("")
    made = Shell(name, tmp_path)
    made.type(f'eval "$(python -m nas completion {name})"; echo done=$?{ENTER}')
    made.wait_for(r"done=0\r?\n")
    made.wait_for(PROMPT)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("python -m nas doc",), "python -m nas doctor"),
        (("python -m nas doctor --js",), "python -m nas doctor --json"),
        (("python3 -m nas timeline --stack ho",), "python3 -m nas timeline --stack home"),
        (("python -m nas do", "--sta", "at"), "python -m nas doctor --stack attic"),
        (("python -m nas completion ba",), "python -m nas completion bash"),
        (("python -m nas init new --key no",), "python -m nas init new --key notes.txt"),
        (("python no",), "python notes.txt"),
    ],
    ids=["a command", "an option", "a stack", "all of it", "a choice", "a file", "not ours"],
)
def test_a_shell_completes(shell: Shell, typed: tuple[str, ...], line: str) -> None:
    assert shell.completed(*typed) == line


def test_a_program_with_a_path_is_completed_too(shell: Shell) -> None:
    program = f"{Path(sys.executable).parent}/python"
    assert shell.completed(f"{program} -m nas tim") == f"{program} -m nas timeline"


def test_bash_leaves_python_to_what_completed_it_before(tmp_path: Path) -> None:
    script = """
earlier() { COMPREPLY=(from-before); }
complete -F earlier python
eval "$(python -m nas completion bash)"
eval "$(python -m nas completion bash)"
COMP_WORDS=(python x); COMP_CWORD=1
_nas_k3s_complete python x python
echo "${COMPREPLY[@]}"
"""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": path, "PYTHONPATH": str(REPO)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("from-before\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does_and_what_each_option_is_for(name: str) -> None:
    done = CliRunner().invoke(main, [name, "--help"])
    assert done.exit_code == 0
    assert done.output.splitlines()[2].strip(), "a line that says what it does"
    command = main.get_command(main.make_context("nas", [name], resilient_parsing=True), name)
    assert command is not None
    options = [param for param in command.params if param.param_type_name == "option"]
    assert not [option.name for option in options if not getattr(option, "help", None)]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("docter", "No such command 'docter'. Did you mean 'doctor'?"),
        ("up", "No such command 'up'."),
        ("--hlep", "No such option '--hlep'. Did you mean '--help'?"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(typed: str, says: str) -> None:
    done = CliRunner().invoke(main, [typed])
    assert (done.exit_code, says in done.output) == (2, True), done.output
