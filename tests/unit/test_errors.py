"""What a user reads when a config is refused."""

from __future__ import annotations

import pytest

from nas.errors import Problem, RefusedError, set_command


def test_a_problem_names_key_value_fault_and_what_to_write() -> None:
    text = str(Problem("apiPort", "70000", "is too large", "write at most 65535"))
    assert text.splitlines() == [
        "nas-k3s:apiPort = 70000",
        "    is too large",
        "    -> write at most 65535",
    ]


def test_a_problem_of_a_missing_setting_says_that_it_is_not_set() -> None:
    assert str(Problem("host", None, "is needed", "set it")).startswith("nas-k3s:host is not set\n")


def test_a_problem_of_what_is_no_setting_names_no_config_key() -> None:
    text = str(Problem("stack", '"My_NAS"', "why", "fix", is_setting=False))
    assert text.startswith('stack = "My_NAS"\n')


@pytest.mark.parametrize(
    ("count", "head"), [(1, "1 setting needs a change"), (2, "2 settings need a change")]
)
def test_a_refusal_lists_every_problem_and_counts_them(count: int, head: str) -> None:
    problems = [Problem(f"key{number}", "x", "why", "fix") for number in range(count)]
    refused = RefusedError(problems)
    assert str(refused).startswith(head)
    assert refused.problems == tuple(problems)
    for problem in problems:
        assert str(problem) in str(refused)


@pytest.mark.parametrize(("secret", "flag"), [(False, ""), (True, "--secret ")])
def test_the_command_that_writes_a_setting_is_one_to_paste(secret: bool, flag: str) -> None:
    assert set_command("token", "T", secret=secret) == f"pulumi config set {flag}nas-k3s:token T"
