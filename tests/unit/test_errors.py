"""What a user reads when a config is refused."""

from __future__ import annotations

import pytest

from nas import doc_pages
from nas.errors import Problem, RefusedError, set_command
from nas.remote_script import render
from nas.settings_reader import KEYS
from tests.lab.paths import REPO
from tests.page_commands import anchors
from tests.unit.ash import ash


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


def test_what_is_no_setting_is_not_counted_as_one() -> None:
    option = Problem("--host", "x", "why", "fix", is_setting=False)
    assert str(RefusedError([option])).startswith("1 thing is in the way:\n  --host = x\n")
    two = RefusedError([option, Problem("proxy", "x", "why", "fix")])
    assert str(two).startswith("2 things are in the way:\n")


@pytest.mark.parametrize(("secret", "flag"), [(False, ""), (True, "--secret ")])
def test_the_command_that_writes_a_setting_is_one_to_paste(secret: bool, flag: str) -> None:
    assert set_command("token", "T", secret=secret) == f"pulumi config set {flag}nas-k3s:token T"


def test_a_refusal_ends_with_the_pages_about_its_settings_once_each() -> None:
    keys = ("apiPort", "host", "publishPorts", "k3sVersion")
    *_, last = str(RefusedError([Problem(key, "x", "why", "fix") for key in keys])).splitlines()
    pages = "docs/container.md#network-host-or-bridge, docs/settings.md, docs/upgrade.md"
    assert last == f"  see {pages}"


@pytest.mark.parametrize(
    ("problem", "page"),
    [
        (Problem("host", None, "why", "fix"), doc_pages.SETTINGS),
        (Problem("unknown", None, "why", "fix"), doc_pages.SETTINGS),
        # The option of a command, which is called like a setting.
        (Problem("k3sVersion", "x", "why", "fix", is_setting=False), doc_pages.COMMANDS),
    ],
)
def test_what_has_no_page_of_its_own_is_on_the_one_of_all(problem: Problem, page: str) -> None:
    assert (REPO / page).is_file()
    assert str(RefusedError([problem])).endswith(f"  see {page}")


def test_an_error_of_a_script_ends_with_its_page() -> None:
    text = render("image-pull.sh", {}).replace('{ main "$@"', '{ fail "no" "do this"')
    done = ash(text)
    assert done.returncode == 1
    said = [line.strip() for line in done.stderr.decode().splitlines()]
    assert said[-3:] == [
        "nas-k3s: error: no",
        "nas-k3s:   -> do this",
        "nas-k3s:   see docs/upgrade.md",
    ]


@pytest.mark.parametrize(
    "page",
    sorted(
        {*doc_pages.OF_SETTING.values(), *doc_pages.OF_SCRIPT.values(), *doc_pages.DOCTOR.values()}
    ),
)
def test_each_page_that_an_error_names_has_that_heading(page: str) -> None:
    file, _, anchor = page.partition("#")
    assert (REPO / file).is_file()
    assert not anchor or anchor in anchors((REPO / file).read_text(encoding="utf-8"))


def test_the_table_of_pages_speaks_of_settings_and_scripts_that_exist() -> None:
    assert set(doc_pages.OF_SETTING) <= set(KEYS)
    for script in doc_pages.OF_SCRIPT:
        assert (REPO / "nas" / "scripts" / script).is_file()


def test_an_item_of_a_list_has_the_page_of_its_setting() -> None:
    item = Problem("kubeletArgs[0]", '"x"', "is none", "remove it")
    assert str(RefusedError([item])).endswith(f"see {doc_pages.OF_SETTING['kubeletArgs']}")
