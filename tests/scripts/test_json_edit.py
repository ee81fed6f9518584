"""json.awk against Python's parser, under each awk that a NAS may have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.scripts.awks import NAMES, Result, edit

KEY = "proxies"
VALUE = '{"http-proxy": "http://u:p%40@h:1", "no-proxy": "a,\\\\b&c"}'
BOM = "\ufeff"

Pairs = list[tuple[str, object]]


# ---- what Python says


def parse(text: str) -> Pairs | None:
    """The members of the outermost object in order, None for what is no JSON object.

    Beyond Python: a file of white space counts as an empty object, as it does for dockerd, a byte
    order mark is skipped, and a second `proxies` at the top is refused, since no edit can be right.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)  # NaN and Infinity, which only Python takes

    content = text.removeprefix(BOM)
    if not content.strip(" \t\r\n"):
        return []
    try:
        top = json.loads(content, object_pairs_hook=Members, parse_constant=refuse)
    except ValueError:
        return None
    if not isinstance(top, Members) or [name for name, _ in top].count(KEY) > 1:
        return None
    return list(top)


class Members(list[tuple[str, object]]):
    """An object with all its members, duplicates too; no array is one."""


def with_member(members: Pairs, value: str) -> Pairs:
    new = (KEY, json.loads(value, object_pairs_hook=Members))
    if KEY in dict(members):
        return [new if name == KEY else (name, old) for name, old in members]
    return [*members, new]


# ---- documents

space = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", "\n    ", "  \n"])
plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6)
string = st.one_of(
    plain.map(json.dumps),
    plain.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from(['"a\\/b"', '"\\u0041\\\\"', '"\\ud800"', '"//"', '"#"', '"{\\"a\\": [}"']),
)
name = st.one_of(
    st.sampled_from([f'"{KEY}"', '"pro\\u0078ies"', '"prox\\u0069es "', '"debug"', '"dns"']),
    string,
)
scalar = st.sampled_from(["null", "true", "false", "0", "-0", "7", "-1.5", "1e3", "2E-2", "0.10"])


def joined(items: list[str], opening: str, closing: str) -> str:
    return opening + ",".join(items) + closing


def array(child: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    item = st.tuples(space, child, space).map("".join)
    return st.lists(item, max_size=3).map(lambda items: joined(items, "[", "]"))


def mapping(child: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    member = st.tuples(space, name, space, st.just(":"), space, child, space).map("".join)
    return st.lists(member, max_size=4).map(lambda items: joined(items, "{", "}"))


value = st.recursive(scalar | string, lambda child: array(child) | mapping(child), max_leaves=6)
document = st.tuples(st.sampled_from(["", "", "", BOM]), space, mapping(value), space).map("".join)
# No NUL: lib.sh has replaced those by \x01 before.
PIECES = ['"', "\\", "{", "}", "[", "]", ",", ":", "//", "/*", "#", "\x01", "\n", "e", "-"]
PIECES += ["NaN", "Infinity", "0", "01", "1.", "+1", ".5", "'", "\\u12", "\\x", "tru", BOM]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A document with a piece taken away or put in; now and then it is still good."""
    text = draw(document)
    start = draw(st.integers(0, len(text)))
    stop = min(len(text), start + draw(st.integers(0, 3)))
    return text[:start] + draw(st.sampled_from(["", *PIECES])) + text[stop:]


def documents(one: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Many at once: one shell then runs an awk on each of them."""
    return st.lists(one, min_size=30, max_size=60)


@pytest.fixture(params=NAMES)
def awk(request: pytest.FixtureRequest) -> str:
    """Name of one awk."""
    found: str = request.param
    return found


# Times 30 to 60 documents, under each awk.
SOME, FEW = 32, 10


def fuzz(examples: int) -> hypothesis_settings:
    # The fixtures of a test are a name and a factory of directories: nothing that wears out.
    unneeded = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return hypothesis_settings(max_examples=examples, suppress_health_check=unneeded)


def edited(operation: str, texts: list[str], folder: Path, value: str = "") -> list[Result]:
    """What busybox awk gives for each document, once the other awks have given the same."""
    first, *others = (edit(name, operation, texts, folder / name, value) for name in NAMES)
    for name, results in zip(NAMES[1:], others, strict=True):
        for text, one, other in zip(texts, first, results, strict=True):
            assert other == one, (name, text)
    return first


@fuzz(SOME)
@given(documents(document), st.sampled_from([VALUE, "null", '"\\\\"', "{}"]))
def test_a_member_is_set_and_removed_again_and_every_other_byte_stays(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], new: str
) -> None:
    good = [text for text in texts if parse(text) is not None]
    results = edited("set", good, tmp_path_factory.mktemp("set"), new)
    after = [result.out.decode() for result in results]
    for text, result, now in zip(good, results, after, strict=True):
        before = parse(text)
        assert before is not None
        assert result.status == 0
        assert parse(now) == with_member(before, new)
        if KEY in dict(before):
            # In its place: what stands before and behind the value is untouched.
            old = len(text) - (len(now) - len(new))
            assert any(
                text[:at] + new + text[at + old :] == now for at in range(len(text) - old + 1)
            )
    fresh = [
        (text, now)
        for text, now in zip(good, after, strict=True)
        if KEY not in dict(parse(text) or []) and text.strip(f" \t\r\n{BOM}")
    ]
    back = edited("remove", [now for _, now in fresh], tmp_path_factory.mktemp("remove"))
    assert back == [Result(0, text.encode()) for text, _ in fresh]


@fuzz(SOME)
@given(documents(damaged() | document))
def test_a_document_is_refused_exactly_when_it_is_none(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    results = edited("keys", texts, tmp_path_factory.mktemp("keys"))
    for text, result in zip(texts, results, strict=True):
        members = parse(text)
        assert (result.status == 0) == (members is not None), (text, result)
        if members is None:
            assert result.status == 2
            assert result.out.startswith(b"line "), result


@fuzz(FEW)
@given(documents(damaged()), st.integers(1, 3))
def test_lines_before_a_fault_count(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], lines: int
) -> None:
    bad = [text for text in texts if parse(text) is None and not text.startswith(BOM)]
    told = edited("keys", bad, tmp_path_factory.mktemp("as-they-are"))
    lower = ["\n" * lines + text for text in bad]
    told_lower = edited("keys", lower, tmp_path_factory.mktemp("lower"))
    for result, result_lower in zip(told, told_lower, strict=True):
        line, _, rest = result.out.removeprefix(b"line ").partition(b":")
        assert result_lower.out == b"line %d:%s" % (int(line) + lines, rest)


@fuzz(FEW)
@given(documents(document))
def test_a_member_that_is_there_is_read_and_removed(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    good = [text for text in texts if parse(text) is not None]
    read = edited("get", good, tmp_path_factory.mktemp("get"))
    left = edited("remove", good, tmp_path_factory.mktemp("remove"))
    for text, got, rest in zip(good, read, left, strict=True):
        members = parse(text)
        assert members is not None
        if KEY in dict(members):
            assert (got.status, rest.status) == (0, 0)
            content = json.loads(got.out, object_pairs_hook=Members)
            assert content == dict(members)[KEY]
            assert parse(rest.out.decode()) == [one for one in members if one[0] != KEY]
        else:
            assert (got.status, got.out) == (3, b"")
            assert rest == Result(3, text.encode())


# ---- by hand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{"proxies": 1}'),
        ("{ }\n", '{"proxies": 1 }\n'),
        ("", '{"proxies": 1}'),
        (" \n", ' \n{"proxies": 1}'),
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "proxies": 1\n}\n'),
        ('{\r\n\t"a": 1\r\n}', '{\r\n\t"a": 1,\r\n\t"proxies": 1\r\n}'),
        ('{"a": 1}', '{"a": 1,"proxies": 1}'),
        ('{"a":1, "b":2}', '{"a":1, "b":2, "proxies": 1}'),
        ('{"proxies" : {"x": "}"} , "b": 2}', '{"proxies" : 1 , "b": 2}'),
        ('{"a": {"proxies": 5}}', '{"a": {"proxies": 5},"proxies": 1}'),
        ('{"pro\\u0078ies": 5}', '{"pro\\u0078ies": 1}'),
        (BOM + '{"a": "ü"}', BOM + '{"a": "ü","proxies": 1}'),
    ],
)
def test_a_new_member_looks_like_its_neighbours(
    awk: str, tmp_path: Path, text: str, expected: str
) -> None:
    assert edit(awk, "set", [text], tmp_path, "1") == [Result(0, expected.encode())]


