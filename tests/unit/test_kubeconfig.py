"""The kubeconfig of k3s, rewritten for use from outside the NAS."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nas.kubeconfig import IncompleteKubeconfigError, KubeconfigNames, rewrite

NAMES = KubeconfigNames("k3s-nas88", "https://192.168.31.88:6443")


def pem(content: bytes) -> str:
    """A PEM block as a kubeconfig holds it."""
    block = b"-----BEGIN X-----\n" + base64.b64encode(content) + b"\n-----END X-----\n"
    return base64.b64encode(block).decode()


SENTINEL = pem(b"S3NTINEL")
CA, CERTIFICATE = pem(b"CA"), pem(b"CERT")
K3S = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {CA}
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: {CERTIFICATE}
    client-key-data: {SENTINEL}
"""


def changed(section: str, **members: Any) -> str:
    """K3S with other members in its cluster or user; None takes one away."""
    content = yaml.safe_load(K3S)
    entry = content[f"{section}s"][0][section]
    for name, value in members.items():
        key = name.replace("_", "-")
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    return yaml.safe_dump(content)


def test_server_and_names_are_ours_and_the_credentials_those_of_k3s() -> None:
    name = NAMES.name
    assert yaml.safe_load(rewrite(K3S, NAMES)) == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": NAMES.server, "certificate-authority-data": CA},
            }
        ],
        "users": [
            {
                "name": name,
                "user": {"client-certificate-data": CERTIFICATE, "client-key-data": SENTINEL},
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }


def test_another_order_of_members_or_another_server_changes_no_byte() -> None:
    other = yaml.safe_dump(yaml.safe_load(K3S.replace("127.0.0.1", "0.0.0.0")), sort_keys=True)
    assert rewrite(other, NAMES) == rewrite(K3S, NAMES)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no entry in clusters"),
        ("null", "no entry in clusters"),
        ("[1, 2]", "no entry in clusters"),
        (f"just text {SENTINEL}", "no entry in clusters"),
        (f"clusters: {SENTINEL}", "no entry in clusters"),
        ("clusters: []", "no entry in clusters"),
        ("clusters: [{cluster: 1}]", "no entry in clusters"),
        (f"a: [{SENTINEL}", "no YAML"),
        (f"a: 2001-13-45\nb: {SENTINEL}", "no YAML"),
        (f"\x00{SENTINEL}", "no YAML"),
        ("[" * 5000, "no YAML"),
        (K3S[: K3S.index("users:")], "no entry in users"),
        (changed("cluster", server=None), "no server"),
        (changed("cluster", server=""), "no server"),
        (changed("cluster", certificate_authority_data=None), "no certificate-authority-data"),
        (changed("user", client_key_data=None), "no client-key-data"),
        (changed("user", client_key_data=7), "no client-key-data"),
        (changed("user", client_key_data="no base64!"), "no client-key-data"),
        (changed("user", client_key_data="bm8gUEVN"), "no client-key-data"),
        (changed("user", client_certificate_data=""), "no client-certificate-data"),
    ],
)
def test_what_is_no_whole_kubeconfig_is_refused_without_showing_it(text: str, what: str) -> None:
    with pytest.raises(IncompleteKubeconfigError, match=what) as refused:
        rewrite(text, NAMES)
    assert SENTINEL not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@given(st.integers(0, len(K3S.rstrip()) - 1))
def test_a_file_that_is_still_being_written_is_refused(length: int) -> None:
    with pytest.raises(IncompleteKubeconfigError):
        rewrite(K3S[:length], NAMES)


data = st.binary(min_size=1, max_size=60).map(pem)
plain_name = st.text("abcz0189-.", min_size=1, max_size=12)


@given(data, data, data, plain_name)
def test_whatever_the_credentials_are_they_come_out_as_they_went_in(
    authority: str, certificate: str, key: str, name: str
) -> None:
    text = changed("cluster", certificate_authority_data=authority)
    content = yaml.safe_load(text)
    content["users"] = yaml.safe_load(
        changed("user", client_certificate_data=certificate, client_key_data=key)
    )["users"]
    names = KubeconfigNames(name, f"https://{name}:6443")
    result = yaml.safe_load(rewrite(yaml.safe_dump(content), names))
    assert result["clusters"][0]["cluster"] == {
        "server": names.server,
        "certificate-authority-data": authority,
    }
    assert result["users"][0]["user"] == {
        "client-certificate-data": certificate,
        "client-key-data": key,
    }
    assert result["current-context"] == result["contexts"][0]["name"] == name
    assert rewrite(rewrite(yaml.safe_dump(content), names), names) == yaml.safe_dump(
        result, sort_keys=False
    )
