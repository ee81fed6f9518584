"""What we rely on of the docker provider's Container, RemoteImage and Volume."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from .harness import Stack, inside, plain_state
from .machine import IMAGE, Machine
from .ssh_recorder import Recorder

NAME = "contract-box"


@pytest.fixture
def nas(docker_nas: Machine) -> Machine:
    """Every test here runs once per Docker Engine."""
    docker_nas.forget()
    return docker_nas


def box(nas: Machine, provider: docker.Provider, **inputs: Any) -> docker.Container:
    """A container that sleeps, from an image that is already there."""
    image = inputs.pop("image", None)
    if image is None:
        image = docker.RemoteImage(
            "image",
            name=f"{IMAGE}:1",
            keep_locally=True,
            opts=pulumi.ResourceOptions(provider=provider),
        ).image_id
    opts = pulumi.ResourceOptions(provider=provider)
    settings: dict[str, Any] = {"name": NAME, "network_mode": "host"} | inputs
    return docker.Container("box", image=image, opts=opts, **settings)


def inspect(nas: Machine, name: str = NAME) -> dict[str, Any]:
    """What Docker knows of a container."""
    found: list[dict[str, Any]] = json.loads(nas.docker(f"inspect {name}"))
    return found[0]


def test_an_unchanged_container_is_left_alone_by_up_preview_and_refresh(
    stack: Stack, nas: Machine
) -> None:
    def program() -> None:
        provider = nas.provider()
        options = inside()
        options = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(provider=provider))
        image = docker.RemoteImage("image", name=f"{IMAGE}:1", keep_locally=True, opts=options)
        volume = docker.Volume("data", name="contract-data", opts=options)
        docker.Container(
            "box",
            name=NAME,
            image=image.image_id,
            command=["sh", "-c", "cat /etc/told; exec sleep 600"],
            network_mode="host",
            hostname="contract",
            restart="unless-stopped",
            destroy_grace_seconds=1,
            envs=["PLAIN=1", pulumi.Output.secret("PASSWORD=sentinel-env")],
            volumes=[
                {"volume_name": volume.name, "container_path": "/data"},
                {"host_path": "/tmp/contract-host", "container_path": "/host", "read_only": True},
            ],
            mounts=[{"type": "tmpfs", "target": "/mounted"}],
            tmpfs={"/run": "", "/var/run": "size=65536k"},
            ulimits=[{"name": "nofile", "soft": 1024, "hard": 2048}],
            labels=[{"label": "contract", "value": "yes"}],
            log_driver="json-file",
            log_opts={"max-size": "1m", "max-file": "2"},
            uploads=[
                {"file": "/etc/told", "content": "told before the start", "permissions": "0640"},
                {"file": "/etc/deep/er", "content_base64": "AAEC", "executable": True},
            ],
            healthcheck={"tests": ["CMD", "true"], "interval": "1m30s", "retries": 3},
            opts=options,
        )

    run = stack.up(program)
    assert run.ops("box") == ["create"]

    found = inspect(nas)
    assert found["State"]["Running"]
    assert sorted(
        e for e in found["Config"]["Env"] if e[:2] in ("PL", "PA") and e[:4] != "PATH"
    ) == [
        "PASSWORD=sentinel-env",
        "PLAIN=1",
    ]
    assert found["Config"]["Hostname"] == "contract"
    assert found["Config"]["Labels"]["contract"] == "yes"
    assert found["Config"]["Healthcheck"]["Interval"] == 90 * 10**9
    assert found["HostConfig"]["NetworkMode"] == "host"
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert found["HostConfig"]["Tmpfs"] == {"/run": "", "/var/run": "size=65536k"}
    assert found["HostConfig"]["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "2"}
    assert sorted(found["HostConfig"]["Binds"]) == [
        "/tmp/contract-host:/host:ro",
        "contract-data:/data:rw",
    ]
    # The files are there before the first process starts.
    assert nas.docker(f"logs {NAME}") == "told before the start"
    modes = nas.docker(f"exec {NAME} stat -c %a /etc/told /etc/deep/er").split()
    assert modes == ["640", "744"]

    everything = run.output + plain_state(stack)
    for again in (
        stack.up(program),
        stack.preview(program, diff=True),
        stack.refresh(expect_no_changes=True),
        stack.up(program),
    ):
        assert again.changed == {}
        everything += again.output
    assert "sentinel" not in everything
    assert "ciphertext" in json.dumps(stack.state()["box"]["inputs"]["envs"])
    assert "ciphertext" in json.dumps(stack.state()["box"]["outputs"]["envs"])


def test_a_privileged_container_on_the_host_network_is_left_alone_too(
    stack: Stack, nas: Machine
) -> None:
    def program() -> None:
        box(nas, nas.provider(), privileged=True, cgroupns_mode="host")

    stack.up(program)
    assert inspect(nas)["HostConfig"]["Privileged"] is True
    assert stack.up(program).changed == {}
    assert stack.refresh(expect_no_changes=True).changed == {}


def test_published_ports_on_a_bridge_are_left_alone_too(stack: Stack, nas: Machine) -> None:
    def program() -> None:
        box(
            nas,
            nas.provider(),
            network_mode="bridge",
            ports=[{"internal": 6443, "external": 16443}, {"internal": 80, "external": 18080}],
        )

    if "bridge" not in nas.docker("network ls --format '{{.Name}}'").split():
        pytest.skip("this daemon has no bridge network")
    stack.up(program)
    bound = inspect(nas)["HostConfig"]["PortBindings"]
    assert {port: [b["HostPort"] for b in to] for port, to in bound.items()} == {
        "6443/tcp": ["16443"],
        "80/tcp": ["18080"],
    }
    assert stack.up(program).changed == {}
    assert stack.refresh(expect_no_changes=True).changed == {}
    assert stack.up(program).changed == {}


def test_a_preview_of_a_creation_connects_to_nothing(stack: Stack, tmp_path: Path) -> None:
    def program() -> None:
        provider = docker.Provider("nas", host="ssh://admin@192.0.2.1", ssh_opts=["-v"])
        options = pulumi.ResourceOptions(provider=provider)
        image = docker.RemoteImage("image", name="nowhere.example/x:1", opts=options)
        docker.Volume("data", name="contract-data", opts=options)
        docker.Container("box", name=NAME, image=image.image_id, opts=options)

    started = time.monotonic()
    run = stack.preview(program)
    assert time.monotonic() - started < 20
    assert run.changed.keys() >= {"image", "data", "box"}


def test_a_new_image_shows_both_replacements_in_preview_and_keeps_the_old_image(
    stack: Stack, nas: Machine
) -> None:
    tag = {"tag": "1"}

    def program() -> None:
        provider = nas.provider()
        image = docker.RemoteImage(
            "image",
            name=f"{IMAGE}:{tag['tag']}",
            keep_locally=True,
            opts=pulumi.ResourceOptions(provider=provider),
        )
        box(nas, provider, image=image.image_id)

    stack.up(program)
    first = inspect(nas)["Image"]
    tag["tag"] = "2"
    run = stack.preview(program, diff=True)
    assert run.diff("image") == {"name": "update-replace"}
    assert run.diff("box") == {"image": "update-replace"}
    assert "[unknown]" in run.output

    run = stack.up(program)
    # The new image is there before the old container goes, and the container goes first.
    assert run.ops("image") == ["create-replacement", "replace", "delete-replaced"]
    assert run.ops("box") == ["delete-replaced", "replace", "create-replacement"]
    assert run.order.index(("image", "create-replacement")) < run.order.index(
        ("box", "delete-replaced")
    )
    assert inspect(nas)["Image"] != first
    assert f"{IMAGE}:1" in nas.docker("images --format '{{.Repository}}:{{.Tag}}'").split()
    assert stack.up(program).changed == {}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ({"envs": ["A=1"]}, {"envs": ["A=2"]}, "envs"),
        ({"command": ["sleep", "600"]}, {"command": ["sleep", "601"]}, "command"),
    ],
)
def test_what_docker_cannot_change_replaces_the_container_old_one_first(
    stack: Stack,
    nas: Machine,
    before: dict[str, Any],
    after: dict[str, Any],
    named: str,
) -> None:
    inputs = dict(before)

    def program() -> None:
        box(nas, nas.provider(), **inputs)

    stack.up(program)
    old = inspect(nas)["Id"]
    inputs |= after
    run = stack.up(program)
    assert run.properties("box") == {named}
    assert run.ops("box") == ["delete-replaced", "replace", "create-replacement"]
    assert inspect(nas)["Id"] != old


def test_a_changed_secret_env_replaces_without_showing_itself(stack: Stack, nas: Machine) -> None:
    secret = {"env": "sentinel-one"}

    def program() -> None:
        box(nas, nas.provider(), envs=["A=1", pulumi.Output.secret(f"PASSWORD={secret['env']}")])

    stack.up(program)
    secret["env"] = "sentinel-two"
    run = stack.preview(program, diff=True)
    assert run.properties("box") == {"envs"}
    assert "sentinel" not in run.output
    assert "[secret]" in run.output
    run = stack.up(program)
    assert "PASSWORD=sentinel-two" in inspect(nas)["Config"]["Env"]
    assert "sentinel" not in run.output + plain_state(stack)


def test_restart_policy_and_limits_change_in_place(stack: Stack, nas: Machine) -> None:
    inputs: dict[str, Any] = {"restart": "no", "memory": 64, "memory_swap": 128}

    def program() -> None:
        box(nas, nas.provider(), **inputs)

    stack.up(program)
    before = inspect(nas)
    inputs |= {"restart": "always", "memory": 96, "memory_swap": 192, "cpu_shares": 512}
    run = stack.up(program)
    assert run.ops("box") == ["update"]
    assert run.properties("box") == {"restart", "memory", "memorySwap", "cpuShares"}
    after = inspect(nas)
    assert (after["Id"], after["State"]["StartedAt"]) == (
        before["Id"],
        before["State"]["StartedAt"],
    )
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert after["HostConfig"]["Memory"] == 96 * 1024 * 1024
    assert after["HostConfig"]["CpuShares"] == 512
    assert stack.up(program).changed == {}


def test_some_updates_are_said_to_be_done_and_are_not(stack: Stack, nas: Machine) -> None:
    """The reason why the program asks for replacement on changes of these."""
    inputs: dict[str, Any] = {}

    def program() -> None:
        box(nas, nas.provider(), **inputs)

    stack.up(program)
    before = inspect(nas)
    inputs |= {
        "tmpfs": {"/run": ""},
        "healthcheck": {"tests": ["CMD", "true"]},
        "init": True,
        "cpu_period": 50000,
        "cpu_quota": 25000,
    }
    run = stack.up(program)
    assert run.ops("box") == ["update"]
    assert run.properties("box") == {"tmpfs", "healthcheck", "init", "cpuPeriod", "cpuQuota"}
    after = inspect(nas)
    assert after["Id"] == before["Id"]
    assert not after["HostConfig"].get("Tmpfs")
    assert not after["Config"].get("Healthcheck")
    assert not after["HostConfig"]["Init"]
    assert after["HostConfig"]["CpuPeriod"] == 0
    assert stack.up(program).changed == {}


def test_a_container_removed_by_hand_is_seen_by_refresh_only(stack: Stack, nas: Machine) -> None:
    def program() -> None:
        box(nas, nas.provider())

    stack.up(program)
    nas.docker(f"rm -f {NAME}")
    assert stack.up(program).changed == {}
    stack.refresh()
    assert "box" not in stack.state()
    assert stack.up(program).changed == {"box": ["create"]}
    assert inspect(nas)["State"]["Running"]


def test_a_stopped_container_is_started_after_a_refresh(stack: Stack, nas: Machine) -> None:
    def program() -> None:
        box(nas, nas.provider(), envs=[pulumi.Output.secret("PASSWORD=sentinel-env")])

    stack.up(program)
    before = inspect(nas)["Id"]
    nas.docker(f"stop -t 0 {NAME}")
    assert stack.up(program).changed == {}
    stack.refresh()
    assert stack.state()["box"]["outputs"]["mustRun"] is False
    assert "sentinel" not in plain_state(stack)
    run = stack.preview(program)
    assert run.changed == {"box": ["update"]}
    assert run.properties("box") == {"mustRun"}
    stack.up(program)
    assert inspect(nas)["Id"] == before
    assert inspect(nas)["State"]["Running"]
    assert stack.up(program).changed == {}


def test_destroy_kills_at_once_or_waits_for_the_grace_period(stack: Stack, nas: Machine) -> None:
    nas.sh("mkdir -p /tmp/contract-host")
    grace: dict[str, Any] = {}
    script = 'trap "touch /host/ended; exit 0" TERM; while :; do sleep 0.1; done'

    def program() -> None:
        box(
            nas,
            nas.provider(),
            command=["sh", "-c", script],
            volumes=[{"host_path": "/tmp/contract-host", "container_path": "/host"}],
            **grace,
        )

    volumes = set(nas.docker("volume ls -q").split())
    stack.up(program)
    assert set(nas.docker("volume ls -q").split()) > volumes
    stack.destroy()
    assert nas.sh("ls /tmp/contract-host") == ""
    # The image's own volume went with the container.
    assert set(nas.docker("volume ls -q").split()) == volumes

    grace["destroy_grace_seconds"] = 20
    stack.up(program)
    time.sleep(1)
    started = time.monotonic()
    stack.destroy()
    assert time.monotonic() - started < 15
    assert nas.sh("ls /tmp/contract-host") == "ended"
    assert nas.docker(f"ps -aq --filter name={NAME}") == ""


def test_a_name_in_use_is_what_docker_says_it_is(stack: Stack, nas: Machine) -> None:
    nas.docker(f"create --name {NAME} --network none {IMAGE}:1")

    def program() -> None:
        box(nas, nas.provider())

    error = stack.up(program, fails=True).error
    assert f'The container name "/{NAME}" is already in use by container' in error
    assert "Traceback" not in error
    assert "box" not in stack.state()
    nas.docker(f"inspect {NAME}")


def test_wait_needs_a_healthy_container_and_leaves_an_unhealthy_one_behind(
    stack: Stack, nas: Machine
) -> None:
    check = {"tests": ["CMD", "false"]}

    def program() -> None:
        box(
            nas,
            nas.provider(),
            wait=True,
            wait_timeout=3,
            healthcheck={**check, "interval": "500ms", "retries": 1},
        )

    error = stack.up(program, fails=True).error
    assert "container failed to be in healthy state" in error
    assert inspect(nas)["State"]["Running"]
    assert stack.state()["box"]["initErrors"]
    stack.destroy()
    assert nas.docker(f"ps -aq --filter name={NAME}") == ""

    check["tests"] = ["CMD", "true"]
    assert stack.up(program).ops("box") == ["create"]
    assert inspect(nas)["State"]["Health"]["Status"] == "healthy"


def test_a_container_that_cannot_start_stays_in_the_state_with_the_error(
    stack: Stack, nas: Machine
) -> None:
    inputs: dict[str, Any] = {"command": ["/no/such/program"]}

    def program() -> None:
        box(nas, nas.provider(), **inputs)

    error = stack.up(program, fails=True).error
    assert "Unable to start container" in error
    assert "/no/such/program" in error
    assert stack.state()["box"]["id"] == inspect(nas)["Id"]
    inputs["command"] = ["sleep", "600"]
    assert "replace" in stack.up(program).ops("box")
    assert inspect(nas)["State"]["Running"]
    assert stack.up(program).changed == {}


def test_an_image_that_cannot_be_had_names_itself(stack: Stack, nas: Machine) -> None:
    def program() -> None:
        docker.RemoteImage(
            "image",
            name="registry.invalid/nothing:1",
            opts=pulumi.ResourceOptions(provider=nas.provider()),
        )

    error = stack.up(program, fails=True).error
    assert "unable to pull image registry.invalid/nothing:1" in error


def test_an_image_is_removed_on_destroy_unless_it_is_to_be_kept(stack: Stack, nas: Machine) -> None:
    nas.docker(f"tag {IMAGE}:1 contract/kept:1")
    nas.docker(f"tag {IMAGE}:1 contract/dropped:1")

    def program() -> None:
        options = pulumi.ResourceOptions(provider=nas.provider())
        docker.RemoteImage("kept", name="contract/kept:1", keep_locally=True, opts=options)
        docker.RemoteImage("dropped", name="contract/dropped:1", opts=options)

    stack.up(program)
    state = stack.state()
    assert state["kept"]["outputs"]["imageId"] == nas.docker(
        "inspect --format '{{.Id}}' contract/kept:1"
    )
    stack.destroy()
    names = nas.docker("images --format '{{.Repository}}'").split()
    assert "contract/kept" in names
    assert "contract/dropped" not in names
    nas.docker("rmi contract/kept:1")


def test_a_volume_that_is_there_already_is_taken_and_removed_on_destroy(
    stack: Stack, nas: Machine
) -> None:
    nas.docker("volume create contract-data")

    def program() -> None:
        docker.Volume(
            "data",
            name="contract-data",
            opts=pulumi.ResourceOptions(provider=nas.provider()),
        )

    assert stack.up(program).ops("data") == ["create"]
    assert stack.state()["data"]["outputs"]["mountpoint"].endswith("contract-data/_data")
    assert stack.refresh(expect_no_changes=True).changed == {}
    nas.docker("volume rm contract-data")
    assert stack.up(program).changed == {}
    stack.refresh()
    assert stack.up(program).changed == {"data": ["create"]}
    stack.destroy()
    assert nas.docker("volume ls -q --filter name=contract-data") == ""


def test_ssh_options_reach_every_ssh_call(
    stack: Stack, nas: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "calls"
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(
        f'#!/bin/sh\nprintf "%s|" "$@" >> {log}\necho >> {log}\nPATH=${{PATH#*:}} exec ssh "$@"\n'
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)

    def program() -> None:
        options = pulumi.ResourceOptions(provider=nas.provider())
        docker.Volume("data", name="contract-data", opts=options)
        docker.Volume("more", name="contract-more", opts=options)

    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    stack.environment["PATH"] = path
    stack.up(program)
    stack.destroy()
    calls = [line.rstrip("|").split("|") for line in log.read_text().splitlines()]
    assert len(calls) >= 2
    for call in calls:
        assert call == [
            *("-l", nas.user, "-p", str(nas.port)),
            *nas.ssh_opts,
            *("-o ConnectTimeout=30", "-T", "--", nas.host, "docker system dial-stdio"),
        ]


def test_a_host_without_docker_on_its_path_is_said_so(stack: Stack, tmp_path: Path) -> None:
    key = tmp_path / "key"
    with Recorder(path="/nowhere") as recorder:
        key.write_text(recorder.client_key_text())
        key.chmod(0o600)
        hosts = tmp_path / "known_hosts"
        hosts.write_text(f"[127.0.0.1]:{recorder.port} {recorder.host_key_text()}\n")

        def program() -> None:
            provider = docker.Provider(
                "nas",
                host=f"ssh://somebody@127.0.0.1:{recorder.port}",
                ssh_opts=["-i", str(key), "-o", f"UserKnownHostsFile={hosts}"],
            )
            docker.Volume(
                "data", name="contract-data", opts=pulumi.ResourceOptions(provider=provider)
            )

        error = stack.up(program, fails=True).error
        assert set(recorder.commands) == {"docker system dial-stdio"}
    assert "Error pinging Docker server, please make sure that ssh://somebody@" in error
    assert "docker system dial-stdio] has exited with exit status 127" in error
    assert "make sure the URL is valid, and Docker 18.09 or later is installed" in error
    assert "docker: not found" in error
