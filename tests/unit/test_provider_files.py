"""What the Kubernetes provider leaves in the temporary directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nas import provider_files

COPY = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: QQ==
    server: https://192.168.31.88:6443
  name: k3s-home
contexts:
- context:
    cluster: k3s-home
    user: k3s-home
  name: k3s-home
current-context: k3s-home
kind: Config
users:
- name: k3s-home
  user:
    client-certificate-data: QQ==
    client-key-data: QQ==
"""
TWO = COPY.replace("contexts:\n", "contexts:\n- context: {}\n  name: mine\n")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_every_copy_of_the_cluster_goes(place: Path) -> None:
    for name in ("kubeconfig123456", "kubeconfig4294967295"):
        (place / name).write_text(COPY)
    assert provider_files.remove("k3s-home") == 2
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("kubeconfig", COPY),
        ("kubeconfig1", COPY),
        ("kubeconfig123456.yaml", COPY),
        ("my-kubeconfig123456", COPY),
        ("kubeconfig123456", COPY.replace("k3s-home", "k3s-attic")),
        ("kubeconfig123456", TWO),
        ("kubeconfig123456", COPY.replace("current-context: k3s-home", "current-context: ''")),
        ("kubeconfig123456", COPY[: len(COPY) // 2]),
        ("kubeconfig123456", ""),
        ("kubeconfig123456", COPY + "#" * (1 << 20)),
    ],
)
def test_what_may_be_somebody_elses_stays(place: Path, name: str, text: str) -> None:
    (place / name).write_text(text)
    assert provider_files.remove("k3s-home") == 0
    assert (place / name).read_text() == text


def test_what_is_no_file_or_no_text_is_passed_over(place: Path) -> None:
    (place / "kubeconfig111111").mkdir()
    (place / "kubeconfig222222").symlink_to(place / "target")
    (place / "target").write_text(COPY)
    (place / "kubeconfig333333").write_bytes(b"\xff\xfe")
    (place / "kubeconfig444444").write_text(COPY)
    assert provider_files.remove("k3s-home") == 1
    assert sorted(file.name for file in place.iterdir()) == [
        "kubeconfig111111",
        "kubeconfig222222",
        "kubeconfig333333",
        "target",
    ]


def test_without_a_temporary_directory_nothing_happens(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(place / "none"))
    assert provider_files.remove("k3s-home") == 0


def test_the_copies_of_other_users_stay(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "kubeconfig123456").write_text(COPY)
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    assert provider_files.remove("k3s-home") == 0
