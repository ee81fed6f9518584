"""The catalogue of messages: complete in both languages, and exactly what the program uses."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.messages import LANGUAGES, area, language, text

NAS = Path(__file__).parents[2] / "nas"
AREAS = sorted(file.stem for file in (NAS / "catalogue").glob("*.yaml"))
CATALOGUE = {key: message for name in AREAS for key, message in area(name).items()}
FILE_NAME = re.compile(r".*\.(sh|awk|yaml|json|html|svg|py)")


def placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def named_keys() -> Iterator[re.Pattern[str]]:
    """Every key that the code names; where a part of it is computed, anything stands there."""
    begins = tuple(f"{name}." for name in AREAS)
    for file in NAS.rglob("*.py"):
        tree = ast.parse(file.read_text())
        inside = {id(part) for node in ast.walk(tree) for part in _parts(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                pattern = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z0-9.-]+"
                    for part in node.values
                )
                first = node.values[0] if node.values else None
                named = str(first.value) if isinstance(first, ast.Constant) else ""
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in inside:
                    continue
                named, pattern = node.value, re.escape(node.value)
            else:
                continue
            key = named.startswith(begins) and re.fullmatch(r"[a-z0-9.-]+", named)
            if key and not FILE_NAME.fullmatch(named):
                yield re.compile(pattern)


def _parts(node: ast.AST) -> list[ast.expr]:
    return list(node.values) if isinstance(node, ast.JoinedStr) else []


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_message_is_there_in_every_language_with_the_same_placeholders(key: str) -> None:
    message = CATALOGUE[key]
    assert set(message) == set(LANGUAGES)
    assert all(part.strip() == part != "" for part in message.values())
    assert placeholders(message["en"]) == placeholders(message["zh"])
    assert "" not in placeholders(message["en"]), "placeholders have names"


@pytest.mark.parametrize("name", AREAS)
def test_the_keys_of_a_file_begin_with_its_name(name: str) -> None:
    assert all(re.fullmatch(rf"{name}(\.[a-z0-9-]+)+", key) for key in area(name))


@pytest.mark.parametrize("key", CATALOGUE)
def test_a_message_in_chinese_is_not_the_english_one(key: str) -> None:
    words = re.sub(r"\{\w+\}", "", CATALOGUE[key]["en"])
    if re.search(r"[a-z]{3,} [a-z]{2,}", words):
        assert re.search(r"[\u4e00-\u9fff]", CATALOGUE[key]["zh"])


def test_every_message_that_the_code_names_is_in_the_catalogue() -> None:
    unknown = [
        pattern.pattern
        for pattern in named_keys()
        if not any(pattern.fullmatch(key) for key in CATALOGUE)
    ]
    assert unknown == []


def test_every_message_of_the_catalogue_is_named_in_the_code() -> None:
    patterns = list(named_keys())
    unused = [key for key in CATALOGUE if not any(p.fullmatch(key) for p in patterns)]
    assert unused == []


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(
    environment: dict[str, str], expected: str
) -> None:
    assert language(None, environment) == expected


def test_a_language_that_is_asked_for_goes_before_the_environment() -> None:
    assert language("en", {"LC_ALL": "zh_CN.UTF-8"}) == "en"
    assert language("zh", {"LC_ALL": "C"}) == "zh"


def test_a_message_that_is_not_there_is_an_error_of_the_program() -> None:
    with pytest.raises(KeyError):
        text("cli.no-such-message", "en")
    with pytest.raises(KeyError):
        text("nowhere.at-all", "en")
