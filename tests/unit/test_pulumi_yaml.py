"""Pulumi.yaml and the stacks say what the program takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nas.errors import NAMESPACE
from nas.secrets import secrets_of
from nas.settings import REFUSED_KEYS, SECRET_KEYS, Settings
from nas.settings_reader import load_settings
from nas.values import secret_line

ROOT = Path(__file__).parents[2]
PROJECT = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
SCHEMA: dict[str, dict[str, Any]] = {
    key: entry for key, entry in PROJECT["config"].items() if not key.startswith("pulumi:")
}
FIELDS = {
    field.alias or name: field
    for name, field in Settings.model_fields.items()
    if name != "stack" and field.alias not in REFUSED_KEYS
}
STACKS = sorted((ROOT / PROJECT["stackConfigDir"]).glob("Pulumi.*.yaml"))


def pulumi_default(field: FieldInfo) -> object:
    """The default in Pulumi.yaml; an empty text where the program has none."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel):
        return default.model_dump(exclude_defaults=True)
    return "" if default is None else default


def handed(value: object) -> str:
    """A value as Pulumi hands it to a program."""
    return value if isinstance(value, str) else json.dumps(value)


def test_the_program_and_pulumi_yaml_know_the_same_keys() -> None:
    assert set(SCHEMA) == set(FIELDS)


@pytest.mark.parametrize("key", FIELDS)
def test_a_setting_has_its_default_and_description_in_pulumi_yaml(key: str) -> None:
    entry = SCHEMA[key]
    assert entry["default"] == pulumi_default(FIELDS[key])
    assert entry["description"].endswith(".")


@pytest.mark.parametrize("key", FIELDS)
def test_the_engine_judges_no_value_before_the_program_can(key: str) -> None:
    """With a type it would refuse in its own words, and lists with commas, and secret objects."""
    assert set(SCHEMA[key]) == {"default", "description"}


def test_what_is_checked_or_described_as_a_secret_is_one() -> None:
    lines = {
        field.alias or name
        for name, field in Settings.model_fields.items()
        if any(getattr(mark, "func", None) is secret_line for mark in _marks(field.annotation))
    }
    assert "token" in lines
    described = {key for key, entry in SCHEMA.items() if "--secret" in entry["description"]}
    assert (lines | described) - {"serverArgs", "proxy"} <= SECRET_KEYS


def _marks(annotation: object) -> Iterator[object]:
    """What is written beside a type, in any of its members."""
    yield from getattr(annotation, "__metadata__", ())
    for member in get_args(annotation):
        yield from _marks(member)


@pytest.mark.parametrize("key", sorted(SECRET_KEYS - REFUSED_KEYS))
def test_a_secret_is_masked_wherever_it_turns_up(key: str) -> None:
    login = '{"username": "u", "password": "S3NTINEL"}'
    given = {
        "proxyPassword": {"proxy": "http://10.0.0.1:1", "proxyUser": "u", key: "S3NTINEL"},
        "registries": {key: f'{{"configs": {{"r.lan": {{"auth": {login}}}}}}}'},
    }
    config = given.get(key, {key: "S3NTINEL"})
    found = secrets_of(load_settings("nas88", {"host": "10.0.0.2", **config}))
    assert "S3NTINEL" in found


@pytest.mark.parametrize("key", sorted(SECRET_KEYS - REFUSED_KEYS))
def test_the_description_of_a_secret_says_how_to_set_it(key: str) -> None:
    assert "--secret" in SCHEMA[key]["description"]


def test_the_defaults_of_pulumi_yaml_are_those_of_the_program() -> None:
    defaults = {key: handed(entry["default"]) for key, entry in SCHEMA.items()}
    with_defaults = load_settings("nas88", {**defaults, "host": "nas.lan"})
    assert with_defaults == load_settings("nas88", {"host": "nas.lan"})


def test_no_default_provider_may_reach_for_the_machine_that_runs_the_program() -> None:
    assert PROJECT["config"]["pulumi:disable-default-providers"]["value"] == ["*"]


def test_the_project_is_the_namespace_of_its_keys() -> None:
    assert PROJECT["name"] == NAMESPACE


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_a_stack_that_is_in_the_repository_gives_settings(path: Path) -> None:
    config = yaml.safe_load(path.read_text())["config"]
    ours = {
        key.removeprefix(f"{NAMESPACE}:"): handed(value)
        for key, value in config.items()
        if key.startswith(f"{NAMESPACE}:")
    }
    stack = path.name.split(".")[1]
    assert load_settings(stack, ours).host == ours["host"]


def test_the_stack_nas88_has_its_nas_and_its_proxy() -> None:
    config = yaml.safe_load((ROOT / "stacks/Pulumi.nas88.yaml").read_text())["config"]
    assert config["nas-k3s:host"] == "192.168.31.88"
    assert config["nas-k3s:proxy"] == "http://192.168.31.198:7222"


def test_no_stack_in_the_repository_holds_a_secret() -> None:
    for path in STACKS:
        config = yaml.safe_load(path.read_text())["config"]
        keys = {key.removeprefix(f"{NAMESPACE}:") for key, value in config.items() if value != ""}
        # The example shows mirrors; what else a test of the text finds is an encrypted value.
        assert not keys & ((SECRET_KEYS - {"registries"}) | REFUSED_KEYS)
        assert "secure" not in str(config)
