"""The parts of the docker provider's stand-in that need no daemon."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental.provider import PropertyDiffKind

from tests.lab.providers import container, engine_api, image, schema
from tests.lab.providers.docker_tables import CONTAINER, TABLES
from tests.lab.providers.plugin import UNKNOWN, PluginError

BASE: dict[str, Any] = {"image": "sha256:1", "name": "box"}


def differences(inputs: dict[str, Any], state: dict[str, Any]) -> dict[str, PropertyDiffKind]:
    """What a container's new inputs change of a state that was read."""
    read: dict[str, Any] = {"command": [], "entrypoints": [], "networkDatas": []}
    checked, failures = schema.check(CONTAINER, BASE | inputs)
    assert failures == []
    found = schema.diff(CONTAINER, checked, read | schema.plan(CONTAINER, checked, read) | state)
    return {name: difference.kind for name, difference in found.detailed_diff.items()}


def test_a_state_as_wanted_is_no_difference() -> None:
    assert differences({}, {}) == {}


@pytest.mark.parametrize(
    ("inputs", "state"),
    [
        # What is not given is not compared where Docker decides.
        ({}, {"hostname": "abc", "init": True, "logDriver": "local", "shmSize": 64}),
        # Sets have no order; empty and zero are nothing.
        ({"envs": ["A=1", "B=2"]}, {"envs": ["B=2", "A=1"]}),
        ({"labels": [{"label": "a", "value": "b"}]}, {"labels": [{"value": "b", "label": "a"}]}),
        ({}, {"memory": 0, "privileged": False, "dns": [], "tmpfs": {}}),
        ({"user": ""}, {"user": "1000"}),
        (
            {"ports": [{"internal": 80, "external": 1}, {"internal": 443, "external": 2}]},
            {
                "ports": [
                    {"internal": 443, "external": 2, "ip": "0.0.0.0", "protocol": "tcp"},
                    {"internal": 80, "external": 1, "ip": "0.0.0.0", "protocol": "tcp"},
                ]
            },
        ),
    ],
)
def test_what_counts_as_the_same(inputs: dict[str, Any], state: dict[str, Any]) -> None:
    assert differences(inputs, state) == {}


@pytest.mark.parametrize(
    ("inputs", "state", "expected"),
    [
        ({"image": UNKNOWN}, {"image": "sha256:1"}, {"image": "UPDATE_REPLACE"}),
        ({"envs": ["A=2"]}, {"envs": ["A=1"]}, {"envs": "UPDATE_REPLACE"}),
        ({"tmpfs": {"/run": ""}}, {"tmpfs": {}}, {"tmpfs": "ADD"}),
        ({}, {"memorySwap": 128}, {"memorySwap": "DELETE"}),
        ({}, {"mustRun": False}, {"mustRun": "ADD"}),
        ({}, {"networkMode": "host"}, {"networkMode": "UPDATE_REPLACE"}),
    ],
)
def test_what_is_a_difference_and_what_it_leads_to(
    inputs: dict[str, Any], state: dict[str, Any], expected: dict[str, str]
) -> None:
    found = differences(inputs, state)
    assert {name: kind.name for name, kind in found.items()} == expected


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"restart": "sometimes"}, "restart"),
        ({"uploads": [{"file": "/x", "permissions": "777"}]}, "uploads[0].permissions"),
        ({"ports": [{"external": 1}]}, "ports[0].internal"),
        ({"gpus": "all"}, "gpus"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_and_unknown_inputs_are_refused_by_path(inputs: dict[str, Any], path: str) -> None:
    _, failures = schema.check(CONTAINER, BASE | inputs)
    assert [failure.property for failure in failures] == [path]


def test_every_table_knows_what_it_requires() -> None:
    for token, table in TABLES.items():
        _, failures = schema.check(table, {})
        required = {name for name, field in table.items() if field.required}
        assert {failure.property for failure in failures} == required, token


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0s", 0), ("500ms", 5 * 10**8), ("1m30s", 90 * 10**9), ("1h0m0.5s", 3600_500_000_000)],
)
def test_durations_are_written_as_they_are_read(text: str, nanoseconds: int) -> None:
    assert container._nanoseconds(text) == nanoseconds
    assert container._go_duration(nanoseconds) == text


def test_a_cpu_count_reads_back_with_a_decimal() -> None:
    assert [container._cpus(nano) for nano in (10**9 * 2, 15 * 10**8)] == ["2.0", "1.5"]


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("rancher/k3s:v1.34.4-k3s1", "rancher/k3s", "v1.34.4-k3s1"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        ("gcr.io/pause:3.6@sha256:ab", "gcr.io/pause", "sha256:ab"),
    ],
)
def test_an_image_name_falls_into_repository_and_tag(name: str, repository: str, tag: str) -> None:
    assert image._reference(name) == (repository, tag)


def test_ssh_reaches_a_daemon_as_dockers_own_client_does() -> None:
    assert engine_api.ssh_command("ssh://admin@nas:2222", ["-i", "key"]) == [
        *("ssh", "-l", "admin", "-p", "2222", "-i", "key", "-o ConnectTimeout=30", "-T"),
        *("--", "nas", "docker system dial-stdio"),
    ]
    other = engine_api.ssh_command("ssh://nas/run/a b.sock", ["-T", "-o", "ConnectTimeout=5"])
    assert other == [
        *("ssh", "-T", "-o", "ConnectTimeout=5", "--", "nas"),
        "docker '--host=unix:///run/a b.sock' system dial-stdio",
    ]


@pytest.mark.parametrize("host", ["ssh://a:secret@nas", "ssh://", "ssh://nas:port"])
def test_a_host_that_ssh_cannot_reach_is_refused(host: str) -> None:
    with pytest.raises(PluginError, match="ssh host connection is not valid"):
        engine_api.ssh_command(host, [])
