"""What we rely on of `command:remote:Command`."""

from __future__ import annotations

import time
from typing import Any

import pulumi
import pytest
from pulumi_command import remote

from .harness import Stack, inside, plain_state
from .machine import Machine
from .ssh_recorder import Recorder


def command(name: str, nas: Machine, **arguments: Any) -> remote.Command:
    """A command on the NAS."""
    connection = arguments.pop("connection", None) or nas.connection()
    return remote.Command(name, connection=connection, **arguments)


def counted(nas: Machine, file: str) -> int:
    """How many lines a file on the NAS has."""
    return int(nas.sh(f"cat {file} 2>/dev/null | wc -l"))


@pytest.fixture
def recorder() -> Any:
    with Recorder() as recorder:
        yield recorder


def on(recorder: Recorder, **changes: Any) -> Any:
    """A connection to the recorder."""
    return {
        "host": "127.0.0.1",
        "port": recorder.port,
        "user": "somebody",
        "private_key": recorder.client_key_text(),
        "host_key": recorder.host_key_text(),
    } | changes


def test_it_runs_once_and_an_unchanged_program_changes_nothing(stack: Stack, nas: Machine) -> None:
    ran = "/tmp/contract-once"

    def program() -> None:
        made = command(
            "once",
            nas,
            create=f"echo x >> {ran}; cat; printf 'a\\n\\nb\\n\\n'; echo problem >&2",
            stdin="typed\n",
            opts=inside(),
        )
        pulumi.export("stdout", made.stdout)
        pulumi.export("stderr", made.stderr)

    assert stack.up(program).ops("once") == ["create"]
    # One newline is taken off the end, not more.
    assert stack.outputs() == {"stdout": "typed\na\n\nb\n", "stderr": "problem"}
    assert stack.up(program).changed == {}
    assert stack.preview(program).changed == {}
    assert stack.refresh(expect_no_changes=True).changed == {}
    assert counted(nas, ran) == 1


def test_a_preview_connects_to_nothing_and_leaves_the_outputs_open(stack: Stack) -> None:
    def program() -> None:
        first = remote.Command(
            "first", connection={"host": "192.0.2.1", "password": "x"}, create="echo hi"
        )
        remote.Command(
            "second", connection={"host": "192.0.2.1", "password": "x"}, create=first.stdout
        )

    started = time.monotonic()
    run = stack.preview(program)
    assert time.monotonic() - started < 15
    assert run.ops("second") == ["create"]
    assert run.steps["second"][0].new.get("create") != "hi"


def test_every_changed_input_is_an_update_that_runs_update_or_else_create(
    stack: Stack, nas: Machine
) -> None:
    ran = "/tmp/contract-updates"
    inputs: dict[str, Any] = {"create": f"echo create >> {ran}", "stdin": "1"}

    def program() -> None:
        command("it", nas, **inputs)

    stack.up(program)

    inputs["connection"] = nas.connection(per_dial_timeout=16)
    run = stack.preview(program)
    assert run.ops("it") == ["update"]
    assert run.properties("it") == {"connection"}
    assert stack.up(program).ops("it") == ["update"]
    assert nas.sh(f"cat {ran}").split() == ["create"] * 2

    inputs["stdin"] = "2"
    run = stack.up(program)
    assert run.diff("it") == {"stdin": "update"}
    assert nas.sh(f"cat {ran}").split() == ["create"] * 3

    inputs["create"] += "; true"
    run = stack.up(program)
    assert run.diff("it") == {"create": "update"}
    assert nas.sh(f"cat {ran}").split() == ["create"] * 4

    inputs["update"] = f"echo update >> {ran}"
    run = stack.up(program)
    assert run.diff("it") == {"update": "add"}
    assert nas.sh(f"cat {ran}").split() == ["create"] * 4 + ["update"]

    inputs["delete"] = f"echo delete >> {ran}"
    assert stack.up(program).diff("it") == {"delete": "add"}
    assert nas.sh(f"cat {ran}").split() == ["create"] * 4 + ["update"] * 2


def test_an_update_runs_update_with_the_new_inputs_and_its_output_is_open_in_preview(
    stack: Stack, nas: Machine
) -> None:
    inputs: dict[str, Any] = {"create": "echo created", "update": "cat", "stdin": "one"}

    def program() -> None:
        it = command("it", nas, **inputs)
        command("reader", nas, create=it.stdout.apply(lambda text: f"echo {text}"))

    stack.up(program)
    inputs["stdin"] = "two"
    assert stack.preview(program).changed == {"it": ["update"], "reader": ["update"]}
    assert stack.up(program).changed == {"it": ["update"], "reader": ["update"]}
    assert stack.state()["reader"]["outputs"]["stdout"] == "two"


