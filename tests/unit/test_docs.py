"""The pages that people read: complete, generated where they can be, without dead links."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from nas.settings import KEYS, load_settings
from tests import troubleshooting_page
from tests.lab.paths import REPO
from tests.reliability import FAULTS, GROUPS, HEAD, TAIL
from tests.reliability import PAGE as RELIABILITY
from tests.settings_page import PAGE, page

REFUSED_KEYS = {"sshPassword", "sshPrivateKeyPassword"}
"""Known only to be refused with what to do instead."""
PAGES = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]


def test_the_page_of_settings_is_what_pulumi_yaml_says() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


def test_the_page_of_troubleshooting_is_what_doctor_and_its_last_run_say() -> None:
    assert troubleshooting_page.PAGE.read_text() == troubleshooting_page.page(), "run `make docs`"


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


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_link_inside_the_project_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
        if "://" not in target:
            assert (file.parent / target).exists(), target


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)
def test_every_setting_that_a_page_names_exists(file: Path) -> None:
    named = set(re.findall(r"nas-k3s:([a-z][A-Za-z0-9]+)", file.read_text()))
    assert named <= set(KEYS), named - set(KEYS)


def test_the_readme_is_two_screens() -> None:
    assert len((REPO / "README.md").read_text().splitlines()) <= 110
