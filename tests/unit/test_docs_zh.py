"""The Chinese pages keep step with the English ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nas.platforms import PLATFORMS
from tests import troubleshooting_page, troubleshooting_zh
from tests.lab.paths import REPO
from tests.page_commands import blocks, headings

ZH = REPO / "docs" / "zh-CN"
PAIRS = [
    (REPO / "README.md", REPO / "README.zh-CN.md"),
    *((REPO / "docs" / file.name, file) for file in sorted(ZH.glob("*.md"))),
]
each_pair = pytest.mark.parametrize(
    ("english", "chinese"), PAIRS, ids=[english.name for english, _ in PAIRS]
)


def text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def tables(file: Path) -> list[list[int]]:
    """The number of cells of each row, table by table."""
    found: list[list[int]] = []
    before = ""
    for line in text(file).splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                found.append([])
            found[-1].append(len(re.split(r"(?<!\\)\|", line)))
        before = line
    return found


@each_pair
def test_both_have_the_same_headings_by_level(english: Path, chinese: Path) -> None:
    levels = [[level for level, _ in headings(text(file))] for file in (english, chinese)]
    assert levels[0] == levels[1]
    assert levels[0]


@each_pair
def test_both_have_the_same_commands(english: Path, chinese: Path) -> None:
    """A picture in words may be translated; it is at the same place."""
    found = [
        [
            (block.language, block.text if block.language == "sh" else "")
            for block in blocks(file.name, text(file))
        ]
        for file in (english, chinese)
    ]
    assert found[0] == found[1]


@each_pair
def test_both_have_tables_of_the_same_shape(english: Path, chinese: Path) -> None:
    assert tables(english) == tables(chinese)


@each_pair
def test_both_name_the_same_things_in_their_tables(english: Path, chinese: Path) -> None:
    """Keys, leaves and options are names and not translated."""
    first = [
        [
            line.split("|")[1].replace(":", "：").partition("：")[0].replace("、", ", ").strip()
            for line in text(file).splitlines()
            if line.startswith("| `")
        ]
        for file in (english, chinese)
    ]
    assert first[0] == first[1]


@each_pair
def test_both_have_lists_of_the_same_length(english: Path, chinese: Path) -> None:
    items = [
        len(re.findall(r"^(?:- |\d+\. )", text(file), re.MULTILINE)) for file in (english, chinese)
    ]
    assert items[0] == items[1]


@each_pair
def test_a_chinese_page_is_chinese(english: Path, chinese: Path) -> None:
    assert re.search(r"[\u4e00-\u9fff]", headings(text(chinese))[-1][1])
    assert english.name.split(".")[0] == chinese.name.split(".")[0]


def test_each_thing_that_was_broken_has_its_chinese_words() -> None:
    said = {words for row in troubleshooting_page.rows() for words in (row.broken, *row.fix)}
    assert said <= set(troubleshooting_zh.WORDS), "translate them in tests/troubleshooting_zh.py"


@pytest.mark.parametrize("platform", [row.name for row in PLATFORMS])
def test_the_chinese_table_has_each_platform(platform: str) -> None:
    assert f"`{platform}`" in text(ZH / "daemon-proxy.md")


@each_pair
def test_no_line_breaks_between_chinese_characters(english: Path, chinese: Path) -> None:
    """A browser shows such a break as a space; behind punctuation it does no harm."""
    found = re.search(r"[\u4e00-\u9fff]\n *[\u4e00-\u9fff]", text(chinese))
    assert found is None, text(chinese)[max(0, found.start() - 30) : found.end()]