def test_a_changed_trigger_creates_anew_first_and_then_runs_the_old_delete(
    stack: Stack, nas: Machine
) -> None:
    inputs: dict[str, Any] = {"triggers": None, "delete_first": False}
    log = "/tmp/contract-triggers"

    def program() -> None:
        remote.Command(
            "it",
            connection=nas.connection(),
            create=f"echo create >> {log}",
            update=f"echo update >> {log}",
            delete=f"echo delete >> {log}",
            triggers=inputs["triggers"],
            opts=pulumi.ResourceOptions(delete_before_replace=inputs["delete_first"] or None),
        )

    stack.up(program)
    inputs["triggers"] = ["a"]
    run = stack.up(program)
    assert run.properties("it") == {"triggers"}
    assert run.ops("it") == ["create-replacement", "replace", "delete-replaced"]
    assert nas.sh(f"cat {log}").split() == ["create", "create", "delete"]

    inputs["triggers"] = ["b"]
    assert "replace" in stack.up(program).ops("it")
    assert nas.sh(f"cat {log}").split()[3:] == ["create", "delete"]

    inputs |= {"triggers": ["c"], "delete_first": True}
    assert stack.up(program).ops("it") == ["delete-replaced", "replace", "create-replacement"]
    assert nas.sh(f"cat {log}").split()[5:] == ["delete", "create"]


def test_delete_runs_with_the_connection_in_the_state(stack: Stack, nas: Machine) -> None:
    log = "/tmp/contract-delete"
    inputs: dict[str, Any] = {"connection": nas.connection(), "trigger": "a"}

    def program() -> None:
        remote.Command(
            "it",
            connection=inputs["connection"],
            create="true",
            delete=f"cat >> {log}; echo deleted >> {log}",
            stdin="stdin of the state; ",
            triggers=[inputs["trigger"]],
            opts=pulumi.ResourceOptions(delete_before_replace=True),
        )

    stack.up(program)
    # The new connection leads nowhere: the old delete runs all the same, the new create cannot.
    inputs |= {"connection": nas.connection(port=1, dial_error_limit=0), "trigger": "b"}
    assert "after 0 failed attempts: dial tcp" in stack.up(program, fails=True).error
    assert nas.sh(f"cat {log}") == "stdin of the state; deleted"


def test_a_failure_tells_the_command_and_all_that_it_printed(stack: Stack, nas: Machine) -> None:
    inputs = {"create": "echo one; echo two >&2; exit 7"}

    def program() -> None:
        command("it", nas, logging=remote.Logging.NONE, **inputs)

    error = stack.up(program, fails=True).error
    assert 'Process exited with status 7: running "echo one; echo two >&2; exit 7":' in error
    assert "one" in error
    assert "two" in error
    assert "Traceback" not in error
    assert "it" not in stack.state()

    inputs["create"] = "echo fine"
    stack.up(program)
    inputs["create"] = "kill -9 $$"
    assert "Process exited with status 137" in stack.up(program, fails=True).error
    # A failed update keeps the old state, so it is tried again.
    assert stack.state()["it"]["outputs"]["create"] == "echo fine"
    inputs["create"] = "echo well"
    assert stack.up(program).ops("it") == ["update"]


def test_secrets_stay_secret_and_outputs_are_plain(stack: Stack, nas: Machine) -> None:
    def program() -> None:
        command(
            "it",
            nas,
            create="cat",
            stdin=pulumi.Output.secret("sentinel-typed"),
            logging=remote.Logging.NONE,
            opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
        )
        command("open", nas, create="echo not-a-secret")

    run = stack.up(program)
    assert "sentinel" not in run.output + plain_state(stack)
    key_line = nas.key.read_text().splitlines()[1]
    assert key_line not in run.output + plain_state(stack)
    state = stack.state()
    assert "ciphertext" in state["it"]["outputs"]["stdin"]
    assert "ciphertext" in state["it"]["outputs"]["stdout"]
    assert "ciphertext" in state["it"]["inputs"]["connection"]
    assert "ciphertext" in state["it"]["outputs"]["connection"]
    assert state["open"]["outputs"]["stdout"] == "not-a-secret"
    assert stack.up(program).changed == {}


