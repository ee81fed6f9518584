"""What we rely on of `command:remote:Command`, told by one stack that lives through all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import remote

from .harness import Run, Stack, inside, plain_state
from .machine import Machine
from .ssh_recorder import Recorder

LOG = "/tmp/contract"
# Resource -> its inputs at first and what changes later. `%` is the resource's own log on the NAS.
FIRST: dict[str, dict[str, Any]] = {
    "connection": {"create": "echo create >> %"},
    "stdin": {"create": "echo create >> %", "stdin": "1"},
    "text": {"create": "echo create >> %"},
    "new-update": {"create": "echo create >> %"},
    "new-delete": {"create": "echo create >> %"},
    "updater": {"create": "echo created", "update": "cat", "stdin": "one"},
    "no-triggers": {"create": "echo create >> %", "delete": "echo delete >> %"},
    "triggers": {
        "create": "echo create >> %",
        "update": "echo update >> %",
        "delete": "echo delete >> %",
        "triggers": ["a"],
    },
    "delete-first": {
        "create": "echo create >> %",
        "delete": "echo delete >> %",
        "triggers": ["a"],
    },
    "leaving": {"create": "true", "delete": "cat >> %; echo deleted >> %", "stdin": "said: "},
    "previous": {"create": "echo 1; echo e >&2"},
    "no-previous": {"create": "echo 1; echo e >&2", "add_previous_output_in_env": False},
    "log-all": {"create": "echo out; echo err >&2"},
    "log-stderr": {"create": "echo out; echo err >&2", "logging": remote.Logging.STDERR},
    "log-none": {"create": "echo out; echo err >&2", "logging": remote.Logging.NONE},
    "slow": {"create": "echo early; sleep 2"},
    "updating": {"create": "echo fine"},
}
LATER: dict[str, dict[str, Any]] = {
    "stdin": {"stdin": "2"},
    "text": {"create": "echo create >> %; true"},
    "new-update": {"update": "echo update >> %"},
    "new-delete": {"delete": "echo delete >> %"},
    "updater": {"stdin": "two"},
    "no-triggers": {"triggers": ["a"]},
    "triggers": {"triggers": ["b"]},
    "delete-first": {"triggers": ["b"]},
    "previous": {"create": "echo 2"},
    "no-previous": {"create": "echo 2"},
}
DELETE_FIRST = ("delete-first", "moved")


@dataclass
class Story:
    """All runs of the stack, in this order."""

    preview_of_all: Run
    created: Run
    stdouts: dict[str, dict[str, Any]]
    created_state: str
    again: list[Run]
    logs: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    preview: Run = field(default_factory=Run)
    changed: Run = field(default_factory=Run)
    failed: Run = field(default_factory=Run)
    failed_state: dict[str, dict[str, Any]] = field(default_factory=dict)
    mended: Run = field(default_factory=Run)


class Program:
    """The program, whose resources the phases of the story change."""

    def __init__(self, nas: Machine) -> None:
        self.nas = nas
        self.inputs = {name: dict(inputs) for name, inputs in FIRST.items()}

    def __call__(self) -> None:
        made = {name: self._command(name, inputs) for name, inputs in self.inputs.items()}
        remote.Command(
            "once",
            connection=self.nas.connection(),
            create="cat; printf 'a\n\nb\n\n'; echo problem >&2",
            stdin="typed\n",
            opts=inside(),
        )
        remote.Command(
            "reader",
            connection=self.nas.connection(),
            create=made["updater"].stdout.apply(lambda text: f"echo {text}"),
        )
        remote.Command(
            "secret",
            connection=self.nas.connection(),
            create="cat",
            stdin=pulumi.Output.secret("sentinel-typed"),
            logging=remote.Logging.NONE,
            opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
        )

    def _command(self, name: str, inputs: dict[str, Any]) -> remote.Command:
        given = dict(inputs)
        connection = given.pop("connection", None) or self.nas.connection()
        for action in ("create", "update", "delete"):
            if action in given:
                given[action] = given[action].replace("%", f"{LOG}/{name}")
        opts = pulumi.ResourceOptions(delete_before_replace=True if name in DELETE_FIRST else None)
        return remote.Command(name, connection=connection, opts=opts, **given)


@pytest.fixture(scope="module")
def story(
    engine_environment: dict[str, str], nas: Machine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Story]:
    """The life of the stack; what the tests below look at."""
    nas.forget()
    program = Program(nas)
    stack = Stack(tmp_path_factory.mktemp("command") / "program", engine_environment)
    preview_of_all = stack.preview(program)
    created = stack.up(program)
    state = stack.state()
    stdouts = {name: found.get("outputs", {}) for name, found in state.items()}
    again = [stack.up(program), stack.preview(program), stack.refresh(expect_no_changes=True)]
    told = Story(preview_of_all, created, stdouts, plain_state(stack), again)
    told.logs["created"] = logs(nas)

    for name, changes in LATER.items():
        program.inputs[name] |= changes
    program.inputs["connection"]["connection"] = nas.connection(per_dial_timeout=16)
    del program.inputs["leaving"]
    program.inputs["moved"] = {
        "create": "true",
        "delete": "echo deleted >> %",
        "triggers": ["a"],
    }
    told.preview = stack.preview(program)
    told.changed = stack.up(program)
    told.logs["changed"] = logs(nas)

    program.inputs["fails"] = {
        "create": "echo one; echo two >&2; exit 7",
        "logging": remote.Logging.NONE,
    }
    program.inputs["environment"] = {"create": "touch %", "environment": {"COLOUR": "red"}}
    program.inputs["moved"] |= {
        "connection": nas.connection(port=1, dial_error_limit=0),
        "triggers": ["b"],
    }
    program.inputs["updating"]["create"] = "kill -9 $$"
    told.failed = stack.up(program, fails=True)
    told.failed_state = stack.state()
    told.logs["failed"] = logs(nas)

    for name in ("fails", "environment", "moved"):
        del program.inputs[name]
    program.inputs["updating"]["create"] = "echo well"
    told.mended = stack.up(program)
    yield told
    stack.clean()


def logs(nas: Machine) -> dict[str, list[str]]:
    """The lines of every log on the NAS, by resource."""
    found: dict[str, list[str]] = {}
    for line in nas.sh(f"cd {LOG} && grep -H '' -- * 2>/dev/null", code=None).splitlines():
        name, _, text = line.partition(":")
        found.setdefault(name, []).append(text)
    return found


def test_a_preview_leaves_the_outputs_open(story: Story) -> None:
    assert story.preview_of_all.ops("reader") == ["create"]
    assert "created" not in str(story.preview_of_all.steps["reader"][0].new.get("create"))


def test_create_runs_once_and_one_newline_is_taken_off_its_output(story: Story) -> None:
    assert story.created.ops("once") == ["create"]
    outputs = story.stdouts["once"]
    assert (outputs["stdout"], outputs["stderr"]) == ("typed\na\n\nb\n", "problem")


def test_an_unchanged_program_changes_nothing(story: Story) -> None:
    assert [run.changed for run in story.again] == [{}, {}, {}]
    assert story.logs["created"]["text"] == ["create"]
    assert story.changed.ops("once") == ["same"]


@pytest.mark.parametrize(
    ("name", "properties", "ran"),
    [
        ("connection", {"connection": "update"}, ["create", "create"]),
        ("stdin", {"stdin": "update"}, ["create", "create"]),
        ("text", {"create": "update"}, ["create", "create"]),
        ("new-update", {"update": "add"}, ["create", "update"]),
        ("new-delete", {"delete": "add"}, ["create", "create"]),
    ],
)
def test_a_changed_input_is_an_update_that_runs_update_or_else_create(
    story: Story, name: str, properties: dict[str, str], ran: list[str]
) -> None:
    for run in (story.preview, story.changed):
        assert run.ops(name) == ["update"]
        assert run.diff(name) == properties
    assert story.logs["changed"][name] == ran


def test_an_update_sees_the_new_inputs_and_its_output_is_open_in_preview(story: Story) -> None:
    assert story.stdouts["reader"]["stdout"] == "created"
    assert story.preview.ops("reader") == ["update"]
    assert story.changed.ops("reader") == ["update"]
    assert story.failed_state["reader"]["outputs"]["stdout"] == "two"


@pytest.mark.parametrize("name", ["no-triggers", "triggers"])
def test_a_changed_trigger_creates_anew_first_and_then_runs_the_old_delete(
    story: Story, name: str
) -> None:
    for run in (story.preview, story.changed):
        assert run.properties(name) == {"triggers"}
        assert run.ops(name) == ["create-replacement", "replace", "delete-replaced"]
    assert story.logs["changed"][name] == ["create", "create", "delete"]


def test_delete_before_replace_turns_the_order_round(story: Story) -> None:
    assert story.changed.ops("delete-first") == [
        "delete-replaced",
        "replace",
        "create-replacement",
    ]
    assert story.logs["changed"]["delete-first"] == ["create", "delete", "create"]


def test_delete_runs_with_the_inputs_in_the_state(story: Story) -> None:
    assert story.changed.ops("leaving") == ["delete"]
    assert story.logs["changed"]["leaving"] == ["said: deleted"]


def test_delete_runs_with_the_connection_in_the_state(story: Story) -> None:
    # The new connection leads nowhere: the old delete runs all the same, the new create cannot.
    assert story.logs["failed"]["moved"] == ["deleted"]
    assert "after 0 failed attempts: dial tcp" in story.failed.messages("moved")


def test_a_failure_tells_the_command_and_all_that_it_printed(story: Story) -> None:
    told = story.failed.messages("fails")
    assert 'Process exited with status 7: running "echo one; echo two >&2; exit 7":' in told
    assert {"one", "two"} <= set(told.split())
    assert "Traceback" not in story.failed.error
    assert "fails" not in story.failed_state


def test_a_failed_update_keeps_the_old_state_and_is_tried_again(story: Story) -> None:
    assert "Process exited with status 137" in story.failed.messages("updating")
    assert story.failed_state["updating"]["outputs"]["create"] == "echo fine"
    mended = story.mended.changed
    # What was deleted of a half-done replacement is only struck off.
    assert mended.pop("moved") == ["remove-pending-replace"]
    assert mended == {"updating": ["update"]}


def test_secrets_stay_secret_and_outputs_are_plain(story: Story, nas: Machine) -> None:
    key_line = nas.key.read_text().splitlines()[1]
    for text in (story.created.output, story.changed.output, story.created_state):
        assert "sentinel" not in text
        assert key_line not in text
    state = story.failed_state["secret"]
    assert "ciphertext" in state["outputs"]["stdin"]
    assert "ciphertext" in state["outputs"]["stdout"]
    assert "ciphertext" in state["inputs"]["connection"]
    assert "ciphertext" in state["outputs"]["connection"]
    assert story.stdouts["log-none"]["stdout"] == "out"


def test_an_environment_that_the_server_refuses_is_an_error_and_nothing_runs(
    story: Story,
) -> None:
    told = story.failed.messages("environment")
    assert 'could not set environment variable "COLOUR": ssh: setenv failed' in told
    assert "Unable to set 'COLOUR'" in told
    assert "environment" not in story.logs["failed"]


def test_previous_outputs_that_the_server_refuses_are_only_a_warning(story: Story) -> None:
    told = story.changed.messages("previous")
    assert "Unable to set 'PULUMI_COMMAND_STDOUT'" in told
    assert "Unable to set 'PULUMI_COMMAND_STDERR'" in told
    assert story.changed.ops("no-previous") == ["update"]
    assert story.changed.messages("no-previous") == ""


def test_output_is_shown_as_status_unless_logging_is_off(story: Story) -> None:
    assert sorted(story.created.status_lines("log-all")) == ["err", "out"]
    assert story.created.status_lines("log-stderr") == ["err"]
    assert story.created.status_lines("log-none") == []


def test_lines_are_shown_while_the_command_runs(story: Story) -> None:
    line = next(said for said in story.created.said if said.name == "slow")
    ended = story.created.done[story.created.when("slow", "create")].at
    assert line.text == "early"
    assert ended - line.at > 1


def on(recorder: Recorder, **changes: Any) -> Any:
    """A connection to the recorder."""
    return {
        "host": "127.0.0.1",
        "port": recorder.port,
        "user": "somebody",
        "private_key": recorder.client_key_text(),
        "host_key": recorder.host_key_text(),
    } | changes


def test_dials_logins_and_host_keys_are_as_strict_as_we_think(stack: Stack, tmp_path: Path) -> None:
    """One run for all that needs a server which tells what its clients did."""
    other = Recorder()
    inputs = {"create": "echo first"}
    with (
        Recorder() as patient,
        Recorder(turn_away=2) as busy,
        Recorder() as strict,
        Recorder() as unknown,
        Recorder() as agent,
        Recorder() as quiet,
    ):
        cases = {
            "busy": on(busy, dial_error_limit=2),
            "strict": on(strict, private_key=other.client_key_text(), dial_error_limit=1),
            "unknown": on(unknown, host_key=other.host_key_text(), dial_error_limit=0),
            "agent": on(agent, agent_socket_path=str(tmp_path / "none")),
        }

        def program() -> None:
            remote.Command("it", connection=on(patient), create=inputs["create"], delete="true")
            # The changed input is an update.
            remote.Command(
                "quiet", connection=on(quiet), stdin=inputs["create"], delete="echo deleted"
            )
            for name, connection in cases.items():
                remote.Command(name, connection=connection, create="true")

        run = stack.up(program, fails=True)
        cases.clear()
        inputs["create"] = "echo second"
        stack.up(program)
        stack.destroy()

    # Failed dials are tried again up to the limit.
    assert busy.dials == 3
    assert run.status_lines("busy") == ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]
    # A bad login is a failed dial.
    assert strict.logins == ["somebody", "somebody"]
    assert (
        "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate"
    ) in run.messages("strict")
    # Another host key ends it before any login.
    assert (unknown.logins, unknown.commands) == ([], [])
    assert (
        "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    ) in run.messages("unknown")
    # An agent socket that is gone is an error at once, even beside a private key.
    assert agent.dials == 0
    assert f"dial unix {tmp_path / 'none'}: connect: no such file or directory" in run.messages(
        "agent"
    )
    # Previous outputs reach a server that takes them; every run dials anew.
    assert patient.environments == [
        {},
        {"PULUMI_COMMAND_STDOUT": "first"},
        {"PULUMI_COMMAND_STDOUT": "second"},
    ]
    assert patient.dials == 3
    # Without a create, nobody connects before the delete.
    assert (quiet.dials, quiet.commands) == (1, ["echo deleted"])


def test_a_preview_connects_to_nothing(stack: Stack) -> None:
    with Recorder() as server:

        def program() -> None:
            first = remote.Command("first", connection=on(server), create="echo hi")
            remote.Command("second", connection=on(server), create=first.stdout)

        assert stack.preview(program).ops("second") == ["create"]
    assert server.dials == 0
