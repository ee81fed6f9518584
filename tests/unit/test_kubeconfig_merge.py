"""Our entries in a kubeconfig of the user's: they come and go, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nas.kubeconfig import KubeconfigNames, rewrite
from nas.kubeconfig_merge import (
    SECTIONS,
    ForeignEntryError,
    Found,
    NoKubeconfigError,
    look,
    merge,
    remove,
)
from tests.unit.test_kubeconfig import CERTIFICATE, K3S

NAME = "k3s-nas88"
OURS = rewrite(K3S, KubeconfigNames(NAME, "https://192.168.31.88:6443"))
MOVED = rewrite(K3S, KubeconfigNames(NAME, "https://nas.lan:6443"))
OTHERS = """# my clusters
apiVersion: v1
kind: Config
clusters:
# the office
- cluster:
    server: https://work.example:6443  # behind the VPN
  name: work
# contexts
contexts:
- context:
    cluster: work
    user: 'work'
  name: work
current-context: work
preferences: {}
users:
- name: work
  user:
    token: "S3NTINEL"
"""
INDENTED = """clusters:
  - name: work
    cluster:
      server: https://work.example:6443
contexts:
  - name: work
    context: {cluster: work, user: work}
users:
  - name: work
    user: {token: abc}
"""
EMPTY = "apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ''\nusers: null\n"
JSON = json.dumps(yaml.safe_load(OTHERS))


def ours(text: str) -> dict[str, Any]:
    """Section -> the content of our entry, without its mark."""
    config = yaml.safe_load(text)
    found = {}
    for section, kind in SECTIONS.items():
        (entry,) = [one for one in config[section] if one["name"] == NAME]
        assert entry[kind].pop("extensions") == [
            {"name": "nas-k3s", "extension": {"stack": "nas88"}}
        ]
        found[section] = entry[kind]
    return found


def others(text: str) -> dict[str, Any]:
    """All but our entries and the current context; a section that is not there is an empty one."""
    config = yaml.safe_load(text) or {}
    kept = {
        section: [one for one in config.get(section) or [] if one["name"] != NAME]
        for section in SECTIONS
    }
    return {"apiVersion": "v1", "kind": "Config", **config, **kept, "current-context": None}


def current(text: str) -> str:
    return str((yaml.safe_load(text) or {}).get("current-context") or "")


# ---- into the file


@pytest.mark.parametrize("before", ["", EMPTY, OTHERS, INDENTED, JSON, "# only a comment\n"])
def test_our_entries_are_added_and_the_others_are_as_before(before: str) -> None:
    after = merge(before, OURS, "nas88", current=False)
    assert ours(after) == {
        section: yaml.safe_load(OURS)[section][0][kind] for section, kind in SECTIONS.items()
    }
    assert others(after) == others(before)
    assert look(after, NAME, "nas88") == Found(True, CERTIFICATE)


def test_every_line_of_the_others_stays_comments_too() -> None:
    after = iter(merge(OTHERS, OURS, "nas88", current=False).splitlines())
    assert [line for line in OTHERS.splitlines() if line not in after] == []


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        (OTHERS, False, "work"),
        (OTHERS, True, NAME),
        (INDENTED, False, ""),
        ("", False, NAME),
        (EMPTY, False, NAME),
    ],
)
def test_the_current_context_stays_unless_asked_or_without_any_context(
    before: str, asked: bool, after: str
) -> None:
    assert current(merge(before, OURS, "nas88", current=asked)) == after


@pytest.mark.parametrize("before", ["", OTHERS, JSON])
def test_a_second_merge_changes_no_byte_and_a_new_kubeconfig_replaces_the_old(before: str) -> None:
    once = merge(before, OURS, "nas88", current=False)
    assert merge(once, OURS, "nas88", current=False) == once
    moved = merge(once, MOVED, "nas88", current=False)
    assert ours(moved)["clusters"]["server"] == "https://nas.lan:6443"
    assert others(moved) == others(before)


# ---- what is not ours


@pytest.mark.parametrize("section", SECTIONS)
def test_an_entry_of_our_name_that_is_not_ours_is_never_touched(section: str) -> None:
    kind = SECTIONS[section]
    text = yaml.safe_dump({section: [{"name": NAME, kind: {"server": "https://x"}}]})
    for change in (
        lambda: look(text, NAME, "nas88"),
        lambda: merge(text, OURS, "nas88", current=True),
    ):
        with pytest.raises(ForeignEntryError, match=section):
            change()
    assert others(remove(text, NAME, "nas88") or "") == others(text)
    assert NAME in (remove(text, NAME, "nas88") or "")


def test_the_entries_of_another_stack_are_not_ours() -> None:
    with pytest.raises(ForeignEntryError):
        look(merge("", OURS, "another", current=False), NAME, "nas88")


def test_two_entries_of_our_name_are_not_ours() -> None:
    config = yaml.safe_load(merge("", OURS, "nas88", current=False))
    config["users"] *= 2
    with pytest.raises(ForeignEntryError, match="users"):
        look(yaml.safe_dump(config), NAME, "nas88")


@pytest.mark.parametrize("missing", SECTIONS)
def test_an_entry_that_somebody_removed_is_noticed_and_put_back(missing: str) -> None:
    text = merge(OTHERS, OURS, "nas88", current=False)
    config = yaml.safe_load(text)
    config[missing] = [one for one in config[missing] if one["name"] != NAME]
    holed = yaml.safe_dump(config)
    assert not look(holed, NAME, "nas88").is_there
    assert ours(merge(holed, OURS, "nas88", current=False)) == ours(text)


@pytest.mark.parametrize(
    "text",
    [
        "[S3NTINEL",
        "just S3NTINEL",
        "- S3NTINEL",
        "clusters: S3NTINEL",
        "users: [S3NTINEL]",
        "a: 1\n---\nb: S3NTINEL\n",
        "a: S3NTINEL\na: 2\n",
        "\tS3NTINEL: 1",
        "[" * 5000,
    ],
)
def test_what_is_no_kubeconfig_is_refused_without_showing_it(text: str) -> None:
    for change in (
        lambda: look(text, NAME, "nas88"),
        lambda: merge(text, OURS, "nas88", current=False),
        lambda: remove(text, NAME, "nas88"),
    ):
        with pytest.raises(NoKubeconfigError) as refused:
            change()
        assert "S3NTINEL" not in str(refused.value)


# ---- out of the file


@pytest.mark.parametrize("before", [OTHERS, INDENTED])
def test_after_merge_and_remove_the_file_is_byte_for_byte_what_it_was(before: str) -> None:
    assert remove(merge(before, OURS, "nas88", current=False), NAME, "nas88") == before


@pytest.mark.parametrize("before", ["", EMPTY])
def test_a_file_with_nothing_else_in_it_goes(before: str) -> None:
    assert remove(merge(before, OURS, "nas88", current=False), NAME, "nas88") is None


def test_a_current_context_that_was_ours_is_cleared_and_another_stays() -> None:
    asked = merge(OTHERS, OURS, "nas88", current=True)
    assert current(remove(asked, NAME, "nas88") or "") == ""
    unasked = merge(OTHERS, OURS, "nas88", current=False)
    assert current(remove(unasked, NAME, "nas88") or "") == "work"


def test_without_our_entries_nothing_is_removed() -> None:
    assert remove(OTHERS, NAME, "nas88") == OTHERS


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
names = st.one_of(st.sampled_from(["a", "on", "null", "0x1", "1e3", "k3s-other"]), texts)
values = st.recursive(
    st.one_of(texts, st.booleans(), st.integers(), st.none()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def kubeconfigs(draw: st.DrawFn) -> str:
    """Kubeconfigs of other clusters, as YAML in several styles or as JSON."""
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for section, kind in SECTIONS.items():
        entries = st.fixed_dictionaries(
            {"name": names.filter(lambda name: name != NAME), kind: values}
        )
        if draw(st.booleans()):
            config[section] = draw(st.none() | st.lists(entries, max_size=3))
    config |= draw(
        st.fixed_dictionaries({}, optional={"current-context": names, "preferences": values})
    )
    style = draw(st.sampled_from(["json", "block", "flow", "default"]))
    if style == "json":
        return json.dumps(config)
    flow = {"block": False, "flow": True, "default": None}[style]
    return str(yaml.safe_dump(config, default_flow_style=flow, allow_unicode=draw(st.booleans())))


@hypothesis_settings(max_examples=40)
@given(kubeconfigs(), st.booleans())
def test_whatever_else_a_kubeconfig_holds_is_the_same_with_and_after_ours(
    before: str, asked: bool
) -> None:
    merged = merge(before, OURS, "nas88", current=asked)
    assert others(merged) == others(before)
    assert ours(merged)["clusters"]["server"] == "https://192.168.31.88:6443"
    after = remove(merged, NAME, "nas88")
    if after is None:
        assert not any(others(before)[section] for section in SECTIONS)
    else:
        assert others(after) == others(before)
    had_none = not (yaml.safe_load(before).get("contexts"))
    if not asked and not had_none:
        assert current(after or "") == current(before)
