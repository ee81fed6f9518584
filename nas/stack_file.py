"""The config of a stack, read outside of Pulumi: the file `Pulumi.<stack>.yaml` and its secrets.

Secrets are decrypted by the `pulumi` program, where there is one that can; a value that stays
encrypted is left out and named, for the caller to go on without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from nas.errors import NAMESPACE, Problem, RefusedError
from nas.pulumi_program import PulumiError, ask_pulumi


@dataclass(frozen=True)
class StackConfig:
    """The config of one stack.

    Attributes:
        stack: name of the stack, without organization and project.
        file: where it is written.
        config: what `nas.settings_reader.load_settings` takes: key without namespace -> text.
        unavailable: keys whose values are encrypted and not in `config`, each with the reason.
    """

    stack: str
    file: Path
    config: Mapping[str, str]
    unavailable: Mapping[str, str]


def project_root(start: Path | None = None) -> Path:
    """The directory with this project's Pulumi.yaml: `start` or one above it, else the checkout."""
    start = Path.cwd() if start is None else start
    for directory in (start, *start.parents):
        if _project_name(directory) == NAMESPACE:
            return directory
    return Path(__file__).parents[1]


def _project_name(directory: Path) -> object:
    file = directory / "Pulumi.yaml"
    return _mapping(file).get("name") if file.is_file() else None


def stack_file(root: Path, stack: str) -> Path:
    """Where the config of a stack lies, whether or not it is there. `stack` may be qualified."""
    directory = _mapping(root / "Pulumi.yaml").get("stackConfigDir") or "."
    return root / str(directory) / f"Pulumi.{bare_name(stack)}.yaml"


def stack_names(root: Path) -> list[str]:
    """Stacks that have a config file, whether or not Pulumi knows them; the example is none."""
    files = stack_file(root, "*").parent.glob("Pulumi.*.yaml")
    names = {file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files}
    return sorted(names - {"example"})


def bare_name(stack: str) -> str:
    """`nas88` of `nas88`, `organization/nas88` and `organization/nas-k3s/nas88`."""
    return stack.rpartition("/")[2]


def read_stack(stack: str, root: Path | None = None) -> StackConfig:
    """Reads the config of a stack, with the defaults of Pulumi.yaml below it.

    Raises:
        RefusedError: when there is no such file or it cannot be read.
    """
    root = project_root() if root is None else root
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", bare_name(stack)):
        raise _refused(stack, "is no name of a stack", "write letters, digits, '-', '_' and '.'")
    file = stack_file(root, stack)
    if not file.is_file():
        others = stack_names(root)
        known = f"name one of {', '.join(others)}" if others else "there is none yet"
        raise _refused(
            stack,
            f"has no file {file.name} in {file.parent}",
            f"{known}, or make it: python -m nas init {bare_name(stack)} --host ADDRESS",
        )
    written = {
        key.removeprefix(f"{NAMESPACE}:"): value
        for key, value in _section(stack, file).items()
        if key.startswith(f"{NAMESPACE}:")
    }
    encrypted = {key for key, value in written.items() if _is_encrypted(value)}
    plain = {key: _text(value) for key, value in written.items() if key not in encrypted}
    secrets, why = _decrypted(stack, root) if encrypted else ({}, "")
    found = {key: secrets[key] for key in encrypted if key in secrets}
    missing = {key: why or "pulumi does not know it" for key in encrypted if key not in secrets}
    if "proxy" in missing:
        # Its credentials alone would be refused.
        for key in ("proxyUser", "proxyPassword"):
            if plain.pop(key, None) or found.pop(key, None):
                missing[key] = "the proxy that it belongs to is encrypted"
    return StackConfig(
        stack=bare_name(stack),
        file=file,
        config={**_defaults(root), **plain, **found},
        unavailable=missing,
    )


def _refused(stack: str, why: str, fix: str) -> RefusedError:
    return RefusedError([Problem("stack", stack, why, fix, is_setting=False)])


def _mapping(file: Path) -> Mapping[str, object]:
    # Every scalar as the text that stands there, which is what Pulumi hands to a program.
    content = yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)
    return content if isinstance(content, dict) else {}


def _section(stack: str, file: Path) -> Mapping[str, object]:
    try:
        section = _mapping(file).get("config") or {}
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(stack, f"cannot be read from {file}: {error}", "make it readable") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" in line {mark.line + 1}"
        # Not the error's own text: it quotes the file.
        raise _refused(stack, f"has a file that is no YAML: {file}{line}", "correct it") from None
    if not isinstance(section, dict):
        raise _refused(stack, f"has no map below `config` in {file}", "write `config:` and keys")
    return section


def _defaults(root: Path) -> dict[str, str]:
    schema = _mapping(root / "Pulumi.yaml").get("config")
    entries = schema.items() if isinstance(schema, dict) else ()
    return {
        key: _text(entry["default"])
        for key, entry in entries
        if isinstance(entry, dict) and "default" in entry
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_encrypted(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))


def _decrypted(stack: str, root: Path) -> tuple[dict[str, str], str]:
    """Key without namespace -> plain text of all values, or nothing and the reason."""
    try:
        answer = ask_pulumi(root, "config", "--json", "--show-secrets", "--stack", stack)
        entries = json.loads(answer)
        return {
            key.removeprefix(f"{NAMESPACE}:"): str(entry["value"])
            for key, entry in entries.items()
            if key.startswith(f"{NAMESPACE}:") and "value" in entry
        }, ""
    except PulumiError as error:
        return {}, f"it is encrypted, and {error}"
    except (ValueError, TypeError, AttributeError):
        return {}, "it is encrypted, and pulumi's answer could not be read"
