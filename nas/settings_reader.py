"""The stack's config, read and checked before anything runs.

`load_settings` takes the raw config of one stack (strings, as Pulumi hands them to a program) and
returns a `Settings` or raises `RefusedError` with every problem at once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nas import registries
from nas.errors import NAMESPACE, NOT_SHOWN, Problem, RefusedError, config_path, set_command
from nas.proxy import BadValueError, may_hold_credentials
from nas.settings import EXAMPLES, REFUSED_KEYS, SECRET_KEYS, Settings, describe
from nas.settings_checks import cross_checks


def _is_text(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_text(member) for member in get_args(annotation))
    return annotation is str or get_origin(annotation) is Literal


def kind_of(key: str) -> Literal["text", "number", "true or false", "list", "object"]:
    """How a setting is written."""
    annotation = _FIELDS[key].annotation
    if _is_text(annotation):
        return "text"
    if get_origin(annotation) is list:
        return "list"
    return "true or false" if annotation is bool else "number" if annotation is int else "object"


def _parse(key: str, text: str) -> object:
    """A config value as its field expects it.

    Pulumi hands lists and objects of the stack's file over as JSON, and numbers and booleans as
    their text. What `pulumi config set` wrote is a text: JSON, YAML or, for lists, `a,b`.
    """
    kind = kind_of(key)
    if kind == "text":
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        value = text
    if kind == "list" and not isinstance(value, (list, dict)):
        return _list(key, text)
    return _yaml(text) if kind == "object" and isinstance(value, str) else value


def _list(key: str, text: str) -> object:
    if text.lstrip().startswith(("[", "{")) and not re.match(r"\s*\[[0-9A-Fa-f.]*:", text):
        return _yaml(text)
    if "@" in text and may_hold_credentials(text) and key != "serverArgs":
        return [text]  # is refused, and no piece of a password may become an item of its own
    if key == "kubeletArgs":
        return [text]  # a comma may be a part of it, as in system-reserved=cpu=1,memory=1Gi
    # A comma may be a part of an argument, as in --kube-proxy-arg=a=b,c=d.
    comma = r",\s*(?=-)" if key == "serverArgs" else ","
    return [item for item in map(str.strip, re.split(comma, text)) if item]


def _yaml(text: str) -> object:
    try:
        return yaml.load(text, yaml.BaseLoader)  # makes texts, lists, maps only
    except yaml.YAMLError:
        return text


_FIELDS = {
    field.alias or name: field for name, field in Settings.model_fields.items() if name != "stack"
}
KEYS = tuple(_FIELDS)
"""Every config key, in the order of the documentation."""


def _unknown(key: str) -> Problem:
    known = [name for name in KEYS if name not in REFUSED_KEYS]
    near = get_close_matches(key, known, n=1)
    fix = f"write {NAMESPACE}:{near[0]}" if near else f"known keys: {', '.join(known)}"
    return Problem(key, "(given)", "is no setting of this program", fix)


def _advice(error: ErrorDetails, key: str) -> tuple[str, str]:
    context = error.get("ctx", {})
    match error["type"]:
        case "less_than_equal":
            return "is too large", f"write at most {context['le']}"
        case "greater_than_equal":
            return "is too small", f"write at least {context['ge']}"
        case "literal_error":
            return "is not one of the choices", f"write {context['expected']}"
        case "extra_forbidden":
            # The only setting with members is registries.
            *place, name = error["loc"]
            known = registries.members(place[1:])
            near = get_close_matches(str(name), known, n=1)
            return "is not known here", f"write {near[0] if near else ' or '.join(known)}"
        case "int_type" | "int_parsing" | "int_from_float":
            default = _FIELDS[key].get_default(call_default_factory=True, validated_data={})
            return "is no whole number", f"write e.g. {default}"
        case "bool_type" | "bool_parsing":
            return "is neither true nor false", "write true or false"
        case "list_type" if len(error["loc"]) == 1:
            return "is no list", f"{set_command(key, 'A,B')}, or a YAML list in the stack's file"
        case "string_type":
            return "is no text", "write it in quotes"
        case "model_type" | "dict_type" | "list_type":
            return "does not fit here", f"write what {EXAMPLES} shows"
        case _:
            return f"does not fit ({error['msg']})", f"write what {EXAMPLES} shows"


def _problem(error: ErrorDetails, raw: Mapping[str, object], config: Mapping[str, str]) -> Problem:
    path = [str(part) for part in error["loc"]]
    key = path[0] if path else "stack"
    value: object = raw.get(key)
    for part in path[1:]:
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
    shown = None if value in (None, "") else describe(value, key)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, BadValueError):
        why, fix = cause.why, cause.fix
        shown = NOT_SHOWN if cause.hide and key not in SECRET_KEYS else shown
    else:
        why, fix = _advice(error, key)
    spelt = config_path(error["loc"]) or key
    if key in config and not _is_json(config[key]):
        spelt = key if kind_of(key) == "list" else spelt
    return Problem(spelt, shown, why, fix, is_setting=key != "stack")


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("[", "{"))


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def load_settings(stack: str, config: Mapping[str, str]) -> Settings:
    """Reads the config of one stack.

    Args:
        stack: name of the Pulumi stack; the default of node and cluster names.
        config: key without namespace -> text, as Pulumi hands it to a program: plain strings, and
            JSON for what is a list or an object in the stack's file.

    Raises:
        RefusedError: with all problems found.
    """
    problems = [_unknown(key) for key in config if key not in _FIELDS]
    raw: dict[str, object] = {
        key: _parse(key, text) for key, text in config.items() if key in _FIELDS and text != ""
    }
    nul = [key for key, value in raw.items() if _holds_nul(value)]
    if nul:
        # No path, no argument and no variable of the environment can hold one.
        why, fix = "holds a NUL character", "write it without"
        raise RefusedError([*problems, *(Problem(key, NOT_SHOWN, why, fix) for key in nul)])
    try:
        settings = Settings.model_validate({**raw, "stack": stack})
    except ValidationError as error:
        given = {**raw, "stack": stack}
        problems += [_problem(item, given, config) for item in error.errors(include_url=False)]
        raise RefusedError(problems) from None
    problems += cross_checks(settings)
    if problems:
        raise RefusedError(problems)
    return settings
