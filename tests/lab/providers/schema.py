"""Resources described as tables, and what follows from a table: checks, plans, differences.

The official docker provider is a Terraform provider behind a bridge, so a change is a difference
between the new inputs and the last state that was READ, property by property, by these rules:

- an input that is not given keeps the state's value when the property is `computed`, else it is
  wanted empty: what Docker added by itself is then a difference at every run;
- empty values (null, "", 0, false, no elements) are all the same;
- sets have no order; a value still unknown is a difference;
- a difference in a `force_new` property replaces the resource, in another one updates it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pulumi.provider.experimental.provider import (
    CheckFailure,
    DiffResponse,
    PropertyDiff,
    PropertyDiffKind,
)

from .plugin import UNKNOWN, Plain, has_unknown

Kind = Literal["string", "int", "bool", "list", "set", "map"]


@dataclass(frozen=True)
class Field:
    """One property. `block` holds the members of objects, alone (`single`) or in a list or set."""

    kind: Kind = "string"
    force_new: bool = False
    computed: bool = False
    required: bool = False
    output_only: bool = False
    default: Plain = None
    pattern: str | None = None
    block: Mapping[str, Field] | None = None
    single: bool = False
    # Official, but unknown to the stand-in: refused rather than ignored.
    missing: bool = False
    # Given the old and the new value: differences that do not count.
    ignore: Callable[[Plain, Plain], bool] | None = None


Table = Mapping[str, Field]
State = dict[str, Plain]


def check(table: Table, inputs: Mapping[str, Plain]) -> tuple[State, list[CheckFailure]]:
    """The inputs with defaults filled in, and what is wrong with them."""
    checked: State = {name: value for name, value in inputs.items() if value is not None}
    return _checked(table, checked, "")


def _checked(table: Table, inputs: State, path: str) -> tuple[State, list[CheckFailure]]:
    failures: list[CheckFailure] = []
    for name in inputs:
        field = table.get(name)
        if field is None or field.output_only:
            failures.append(CheckFailure(path + name, f"An unexpected property: {path}{name}"))
        elif field.missing:
            text = f"the lab's stand-in for the provider `docker` does not know {path}{name}"
            failures.append(CheckFailure(path + name, text))
    for name, field in table.items():
        if name not in inputs:
            if field.required:
                failures.append(
                    CheckFailure(path + name, f"Missing required property '{path}{name}'")
                )
            # As in the official provider, defaults that are empty values are no inputs.
            if field.default:
                inputs[name] = field.default
        elif not has_unknown(inputs[name]):
            failures += _value_failures(field, inputs, name, path)
    return inputs, failures


def _value_failures(field: Field, inputs: State, name: str, path: str) -> list[CheckFailure]:
    value, where = inputs[name], path + name
    if field.block is not None:
        failures: list[CheckFailure] = []
        if field.single:
            inputs[name], failures = _checked(field.block, dict(value), f"{where}.")
            return failures
        inputs[name] = []
        for index, member in enumerate(value):
            whole, wrong = _checked(field.block, dict(member), f"{where}[{index}].")
            inputs[name].append(whole)
            failures += wrong
        return failures
    if field.pattern and not re.search(field.pattern, str(value)):
        text = f"'{value}' doesn't match the pattern '{field.pattern}'"
        return [CheckFailure(where, text)]
    return []


def plan(table: Table, inputs: Mapping[str, Plain], state: Mapping[str, Plain] | None) -> State:
    """The state that is wanted: the inputs, plus what stays as it is.

    With no `state` (a creation) the computed rest is unknown. Every property that has a default is
    there.
    """
    planned: State = {}
    for name, field in table.items():
        if inputs.get(name) is not None:
            planned[name] = _with_old_members(field, inputs[name], (state or {}).get(name))
        elif field.computed or field.output_only:
            value = UNKNOWN if state is None else state.get(name)
            if value is not None:
                planned[name] = value
        elif field.default is not None:
            planned[name] = field.default
    return planned


def _with_old_members(field: Field, value: Plain, old: Plain) -> Plain:
    """Computed members of listed objects keep their old value when none is given."""
    if field.kind != "list" or field.block is None or has_unknown(value):
        return value
    kept = [name for name, member in field.block.items() if member.computed]
    merged = []
    for index, item in enumerate(value):
        before = old[index] if isinstance(old, list) and index < len(old) else {}
        merged.append(
            item | {name: before[name] for name in kept if name not in item and name in before}
        )
    return merged


def diff(
    table: Table,
    inputs: Mapping[str, Plain],
    state: Mapping[str, Plain],
    *,
    ignore_changes: Iterable[str] = (),
    delete_first: bool = False,
) -> DiffResponse:
    """How the wanted state differs from the last one read. Paths are those of whole properties."""
    wanted = plan(table, inputs, state)
    ignored = {re.split(r"[.\[]", path)[0] for path in ignore_changes}
    details: dict[str, PropertyDiff] = {}
    for name, field in table.items():
        if name in ignored:
            continue
        old, new = state.get(name), wanted.get(name)
        if new is None and _never_read(field) and name not in state:
            new = UNKNOWN
        elif field.output_only:
            continue
        if same(field, old, new):
            continue
        details[name] = PropertyDiff(_kind(field, old, new), False)
    replaces = [name for name in details if table[name].force_new]
    return DiffResponse(
        changes=bool(details),
        replaces=replaces,
        diffs=list(details),
        detailed_diff=details,
        delete_before_replace=bool(replaces) and delete_first,
        stables=[name for name, field in table.items() if field.force_new and name not in replaces],
    )


def _never_read(field: Field) -> bool:
    """Lists that Docker fills: absent from the state of what was made but failed before its read.

    The official provider wants them anew, which replaces a container that could not be started.
    """
    return field.kind == "list" and field.block is None and (field.computed or field.output_only)


def changed(table: Table, names: Iterable[str], old: State, new: State) -> bool:
    """Whether any of the named properties differs between two states."""
    return any(not same(table[name], old.get(name), new.get(name)) for name in names)


def same(field: Field, old: Plain, new: Plain) -> bool:
    """Whether two values of a property are the same by the rules above."""
    if has_unknown(new):
        return False
    if field.ignore is not None and field.ignore(old, new):
        return True
    return bool(_normal(field, old) == _normal(field, new))


def _kind(field: Field, old: Plain, new: Plain) -> PropertyDiffKind:
    replaces = field.force_new
    if not has_unknown(old) and _normal(field, old) is None:
        return PropertyDiffKind.ADD_REPLACE if replaces else PropertyDiffKind.ADD
    if not has_unknown(new) and _normal(field, new) is None:
        return PropertyDiffKind.DELETE_REPLACE if replaces else PropertyDiffKind.DELETE
    return PropertyDiffKind.UPDATE_REPLACE if replaces else PropertyDiffKind.UPDATE


def _normal(field: Field, value: Plain) -> Plain:
    """A form in which equal values are equal in Python; None for every empty one."""
    if value is None:
        return None
    if field.block is not None:
        if field.single:
            return _normal_block(field.block, value)
        blocks = [_normal_block(field.block, member) for member in value]
        if field.kind == "set":
            blocks = sorted(set(blocks), key=repr)
        return tuple(blocks) or None
    if field.kind == "map":
        return tuple(sorted((name, str(member)) for name, member in value.items())) or None
    if field.kind == "list":
        return tuple(str(member) for member in value) or None
    if field.kind == "set":
        return tuple(sorted({str(member) for member in value})) or None
    if field.kind == "int":
        return int(value) or None
    if field.kind == "bool":
        return (value is True or value == "true") or None
    return str(value) or None


def _normal_block(block: Table, value: Mapping[str, Plain]) -> Plain:
    members = []
    for name, field in block.items():
        given = value.get(name)
        normal = _normal(field, field.default if given is None else given)
        if normal is not None:
            members.append((name, normal))
    return tuple(members) or None
