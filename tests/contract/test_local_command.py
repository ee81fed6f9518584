"""What we rely on of `command:local:Command`: it runs in the project, takes standard input, and is
undone by what the state holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import local

from .harness import Run, Stack, inside, plain_state

SENTINEL = "S3NTINEL-typed"


class Program:
    """One command, whose log is a file outside of the project."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.inputs: dict[str, Any] = {"stdin": "one", "trigger": "a"}

    def __call__(self) -> None:
        local.Command(
            "it",
            create=f"(echo create; pwd; cat; echo) >>{self.log}; echo told >&2",
            delete=f"(echo delete; cat; echo) >>{self.log}",
            stdin=pulumi.Output.secret(self.inputs["stdin"] + SENTINEL),
            add_previous_output_in_env=False,
            logging=local.Logging.STDERR,
            opts=pulumi.ResourceOptions.merge(
                inside(),
                pulumi.ResourceOptions(
                    replacement_trigger=self.inputs["trigger"], delete_before_replace=True
                ),
            ),
        )


def test_a_command_runs_in_the_project_again_when_its_input_changes_and_once_more_on_destroy(
    stack: Stack, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    program = Program(log)

    def said() -> list[str]:
        lines = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    assert stack.preview(program).ops("it") == ["create"]
    assert said() == []

    created = stack.up(program)
    project = str(stack.folder)
    assert said() == ["create", project, f"one{SENTINEL}"]
    assert created.status_lines("it") == ["told"]
    assert SENTINEL not in plain_state(stack) + created.output

    assert stack.up(program).changed == {}
    assert said() == []

    program.inputs["stdin"] = "two"
    updated = stack.up(program)
    assert updated.changed == {"it": ["update"]}
    assert updated.properties("it") == {"stdin"}
    assert said() == ["create", project, f"two{SENTINEL}"]

    program.inputs |= {"stdin": "three", "trigger": "b"}
    replaced = stack.up(program)
    assert replaced.ops("it")[0] == "delete-replaced"
    assert said() == ["delete", f"two{SENTINEL}", "create", project, f"three{SENTINEL}"]

    stack.destroy()
    assert said() == ["delete", f"three{SENTINEL}"]


@pytest.mark.parametrize("stdin", ["", SENTINEL])
def test_a_command_that_fails_says_its_text_and_what_it_printed_but_not_its_input(
    stack: Stack, stdin: str
) -> None:
    def program() -> None:
        local.Command("it", create="echo out; echo problem >&2; exit 3", stdin=stdin)

    run: Run = stack.up(program, fails=True)
    told = run.messages("it")
    assert 'exit status 3: running "echo out; echo problem >&2; exit 3":' in told
    assert "problem" in told
    assert "out" in told
    assert SENTINEL not in told + run.output
