"""What a well-formed registries.yaml would not do although it looks as if it did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nas.errors import Problem, RefusedError
from nas.plan import make_plan
from nas.registries import Registries
from nas.registry_checks import check_registries, registry_warnings
from tests.unit.samples import FACTS, settings

CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n"


def problems(content: dict[str, Any]) -> list[Problem]:
    return check_registries(Registries.model_validate(content))


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("https://reg.lan:5000", "write reg.lan:5000"),
        ("reg.lan/library", "write reg.lan"),
        ("https://user:S3NTINEL@reg.lan", "write reg.lan"),
        ("reg lan", "write e.g. registry.lan:5000"),
        ("reg.lan:0", "write e.g. registry.lan:5000"),
    ],
)
@pytest.mark.parametrize("member", ["mirrors", "configs"])
def test_a_key_that_k3s_would_never_match_is_refused(member: str, key: str, fix: str) -> None:
    (found,) = problems({member: {key: {}}})
    assert found.key.startswith(f'registries.{member}["')
    assert found.fix == fix
    assert "S3NTINEL" not in str(found)


@pytest.mark.parametrize("key", ["*", "docker.io", "reg.lan:5000", "192.168.31.20", "[fd00::1]:80"])
@pytest.mark.parametrize("member", ["mirrors", "configs"])
def test_a_registrys_host_and_port_is_a_key(member: str, key: str) -> None:
    assert problems({member: {key: {}}}) == []


@pytest.mark.parametrize("key", ["index.docker.io", "registry-1.docker.io"])
def test_docker_hub_is_mirrored_under_the_name_in_its_images(key: str) -> None:
    (found,) = problems({"mirrors": {key: {"endpoint": ["https://reg.lan"]}}})
    assert found.fix == "write docker.io"
    assert problems({"configs": {key: {"auth": {"username": "u", "password": "p"}}}}) == []


@pytest.mark.parametrize(
    ("auth", "missing"), [({"username": "u"}, "password"), ({"password": "p"}, "username")]
)
def test_half_a_login_is_refused(auth: dict[str, str], missing: str) -> None:
    (found,) = problems({"configs": {"reg.lan": {"auth": auth}}})
    assert found.key == 'registries.configs["reg.lan"].auth'
    assert missing in found.why


@pytest.mark.parametrize(
    ("tls", "where", "why"),
    [
        ({"ca_file": "/no/such"}, "ca_file", "cannot be read"),
        ({"ca_file": "KEY"}, "ca_file", "holds no certificate"),
        ({"cert_file": "CERT"}, "tls", "has no key_file"),
        ({"key_file": "KEY"}, "tls", "has no cert_file"),
        ({"cert_file": "CERT", "key_file": "CERT"}, "key_file", "holds no private key"),
    ],
)
def test_a_tls_file_that_k3s_could_not_use_is_refused(
    tmp_path: Path, tls: dict[str, str], where: str, why: str
) -> None:
    for name, text in (("CERT", CERTIFICATE), ("KEY", KEY)):
        (tmp_path / name).write_text(text)
    given = {key: str(tmp_path / path) for key, path in tls.items()}
    (found,) = problems({"configs": {"reg.lan": {"tls": given}}})
    assert found.key.endswith(where)
    assert why in found.why


def test_a_problem_of_registries_stops_the_run_as_any_other() -> None:
    with pytest.raises(RefusedError, match=r"write reg\.lan:5000"):
        settings(registries=json.dumps({"mirrors": {"http://reg.lan:5000": {}}}))


def test_a_mirrors_login_belongs_to_its_endpoint() -> None:
    content: dict[str, Any] = {
        "mirrors": {"reg.lan:5000": {"endpoint": ["https://mirror.lan:5001"]}},
        "configs": {"reg.lan:5000": {"tls": {"insecure_skip_verify": True}}},
    }
    (warning,) = registry_warnings(Registries.model_validate(content))
    assert 'belong to registries.configs["mirror.lan:5001"]' in warning
    assert warning in make_plan(settings(registries=json.dumps(content)), FACTS).warnings
    for key in ("mirror.lan:5001", "*"):
        fine = {**content, "configs": {**content["configs"], key: {}}}
        assert registry_warnings(Registries.model_validate(fine)) == []


def test_the_plan_holds_what_the_tls_files_say(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    content = {"configs": {"reg.lan": {"tls": {"ca_file": str(tmp_path / "ca.pem")}}}}
    plan = make_plan(settings(registries=json.dumps(content)), FACTS)
    ((path, text),) = plan.registry_files.items()
    assert text == CERTIFICATE
    assert path in plan.registries_yaml
    assert str(tmp_path) not in plan.registries_yaml