FAULTS = [
    ('{\n  "a": 1, // note\n  "b": 2\n}\n', "line 2: a comment"),
    ("/* old */ {}", "line 1: a comment"),
    ('{\n\n# note\n"a": 1}', "line 3: a comment"),
    ('{\n"a": 1,\n}\n', "line 3: expected '\"', found '}'"),
    ('{"a": 1', "line 1: expected ',', found the end of the file"),
    ('{"a": 1}\n\n}', "line 3: something behind the closing '}'"),
    ('{"proxies": 1,\n"pro\\u0078ies": 2}', 'line 2: a second "proxies"'),
    ('{"a": "x\ny"}', "line 1: a control character"),
    ('\n["a"]', "line 2: expected an object, found '['"),
    ('{"a":\n"\\x"}', "line 2: an unknown escape"),
    ('{"a": "\\u12"}', "line 1: a damaged \\u escape"),
    ('{"a":\n "b', "line 2: a string that does not end"),
    ('{"a": NaN}', "line 1: expected a value, found 'N'"),
    ('{"a": 01}', "line 1: expected ',', found '1'"),
    ('{"a"\n\n1}', "line 3: expected ':', found '1'"),
]


@pytest.mark.parametrize("operation", ["keys", "set", "remove", "get"])
def test_a_fault_is_told_with_its_line(awk: str, tmp_path: Path, operation: str) -> None:
    results = edit(awk, operation, [text for text, _ in FAULTS], tmp_path, "1")
    assert [result.status for result in results] == [2] * len(FAULTS)
    told = [result.out.decode() for result in results]
    assert [line[: len(message)] for line, (_, message) in zip(told, FAULTS, strict=True)] == [
        message for _, message in FAULTS
    ]
    assert all(line.count("\n") == 1 for line in told)


def test_names_of_the_top_are_listed_and_no_others(awk: str, tmp_path: Path) -> None:
    text = '{"a": {"x": 1}, "pro\\u0078ies": 2, "a\\nb": 3, "ü": 4}'
    (result,) = edit(awk, "keys", [text], tmp_path)
    assert result == Result(0, "a\nproxies\na\\nb\nü\n".encode())


def test_a_large_file_is_edited_in_reasonable_time(awk: str, tmp_path: Path) -> None:
    members = {f"key{number}": ["x" * 50, {"n": number}] for number in range(300)}
    text = json.dumps(members, indent=2)
    (result,) = edit(awk, "set", [text], tmp_path, VALUE)
    assert json.loads(result.out) == {**members, KEY: json.loads(VALUE)}
