"""registries.yaml from typed config."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from nas.registries import Registries

WHOLE: dict[str, dict[str, Any]] = {
    "mirrors": {
        "docker.io": {
            "endpoint": ["https://reg.lan:5000", "http://192.168.31.20"],
            "rewrite": {"^rancher/(.*)": "mirror/rancher/$1"},
        },
        "*": {"endpoint": ["https://mirror.example"]},
    },
    "configs": {
        "reg.lan:5000": {
            "auth": {"username": "u", "password": "a: b#c"},
            "tls": {"ca_file": "/ca.pem", "insecure_skip_verify": False},
        }
    },
}


def registries(*endpoints: str) -> Registries:
    return Registries.model_validate({"mirrors": {"docker.io": {"endpoint": list(endpoints)}}})


def test_the_file_says_what_the_config_says() -> None:
    given = Registries.model_validate(WHOLE)
    copy = "/etc/nas-k3s/registries/reg.lan_5000/ca.pem"
    wanted = deepcopy(WHOLE)
    wanted["configs"]["reg.lan:5000"]["tls"]["ca_file"] = copy
    assert yaml.safe_load(given.to_yaml()) == wanted
    assert given.files() == {copy: "/ca.pem"}


def test_each_registry_has_its_own_copies_of_tls_files() -> None:
    tls = {"ca_file": "~/a.pem", "cert_file": "~/b.pem", "key_file": "~/c.pem"}
    keys = ("*", "reg.lan", "reg.lan:5000", "[fd00::20]:5000")
    given = Registries.model_validate({"configs": {key: {"tls": tls} for key in keys}})
    assert len(given.files()) == 3 * len(keys)
    written = yaml.safe_load(given.to_yaml())["configs"]
    named = {path for config in written.values() for path in config["tls"].values()}
    assert named == set(given.files())


def test_without_settings_the_file_is_an_empty_object() -> None:
    assert yaml.safe_load(Registries().to_yaml()) == {}


def test_the_same_config_gives_the_same_bytes_in_any_order() -> None:
    turned = {key: dict(reversed(list(WHOLE[key].items()))) for key in reversed(WHOLE)}
    again = Registries.model_validate(turned)
    assert again.to_yaml() == Registries.model_validate(WHOLE).to_yaml()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_any_password_survives_the_quoting_of_yaml(password: str) -> None:
    content = {"configs": {"r": {"auth": {"password": password}}}}
    text = Registries.model_validate(content).to_yaml()
    assert yaml.safe_load(text) == content


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
# What YAML 1.1 or 1.2 could read as something else than a text.
tricky = st.sampled_from(
    [
        "yes",
        "No",
        "on",
        "~",
        "null",
        "0o17",
        "017",
        "1e3",
        "12:30:45",
        "<<",
        "=",
        "- a",
        "a: b",
        "# c",
    ]
)
values = texts | tricky
auths = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("username", "password", "auth", "token"), values)
)
# Paths of files do not survive: they become those of their copies in the container.
tls = st.fixed_dictionaries({}, optional={"insecure_skip_verify": st.booleans()})
endpoints = st.builds(
    "{}://{}:{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["reg.lan", "192.168.31.20", "[fd00::20]", "mirror.example"]),
    st.integers(1, 65535),
    st.sampled_from(["", "/v2", "/a b"]),
)
mirrors = st.fixed_dictionaries(
    {},
    optional={
        "endpoint": st.lists(endpoints, min_size=1, max_size=3),
        "rewrite": st.dictionaries(values, values, min_size=1, max_size=2),
    },
)
files = st.fixed_dictionaries(
    {},
    optional={
        "mirrors": st.dictionaries(values, mirrors, min_size=1, max_size=3),
        "configs": st.dictionaries(
            values,
            st.fixed_dictionaries({}, optional={"auth": auths, "tls": tls}),
            min_size=1,
            max_size=3,
        ),
    },
)


@given(files)
def test_whatever_the_config_says_the_file_says_the_same_and_is_read_back_as_the_same(
    content: dict[str, Any],
) -> None:
    text = Registries.model_validate(content).to_yaml()
    assert yaml.safe_load(text) == content
    assert Registries.model_validate(yaml.safe_load(text)).to_yaml() == text


@given(files)
def test_no_file_of_registries_holds_a_tag_or_an_alias(content: dict[str, Any]) -> None:
    """k3s reads the file with another YAML library, for which these are not meant."""
    kinds = {type(token) for token in yaml.scan(Registries.model_validate(content).to_yaml())}
    assert not kinds & {yaml.AliasToken, yaml.AnchorToken, yaml.TagToken}


@pytest.mark.parametrize(
    ("endpoint", "hosts"),
    [
        ("http://192.168.31.20:5000", ("192.168.31.20",)),
        ("http://[fd00::20]:5000/v2", ("fd00::20",)),
        ("https://registry", ("registry",)),
        ("https://Registry.lan", ("registry.lan",)),
        ("https://reg.home.arpa", ("reg.home.arpa",)),
        ("https://mirror.example.com", ()),
        ("https://8.8.8.8", ()),
    ],
)
def test_registries_in_the_lan_are_known_as_private(endpoint: str, hosts: tuple[str, ...]) -> None:
    assert registries(endpoint, endpoint).private_hosts() == hosts


@pytest.mark.parametrize(
    "endpoint",
    ["reg.lan:5000", "reg.lan", "ftp://reg.lan", "https://", "http://[x", "http://reg:5x"],
)
def test_an_endpoint_without_scheme_or_host_is_refused(endpoint: str) -> None:
    with pytest.raises(ValidationError, match="URL with its scheme"):
        registries(endpoint)


@pytest.mark.parametrize(
    "content",
    [
        {"mirror": {}},
        {"mirrors": {"docker.io": {"endpoints": []}}},
        {"configs": {"r": {"auth": {"user": "u"}}}},
        {"configs": {"r": {"tls": {"insecure": True}}}},
    ],
)
def test_a_misspelt_member_is_refused(content: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Registries.model_validate(content)
