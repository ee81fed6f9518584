"""One cluster's entries in a kubeconfig of the user's own, which holds others too.

Pure: text in, text out. Everything that is not ours keeps its content, its order and its comments.
Ours are marked by an extension, as minikube marks its own; kubectl keeps extensions.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
"""Section -> the member of an entry that holds its content."""

EXTENSION = "nas-k3s"
"""Name of the extension that marks our entries."""


class NoKubeconfigError(ValueError):
    """The text is no kubeconfig that can be changed; the message never holds its content."""


class ForeignEntryError(ValueError):
    """There is an entry with our name that is not ours; the message says in which section."""


@dataclass(frozen=True)
class Found:
    """What a file holds under our name.

    Attributes:
        is_there: whether all three entries are.
        client_certificate: the certificate in it, as the file has it, or empty.
    """

    is_there: bool
    client_certificate: str


def look(text: str, name: str, stack: str) -> Found:
    """What is there under the name.

    Raises:
        NoKubeconfigError: for what cannot be read.
        ForeignEntryError: for an entry of that name which is not this stack's.
    """
    config = _load(text)
    ours = {section: _ours(config, section, name, stack) for section in SECTIONS}
    user = ours["users"]
    certificate = "" if user is None else user["user"].get("client-certificate-data", "")
    return Found(None not in ours.values(), str(certificate))


def merge(text: str, kubeconfig: str, stack: str, *, current: bool) -> str:
    """The file's text with the entries of `kubeconfig`, which has one cluster, user and context.

    Without any context in the file, or with `current`, ours becomes the current one; else the
    current context stays.

    Raises:
        NoKubeconfigError, ForeignEntryError: as `look`.
    """
    config = _load(text)
    added = _reader().load(kubeconfig)
    name: str = added["contexts"][0]["name"]
    becomes_current = current or not config.get("contexts")
    for section, kind in SECTIONS.items():
        entry = _marked(added[section][0], kind, stack)
        old = _ours(config, section, name, stack)
        if old is not None:
            if _plain(old) != _plain(entry):
                config[section][config[section].index(old)] = entry
            continue
        if not config.get(section):
            config[section] = CommentedSeq()
        # In front: a comment behind the last entry belongs to what follows.
        config[section].insert(0, entry)
    if becomes_current:
        config["current-context"] = name
    return _checked(text, config, name)


def remove(text: str, name: str, stack: str) -> str | None:
    """The file's text without our entries; None when nothing of anybody's is left.

    A current context that was ours is then empty.

    Raises:
        NoKubeconfigError: for what cannot be read.
    """
    config = _load(text)
    for section in SECTIONS:
        try:
            entry = _ours(config, section, name, stack)
        except ForeignEntryError:
            continue
        if entry is None:
            continue
        if section == "contexts" and config.get("current-context") == name:
            config["current-context"] = ""
        config[section].remove(entry)
    if not any(config.get(section) for section in SECTIONS) and "#" not in text:
        return None
    return _checked(text, config, name)


def _marked(entry: dict[str, Any], kind: str, stack: str) -> CommentedMap:
    extension = {"name": EXTENSION, "extension": {"stack": stack}}
    content = CommentedMap({**entry[kind], "extensions": [extension]})
    return CommentedMap({"name": entry["name"], kind: content})


def _ours(config: CommentedMap, section: str, name: str, stack: str) -> CommentedMap | None:
    found = [entry for entry in _entries(config, section) if entry.get("name") == name]
    for entry in found:
        content = entry.get(SECTIONS[section])
        marks = content.get("extensions") if isinstance(content, dict) else None
        mark = {"name": EXTENSION, "extension": {"stack": stack}}
        if len(found) > 1 or not isinstance(marks, list) or mark not in _plain(marks):
            raise ForeignEntryError(section)
    return found[0] if found else None


def _entries(config: CommentedMap, section: str) -> Iterator[CommentedMap]:
    yield from config.get(section) or ()


def _load(text: str) -> CommentedMap:
    try:
        config = _editor(text).load(text)
    # Besides its own errors ruamel passes on those of values and of too deep nesting.
    except (YAMLError, ValueError, RecursionError):
        raise NoKubeconfigError("is no YAML") from None
    if config is None:
        config = CommentedMap({"apiVersion": "v1", "kind": "Config"})
    if not isinstance(config, CommentedMap):
        raise NoKubeconfigError("is no kubeconfig: it is not made of members")
    for section in SECTIONS:
        entries = config.get(section)
        if entries is None:
            continue
        if not isinstance(entries, CommentedSeq) or not all(
            isinstance(entry, CommentedMap) for entry in entries
        ):
            raise NoKubeconfigError(f"is no kubeconfig: its {section} are no list of entries")
    return config


def _checked(before: str, config: CommentedMap, name: str) -> str:
    """The text of `config`, proven to say the same as before about everything that is not ours."""
    out = io.StringIO()
    _editor(before).dump(config, out)
    after = out.getvalue()
    if not before.strip() or _reader().load(before) is None:
        after = before + after
    if _others(before, name) != _others(after, name):
        raise NoKubeconfigError("cannot be changed without changing other entries in it")
    return after


def _others(text: str, name: str) -> dict[str, Any]:
    config: dict[str, Any] = _reader().load(text) or {"apiVersion": "v1", "kind": "Config"}
    kept = {
        section: [entry for entry in config.get(section) or () if entry.get("name") != name]
        for section in SECTIONS
    }
    return {**config, **kept, "current-context": None}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _editor(text: str) -> YAML:
    """A reader and writer that keeps comments, quotes and the indentation of lists."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 30
    if re.search(r"^(?:clusters|users|contexts): *\n(?: *#.*\n)*  +- ", text, re.MULTILINE):
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _reader() -> YAML:
    return YAML(typ="safe", pure=True)
