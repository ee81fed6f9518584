"""Secrets among the settings: which stand in plain text."""

from __future__ import annotations

import json

import pytest

from nas.secrets import plain_text_warnings
from tests.unit.samples import settings

SECRET = "S3NTINEL"
REGISTRIES = {"configs": {"reg.lan": {"auth": {"username": "u", "password": SECRET}}}}
HELD = [
    ("proxyPassword", {"proxyUser": "me", "proxyPassword": SECRET}, "--secret nas-k3s:proxyPass"),
    ("proxy", {"proxy": f"http://me:{SECRET}@10.0.0.1:3128"}, "--secret nas-k3s:proxyPassword"),
    ("sudoPassword", {"sshUser": "me", "sudoPassword": SECRET}, "--secret nas-k3s:sudoPassword"),
    ("token", {"token": SECRET}, "--secret nas-k3s:token"),
    ("registries", {"registries": json.dumps(REGISTRIES)}, "docs/registry.md"),
]


@pytest.mark.parametrize(("key", "config", "fix"), HELD, ids=[row[0] for row in HELD])
def test_a_secret_in_plain_text_is_warned_of_and_an_encrypted_one_is_not(
    key: str, config: dict[str, str], fix: str
) -> None:
    given = settings(**config)
    (warning,) = plain_text_warnings(given, {"host"})
    assert warning.startswith(f"nas-k3s:{key} holds a secret in plain text")
    assert fix in warning
    assert SECRET not in warning
    assert plain_text_warnings(given, {key}) == ()


def test_what_holds_no_secret_may_be_in_plain_text() -> None:
    login = {"configs": {"reg.lan": {"tls": {"insecure_skip_verify": True}}}}
    given = settings(proxy="http://10.0.0.1:3128", proxyUser="me", registries=json.dumps(login))
    assert plain_text_warnings(given, ()) == ()
