"""The pages that people read: complete, generated where they can be, without dead links."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from nas import plan, platforms
from nas.doctor import tree
from nas.messages import LANGUAGES, Language
from nas.settings import REFUSED_KEYS
from nas.settings_reader import KEYS, load_settings
from tests import troubleshooting_page
from tests.e2e.walks import WALKS, Walk
from tests.lab.paths import REPO
from tests.page_commands import (
    ELSEWHERE,
    ON_NAS,
    Elsewhere,
    anchors,
    blocks,
    commands,
    commands_to_run,
    is_test,
    pages,
)
from tests.reliability import FAULTS, GROUPS, HEAD, TAIL
from tests.reliability import PAGE as RELIABILITY
from tests.settings_page import PAGE, page

PAGES = [*sorted(REPO.glob("README*.md")), *sorted((REPO / "docs").rglob("*.md"))]


def test_the_page_of_settings_is_what_pulumi_yaml_says() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_of_troubleshooting_is_what_doctor_and_its_last_run_say(lang: Language) -> None:
    written = troubleshooting_page.FILES[lang].read_text(encoding="utf-8")
    assert written == troubleshooting_page.page(lang), "run `make docs`"


def test_the_example_stack_has_every_key_and_is_accepted() -> None:
    text = (REPO / "stacks" / "Pulumi.example.yaml").read_text()
    config = {
        key.removeprefix("nas-k3s:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in yaml.safe_load(text)["config"].items()
    }
    assert set(config) == set(KEYS) - REFUSED_KEYS
    assert load_settings("home", config).no_proxy == ["registry.lan", "10.20.0.0/16"]


def test_the_page_of_faults_has_a_row_for_each_and_no_other() -> None:
    """What is in a row is compared by the test that does the fault."""
    lines = RELIABILITY.read_text().splitlines()
    groups = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert groups[: len(GROUPS)] == list(GROUPS)
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    titles = [title for title in rows if title != "what happens"]
    assert titles == [fault.title for fault in FAULTS.values()]
    assert RELIABILITY.read_text().startswith(HEAD)
    assert RELIABILITY.read_text().endswith(TAIL)


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(REPO)))
def test_every_link_inside_the_project_leads_somewhere(file: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", file.read_text()):
        if "://" not in target:
            led = file.parent / target if target else file
            assert led.exists(), target
            assert not anchor or anchor in anchors(led.read_text()), f"{target}#{anchor}"


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(REPO)))
def test_every_setting_that_a_page_names_exists(file: Path) -> None:
    named = set(re.findall(r"nas-k3s:([a-z][A-Za-z0-9]+)", file.read_text()))
    assert named <= set(KEYS), named - set(KEYS)


def test_the_readme_is_two_screens() -> None:
    assert len((REPO / "README.md").read_text().splitlines()) <= 110


def test_the_commands_of_a_page_are_read_line_by_line() -> None:
    text = f"""a
```sh
cd x
# why
one \\
  two
```
  ```sh
  {ON_NAS}
  docker ps
  ```
```text
three
```
"""
    found = [(one.text, one.where, one.block) for one in commands("docs/x.md", text)]
    assert found == [
        ("cd x", "here", 2),
        ("one \\\n  two", "here", 2),
        ("docker ps", "nas", 8),
    ]
    with pytest.raises(ValueError, match=r"docs/x\.md:2: a block that does not end"):
        commands("docs/x.md", "a\n```sh\nls\n")


@pytest.mark.parametrize("page", pages())
def test_each_command_of_a_page_is_run_by_a_test(page: str) -> None:
    walked = {walk.page for walk in WALKS}
    left = [command.text for command in commands_to_run(page)]
    assert not left or page in walked, f"{left}: a walk for the page, or an entry in ELSEWHERE"


@pytest.mark.parametrize("entry", ELSEWHERE, ids=lambda entry: f"{entry.page}: {entry.text}")
def test_what_is_not_run_from_its_page_is_shown_by_a_test_that_exists(entry: Elsewhere) -> None:
    assert entry.text in {command.text for command in commands(entry.page)}
    assert is_test(entry.test), entry.test
    assert entry.why


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.page)
def test_a_walk_speaks_of_commands_that_its_page_has(walk: Walk) -> None:
    texts = {command.text for command in commands_to_run(walk.page)}
    assert {*walk.before, *walk.typed, *walk.ends} <= texts
    assert texts, "a page without commands needs no walk"


@pytest.mark.parametrize("page", pages())
def test_commands_stand_in_blocks_of_the_shell_and_nowhere_else(page: str) -> None:
    lines = (REPO / page).read_text(encoding="utf-8").splitlines()
    program = re.compile(r"(pulumi|kubectl|docker|make|python3?|\.venv/bin/\w+|ssh\S*) [a-z-]")
    assert not [line for line in lines if line.startswith("    ") and program.match(line.strip())]
    for block in blocks(page):
        assert block.language in ("sh", "text"), f"{page}:{block.line}"
        if block.language == "text":
            # A question of the troubleshooting tree is none.
            found = [line for line in block.text.splitlines() if program.match(line)]
            assert not [line for line in found if not line.endswith("?")], f"{page}:{block.line}"


@pytest.mark.parametrize("page", pages())
def test_a_make_target_that_a_page_names_exists(page: str) -> None:
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    text = (REPO / page).read_text(encoding="utf-8")
    for target in re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ci_runs_the_command_of_the_readme() -> None:
    script = (REPO / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert script[-1] == "exec make test"
    assert "make test" in {command.text for command in commands("README.md")}


def test_each_file_that_the_page_of_the_architecture_names_exists() -> None:
    text = (REPO / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:nas|components|tests|docs|stacks)/[^` <]*)`", text))
    assert len(named) > 25
    for name in sorted(named):
        assert list(REPO.glob(name.rstrip("/"))), name
    assert {"judge_pull.py", "judge_cluster.py"} <= {
        file.name for file in (REPO / "nas" / "doctor").iterdir()
    }


def test_the_names_in_the_page_of_the_architecture_are_those_of_the_code() -> None:
    assert callable(plan.make_plan)
    assert platforms.PLATFORMS
    assert tree.CHECKS
    text = (REPO / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in ("make_plan", "PLATFORMS", "Choice", "CHECKS", "Problem", "Finding", "Settings"):
        assert f"`{name}`" in text