def test_an_environment_that_the_server_refuses_is_an_error_and_nothing_runs(
    stack: Stack, nas: Machine
) -> None:
    ran = "/tmp/contract-environment"

    def program() -> None:
        command("it", nas, create=f"touch {ran}", environment={"COLOUR": "red"})

    run = stack.up(program, fails=True)
    assert 'could not set environment variable "COLOUR": ssh: setenv failed' in run.error
    assert "Unable to set 'COLOUR'" in run.messages("it")
    assert nas.sh(f"ls {ran} 2>/dev/null", code=None) == ""


def test_previous_outputs_that_the_server_refuses_are_only_a_warning(
    stack: Stack, nas: Machine
) -> None:
    inputs: dict[str, Any] = {"create": "echo 1; echo e >&2"}

    def program() -> None:
        command("it", nas, **inputs)

    stack.up(program)
    inputs["create"] = "echo 2"
    run = stack.up(program)
    assert "Unable to set 'PULUMI_COMMAND_STDOUT'" in run.messages("it")
    assert "Unable to set 'PULUMI_COMMAND_STDERR'" in run.messages("it")
    inputs |= {"create": "echo 3", "add_previous_output_in_env": False}
    assert "Unable to set" not in stack.up(program).messages("it")


def test_previous_outputs_reach_a_server_that_takes_them(stack: Stack, recorder: Recorder) -> None:
    inputs = {"create": "echo first"}

    def program() -> None:
        remote.Command("it", connection=on(recorder), create=inputs["create"], delete="true")

    stack.up(program)
    inputs["create"] = "echo second"
    stack.up(program)
    stack.destroy()
    assert recorder.environments == [
        {},
        {"PULUMI_COMMAND_STDOUT": "first"},
        {"PULUMI_COMMAND_STDOUT": "second"},
    ]
    assert recorder.dials == 3


def test_output_is_shown_as_it_comes_unless_logging_is_off(stack: Stack, nas: Machine) -> None:
    inputs: dict[str, Any] = {"create": "echo out; echo err >&2"}

    def program() -> None:
        command("it", nas, **inputs)

    assert sorted(stack.up(program).status_lines("it")) == ["err", "out"]
    inputs["logging"] = remote.Logging.STDERR
    assert stack.up(program).status_lines("it") == ["err"]
    inputs["logging"] = remote.Logging.NONE
    assert stack.up(program).status_lines("it") == []


def test_lines_are_shown_while_the_command_runs(stack: Stack, nas: Machine) -> None:
    seen: list[float] = []

    def program() -> None:
        command("it", nas, create="echo early; sleep 2")

    run = stack.up(program, on_status=lambda text: seen.append(time.monotonic()))
    assert run.status_lines("it") == ["early"]
    assert time.monotonic() - seen[0] > 1


def test_failed_dials_are_tried_again_up_to_the_limit(stack: Stack, recorder: Recorder) -> None:
    recorder.turn_away = 2
    inputs: dict[str, Any] = {"dial_error_limit": 2}

    def program() -> None:
        remote.Command("it", connection=on(recorder, **inputs), create="true")

    run = stack.up(program)
    assert recorder.dials == 3
    assert run.status_lines("it") == ["Dial 1/2 failed: retrying", "Dial 2/2 failed: retrying"]


def test_bad_logins_count_as_failed_dials(stack: Stack, recorder: Recorder) -> None:
    def program() -> None:
        other = Recorder().client_key_text()
        connection = on(recorder, private_key=other, dial_error_limit=1)
        remote.Command("it", connection=connection, create="true")

    error = stack.up(program, fails=True).error
    assert "after 1 failed attempts: ssh: handshake failed: ssh: unable to authenticate" in error
    assert recorder.logins == ["somebody", "somebody"]


def test_another_host_key_ends_it_before_any_login(stack: Stack, recorder: Recorder) -> None:
    def program() -> None:
        other = Recorder().host_key_text()
        connection = on(recorder, host_key=other, dial_error_limit=0)
        remote.Command("it", connection=connection, create="true")

    error = stack.up(program, fails=True).error
    assert "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch" in error
    assert recorder.logins == []
    assert recorder.commands == []


def test_an_agent_socket_that_is_gone_is_an_error_at_once(stack: Stack, recorder: Recorder) -> None:
    def program() -> None:
        connection = on(recorder, agent_socket_path="/tmp/contract-no-agent")
        remote.Command("it", connection=connection, create="true")

    error = stack.up(program, fails=True).error
    assert "dial unix /tmp/contract-no-agent: connect: no such file or directory" in error
    assert recorder.dials == 0
