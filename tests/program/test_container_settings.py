"""The container and its data under mocks, for every way in which settings can make them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.program.recorder import Run
from tests.program.test_program import BOTH, run
from tests.unit.samples import facts
from tests.unit.test_checks_networks import docker_network

PLACE = "/share/CACHEDEV1_DATA/k3s"
BRIDGE = facts(docker_networks=(docker_network("bridge", "172.17.0.0/16"),))
KEY = "-----BEGIN PRIVATE KEY-----\nS3NTINEL\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"


def mounts(done: Run) -> list[tuple[str, str, str]]:
    found = done["k3s-container"].inputs["mounts"]
    return [(one["type"], one["source"], one["target"]) for one in found]


# ---- network


def test_on_the_nass_network_nothing_is_published() -> None:
    inputs = run()["k3s-container"].inputs
    assert inputs["networkMode"] == "host"
    assert "ports" not in inputs


@BOTH
def test_on_a_bridge_the_api_and_the_published_ports_are_on_the_nas(preview: bool) -> None:
    done = run(
        preview=preview,
        facts=BRIDGE,
        networkMode="bridge",
        apiPort="16443",
        publishPorts="8080:80,53:5353/udp",
    )
    inputs = done["k3s-container"].inputs
    assert inputs["networkMode"] == "bridge"
    ports = [(one["external"], one["internal"], one["protocol"]) for one in inputs["ports"]]
    assert ports == [(16443, 16443, "tcp"), (8080, 80, "tcp"), (53, 5353, "udp")]


def test_each_network_mode_has_its_own_end() -> None:
    """Two names: a change of the mode deletes the old one after the container was replaced."""
    host, bridge = run(), run(facts=BRIDGE, networkMode="bridge")
    assert host["k3s-network"].inputs["delete"] == "sh -s remove"
    assert "k3s-bridge" not in host.resources
    assert bridge["k3s-bridge"].inputs["delete"] == "sh -s tell"
    assert "k3s-network" not in bridge.resources
    assert "k3s-bridge" in bridge.before("k3s-container")


# ---- data


def test_without_a_directory_the_data_is_in_volumes() -> None:
    done = run()
    assert mounts(done) == [
        ("volume", "k3s-data", "/var/lib/rancher/k3s"),
        ("volume", "k3s-etc", "/etc/rancher"),
    ]
    assert "k3s-data-directory" not in done.resources


@BOTH
def test_a_directory_is_mounted_instead_of_volumes_and_made_before(preview: bool) -> None:
    done = run(preview=preview, dataDirectory=PLACE)
    assert mounts(done) == [
        ("bind", f"{PLACE}/data", "/var/lib/rancher/k3s"),
        ("bind", f"{PLACE}/etc", "/etc/rancher"),
    ]
    assert not done.of_type("docker:index/volume:Volume")
    made = done["k3s-data-directory"].inputs
    assert (made["create"], made["delete"]) == (
        f"sh -s prepare\n# directory: {PLACE}",
        "sh -s remove",
    )
    assert "k3s-data-directory" in done.before("k3s-container")
    assert {"k3s-image", "daemon-proxy-config"} <= done.before("k3s-data-directory")


@pytest.mark.parametrize(("keep", "told"), [("true", "KEEP=yes"), ("false", "KEEP=no")])
def test_what_destroy_does_with_the_directory_is_in_its_resource(keep: str, told: str) -> None:
    done = run(dataDirectory=PLACE, keepData=keep)
    assert told in done["k3s-data-directory"].inputs["stdin"]
    # There are no volumes that it could tell of.
    assert "KEEP=no\n" in done["k3s-network"].inputs["stdin"]


# ---- limits


def test_limits_are_written_as_they_are_read_back() -> None:
    inputs = run(memoryLimit="4g", cpuLimit="2", stopGrace="90")["k3s-container"].inputs
    assert (inputs["memory"], inputs["memorySwap"], inputs["cpus"]) == (4096, -1, "2.0")
    assert (inputs["destroyGraceSeconds"], inputs["stopTimeout"]) == (90, 90)


def test_without_limits_none_is_written() -> None:
    inputs = run()["k3s-container"].inputs
    assert not {"memory", "memorySwap", "cpus"} & set(inputs)
    assert (inputs["destroyGraceSeconds"], inputs["stopTimeout"]) == (30, 30)


def test_a_limit_of_memory_changes_in_place_and_goes_with_a_new_container() -> None:
    """Docker takes a limit of 0 for no change (`docker update`)."""

    four, three, none = (
        done["k3s-container"].request.replacement_trigger.string_value
        for done in (run(memoryLimit="4g"), run(memoryLimit="3g"), run())
    )
    assert four == three != none


# ---- registries


def test_tls_files_of_registries_go_into_the_container_as_secrets(tmp_path: Path) -> None:
    for name, text in (("key.pem", KEY), ("cert.pem", CERTIFICATE)):
        (tmp_path / name).write_text(text)
    tls = {"key_file": str(tmp_path / "key.pem"), "cert_file": str(tmp_path / "cert.pem")}
    content = {"configs": {"reg.lan:5000": {"tls": tls}}}
    container = run(registries=json.dumps(content))["k3s-container"]
    uploads = {one["file"]: one for one in container.inputs["uploads"]}
    place = "/etc/nas-k3s/registries/reg.lan_5000/key.pem"
    assert uploads[place]["content"] == KEY
    assert uploads[place]["permissions"] == "0600"
    assert place in uploads["/etc/rancher/k3s/registries.yaml"]["content"]
    index = [one["file"] for one in container.inputs["uploads"]].index(place)
    assert container.is_secret("uploads", index, "content")


# ---- arguments


@BOTH
def test_the_new_image_is_asked_about_the_owners_arguments_before_the_container(
    preview: bool,
) -> None:
    done = run(preview=preview, serverArgs='["--debug", "--v=2"]')
    assert "k3s-arguments" in done.before("k3s-snapshot")
    assert "k3s-image" in done.before("k3s-arguments")
    assert done["k3s-arguments"].is_secret("stdin")
    assert "k3s-arguments" not in run(preview=preview).resources
