"""What we rely on of the docker provider's Container, RemoteImage and Volume.

One stack per Docker Engine lives through all of it; the tests look at what was seen on the way.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from .harness import Run, Stack, inside, plain_state
from .machine import IMAGE, Machine
from .ssh_recorder import Recorder

HOST_FOLDER = "/tmp/contract"
# Docker's stop with no grace sends TERM too, but KILL right after it.
_ON_TERM = 'trap "sleep 1; touch /host/$0; exit 0" TERM; while :; do sleep 0.1; done'
_MORE_SSH = ["-o", "ServerAliveInterval=15"]
_PROGRAM = b"#!/bin/sh\nexec sleep 600\n"
_HOST = [{"host_path": HOST_FOLDER, "container_path": "/host"}]

# Container -> its inputs at first, and what changes later.
FIRST: dict[str, dict[str, Any]] = {
    "privileged": {"privileged": True, "cgroupns_mode": "host"},
    "ports": {
        "network_mode": "bridge",
        "ports": [
            {"internal": 6443, "external": 16443},
            {"internal": 80, "external": 18080},
            {"internal": 53, "external": 15353, "protocol": "udp"},
        ],
    },
    "upgraded": {},
    "env": {"envs": ["A=1"]},
    "command": {"command": ["sleep", "600"]},
    "limits": {"restart": "no", "memory": 64, "memory_swap": 128},
    # As much swap as there is: what the engine sets by itself depends on the kernel.
    "limited": {"memory": 64, "memory_swap": -1, "cpus": "1.5", "stop_timeout": 40},
    "fewer": {"cpus": "2.0"},
    "bound": {"mounts": [{"type": "bind", "source": HOST_FOLDER, "target": "/bound"}]},
    "silent": {},
    "removed": {},
    "stopped": {},
    "killed": {"command": ["sh", "-c", _ON_TERM, "killed"], "volumes": _HOST},
    "graceful": {
        "command": ["sh", "-c", _ON_TERM, "graceful"],
        "volumes": _HOST,
        "destroy_grace_seconds": 20,
    },
    "healthy": {
        "wait": True,
        "healthcheck": {"tests": ["CMD", "true"], "interval": "500ms"},
    },
}
LATER: dict[str, dict[str, Any]] = {
    "env": {"envs": ["A=2"]},
    "command": {"command": ["sleep", "601"]},
    "limits": {"restart": "always", "memory": 96, "memory_swap": 192, "cpu_shares": 512},
    "limited": {"memory": 96},
    "fewer": {"cpus": "1.0"},
    "silent": {
        "tmpfs": {"/run": ""},
        "healthcheck": {"tests": ["CMD", "true"]},
        "init": True,
        "cpu_period": 50000,
        "cpu_quota": 25000,
    },
}
BROKEN: dict[str, dict[str, Any]] = {
    "clash": {},
    "unstartable": {"command": ["/no/such/program"]},
    # Its program is there later, with nothing changed in the Pulumi program.
    "blocked": {"command": ["/host/program"], "volumes": _HOST},
    "half-limited": {"memory": 64},
    "unhealthy": {
        "wait": True,
        "wait_timeout": 2,
        "healthcheck": {"tests": ["CMD", "false"], "interval": "500ms", "retries": 1},
    },
}
Inspected = dict[str, dict[str, Any]]


@dataclass
class Story:
    """All runs of the stack, with what Docker knew after them, by resource name."""

    machine: Machine
    created: Run = field(default_factory=Run)
    at_first: Inspected = field(default_factory=dict)
    said_at_first: str = ""
    again: list[Run] = field(default_factory=list)
    preview: Run = field(default_factory=Run)
    changed: Run = field(default_factory=Run)
    later: Inspected = field(default_factory=dict)
    unchanged: Run = field(default_factory=Run)
    unseen: Run = field(default_factory=Run)
    refreshed_state: dict[str, Any] = field(default_factory=dict)
    preview_of_healing: Run = field(default_factory=Run)
    healed: Run = field(default_factory=Run)
    after_healing: Inspected = field(default_factory=dict)
    failed: Run = field(default_factory=Run)
    after_failure: Inspected = field(default_factory=dict)
    failed_state: dict[str, Any] = field(default_factory=dict)
    mended: Run = field(default_factory=Run)
    after_mending: Inspected = field(default_factory=dict)
    finished: Run = field(default_factory=Run)
    # Everything that was printed, and every state file.
    printed: str = ""
    states: str = ""
    images: list[str] = field(default_factory=list)
    anonymous: list[set[str]] = field(default_factory=list)
    left_on_host: set[str] = field(default_factory=set)
    left: str = ""
    ssh_calls: list[list[str]] = field(default_factory=list)


class Program:
    """The program, whose resources the phases of the story change."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.containers = {name: dict(inputs) for name, inputs in FIRST.items()}
        self.tag = "1"
        self.password = "sentinel-one"
        self.missing_image = False
        self.volume = "contract-moved"
        self.ssh_opts = machine.ssh_opts

    def __call__(self) -> None:
        provider = self.machine.provider(ssh_opts=self.ssh_opts)
        options = pulumi.ResourceOptions(provider=provider)
        image = docker.RemoteImage("image", name=f"{IMAGE}:1", keep_locally=True, opts=options)
        newer = docker.RemoteImage(
            "newer", name=f"{IMAGE}:{self.tag}", keep_locally=True, opts=options
        )
        docker.RemoteImage("dropped", name="contract/dropped:1", opts=options)
        volume = docker.Volume("data", name="contract-data", opts=options)
        docker.Volume("lost", name="contract-lost", opts=options)
        docker.Volume("moved", name=self.volume, opts=options)
        if self.missing_image:
            docker.RemoteImage("missing", name="registry.invalid/none:1", opts=options)
        for name, inputs in self.containers.items():
            used = newer if name == "upgraded" else image
            settings: dict[str, Any] = {"network_mode": "host"} | inputs
            docker.Container(
                name, name=f"contract-{name}", image=used.image_id, opts=options, **settings
            )
        docker.Container(
            "secret",
            name="contract-secret",
            image=image.image_id,
            network_mode="host",
            envs=["A=1", pulumi.Output.secret(f"PASSWORD={self.password}")],
            opts=options,
        )
        docker.Container(
            "uploads",
            name="contract-uploads",
            image=image.image_id,
            network_mode="host",
            uploads=[{"file": "/etc/told", "content": pulumi.Output.secret(self.password)}],
            opts=options,
        )
        docker.Container(
            "full",
            name="contract-full",
            image=image.image_id,
            command=["sh", "-c", "cat /etc/told; stat -c %a /etc/told /etc/deep/er; sleep 600"],
            network_mode="host",
            hostname="contract",
            restart="unless-stopped",
            destroy_grace_seconds=1,
            envs=["PLAIN=1", pulumi.Output.secret("PASSWORD=sentinel-full")],
            volumes=[
                {"volume_name": volume.name, "container_path": "/data"},
                {"host_path": HOST_FOLDER, "container_path": "/host", "read_only": True},
            ],
            mounts=[{"type": "tmpfs", "target": "/mounted"}],
            tmpfs={"/run": "", "/var/run": "size=65536k"},
            ulimits=[{"name": "nofile", "soft": 1024, "hard": 2048}],
            labels=[{"label": "contract", "value": "yes"}],
            log_driver="json-file",
            log_opts={"max-size": "1m", "max-file": "2"},
            uploads=[
                {"file": "/etc/told", "content": "told before the start\n", "permissions": "0640"},
                {"file": "/etc/deep/er", "content_base64": "AAEC", "executable": True},
            ],
            healthcheck={"tests": ["CMD", "true"], "interval": "1m30s", "retries": 3},
            opts=pulumi.ResourceOptions.merge(inside(), options),
        )


@pytest.fixture(scope="module")
def story(
    engine_environment: dict[str, str],
    docker_nas: Machine,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    """The life of the stack, with every `ssh` call of the provider written down."""
    folder = tmp_path_factory.mktemp("docker")
    path = f"{_logging_ssh(folder)}{os.pathsep}{engine_environment['PATH']}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", path)
        docker_nas.forget()
        stack = Stack(folder / "program", engine_environment | {"PATH": path})
        told = Story(docker_nas)
        try:
            _live(told, stack, docker_nas)
            calls = (folder / "calls").read_text().splitlines()
            told.ssh_calls = [line.rstrip("|").split("|") for line in calls]
            yield told
        finally:
            stack.clean()
            docker_nas.forget()


def _live(told: Story, stack: Stack, machine: Machine) -> None:
    def did(run: Run) -> Run:
        told.printed += run.output + run.error
        told.states += plain_state(stack)
        return run

    program = Program(machine)
    if "bridge" not in machine.docker("network ls --format '{{.Name}}'").split():
        del program.containers["ports"]
    machine.docker(f"tag {IMAGE}:1 contract/dropped:1")
    machine.docker("volume create contract-data")
    told.anonymous.append(_anonymous(machine))
    told.created = did(stack.up(program))
    told.anonymous.append(_anonymous(machine))
    told.at_first = _inspect(machine)
    told.said_at_first = soon(lambda: machine.docker("logs contract-full"))
    told.again = [
        did(stack.up(program)),
        did(stack.preview(program, diff=True)),
        did(stack.refresh(expect_no_changes=True)),
    ]

    for name, changes in LATER.items():
        program.containers[name] |= changes
    program.tag, program.password, program.volume = "2", "sentinel-two", "contract-elsewhere"
    program.ssh_opts = [*machine.ssh_opts, *_MORE_SSH]
    told.preview = did(stack.preview(program, diff=True))
    told.changed = did(stack.up(program))
    told.later = _inspect(machine)
    told.images = machine.docker("images --format '{{.Repository}}:{{.Tag}}'").split()
    told.unchanged = did(stack.up(program))

    machine.docker("rm -fv contract-removed")
    machine.docker("stop -t 0 contract-stopped")
    machine.docker("volume rm contract-lost")
    told.unseen = did(stack.up(program))
    did(stack.refresh())
    told.refreshed_state = stack.state()
    told.preview_of_healing = did(stack.preview(program))
    told.healed = did(stack.up(program))
    told.after_healing = _inspect(machine)

    machine.docker(f"create --name contract-clash --network none {IMAGE}:1")
    program.containers |= {name: dict(inputs) for name, inputs in BROKEN.items()}
    program.missing_image = True
    told.failed = did(stack.up(program, fails=True))
    told.failed_state = stack.state()
    told.after_failure = _inspect(machine)

    machine.docker("rm -v contract-clash")
    program.missing_image = False
    del program.containers["unhealthy"]
    program.containers["unstartable"]["command"] = ["sleep", "600"]
    machine.sh(f"cat >{HOST_FOLDER}/program; chmod +x {HOST_FOLDER}/program", _PROGRAM)
    told.mended = did(stack.up(program))
    told.after_mending = _inspect(machine)
    told.finished = did(stack.up(program))

    did(stack.destroy())
    told.left_on_host = set(machine.sh(f"ls {HOST_FOLDER}").split()) - {"program"}
    told.left = machine.docker("ps -aq --filter name=contract-") + machine.docker(
        "volume ls -q --filter name=contract-"
    )
    told.images += [
        f"after {name}"
        for name in machine.docker("images --format '{{.Repository}}:{{.Tag}}'").split()
    ]
    told.anonymous.append(_anonymous(machine))


def _logging_ssh(folder: Path) -> Path:
    """A directory for PATH whose `ssh` writes down its arguments and becomes the real one."""
    fake = folder / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(
        "#!/bin/sh\n"
        # One write a call: several of them run at once.
        'line=; for word in "$@"; do line="$line$word|"; done\n'
        f'echo "$line" >>{folder}/calls\n'
        'PATH=${PATH#*:} exec ssh "$@"\n'
    )
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    return fake.parent


def _inspect(machine: Machine) -> Inspected:
    names = machine.docker("ps -a --filter name=contract- --format '{{.Names}}'").split()
    found: list[dict[str, Any]] = json.loads(machine.docker(f"inspect {' '.join(names)}"))
    return {one["Name"].removeprefix("/contract-"): one for one in found}


def _anonymous(machine: Machine) -> set[str]:
    return {name for name in machine.docker("volume ls -q").split() if len(name) == 64}


def soon(look: Callable[[], str]) -> str:
    """What `look` returns once it returns something; within ten seconds."""
    deadline = time.monotonic() + 10
    while not (seen := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return seen


def test_a_container_is_made_as_it_was_asked_for(story: Story) -> None:
    found = story.at_first["full"]
    config, host = found["Config"], found["HostConfig"]
    assert found["State"]["Running"]
    assert {"PASSWORD=sentinel-full", "PLAIN=1"} <= set(config["Env"])
    assert config["Hostname"] == "contract"
    assert config["Labels"]["contract"] == "yes"
    assert config["Healthcheck"]["Interval"] == 90 * 10**9
    assert host["NetworkMode"] == "host"
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["Tmpfs"] == {"/run": "", "/var/run": "size=65536k"}
    assert host["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "1m", "max-file": "2"},
    }
    assert [(u["Name"], u["Soft"], u["Hard"]) for u in host["Ulimits"]] == [("nofile", 1024, 2048)]
    assert sorted(host["Binds"]) == [f"{HOST_FOLDER}:/host:ro", "contract-data:/data:rw"]
    assert story.at_first["privileged"]["HostConfig"]["Privileged"] is True


def test_uploads_are_there_before_the_first_process_starts(story: Story) -> None:
    assert story.said_at_first.split("\n") == ["told before the start", "640", "744"]


def test_published_ports_are_those_of_the_bridge(story: Story) -> None:
    if "ports" not in story.at_first:
        pytest.skip("this daemon has no bridge network")
    bound = story.at_first["ports"]["HostConfig"]["PortBindings"]
    assert {port: [b["HostPort"] for b in to] for port, to in bound.items()} == {
        "6443/tcp": ["16443"],
        "80/tcp": ["18080"],
        "53/udp": ["15353"],
    }


def test_nothing_changes_while_the_program_does_not(story: Story) -> None:
    """Up, preview and refresh, with host network, bridge, privileged, log options and the rest."""
    assert [run.changed for run in story.again] == [{}, {}, {}]
    assert story.unchanged.changed == {}
    for name in ("full", "privileged", "healthy"):
        assert story.changed.ops(name) == ["same"]
        assert story.later[name]["Id"] == story.at_first[name]["Id"]


def test_secrets_are_seen_by_the_container_only(story: Story) -> None:
    assert "PASSWORD=sentinel-one" in story.at_first["secret"]["Config"]["Env"]
    assert "PASSWORD=sentinel-two" in story.later["secret"]["Config"]["Env"]
    assert "sentinel" not in story.printed
    assert "sentinel" not in story.states
    assert "[secret]" in story.preview.output
    for where in ("inputs", "outputs"):
        assert "ciphertext" in json.dumps(story.refreshed_state["secret"][where]["envs"])
        assert "ciphertext" in json.dumps(story.refreshed_state["uploads"][where]["uploads"])


def test_a_new_image_shows_both_replacements_in_preview(story: Story) -> None:
    assert story.preview.diff("newer") == {"name": "update-replace"}
    assert story.preview.diff("upgraded") == {"image": "update-replace"}
    assert "[unknown]" in story.preview.output


def test_the_new_image_comes_before_the_old_container_goes(story: Story) -> None:
    run = story.changed
    assert run.ops("newer") == ["create-replacement", "replace", "delete-replaced"]
    assert run.ops("upgraded") == ["delete-replaced", "replace", "create-replacement"]
    assert run.when("newer", "create-replacement") < run.when("upgraded", "delete-replaced")
    assert story.later["upgraded"]["Image"] != story.at_first["upgraded"]["Image"]


def test_images_are_kept_or_removed_as_was_said(story: Story) -> None:
    assert {f"{IMAGE}:1", f"{IMAGE}:2", "contract/dropped:1"} <= set(story.images)
    assert {f"after {IMAGE}:1", f"after {IMAGE}:2"} <= set(story.images)
    assert "after contract/dropped:1" not in story.images


@pytest.mark.parametrize(
    ("name", "property_name"),
    [("env", "envs"), ("secret", "envs"), ("command", "command"), ("uploads", "uploads")],
)
def test_what_docker_cannot_change_replaces_the_container_old_one_first(
    story: Story, name: str, property_name: str
) -> None:
    for run in (story.preview, story.changed):
        assert run.properties(name) == {property_name}
        assert run.ops(name) == ["delete-replaced", "replace", "create-replacement"]
    assert story.later[name]["Id"] != story.at_first[name]["Id"]


def test_restart_policy_and_limits_change_in_place(story: Story) -> None:
    for run in (story.preview, story.changed):
        assert run.ops("limits") == ["update"]
        assert run.properties("limits") == {"restart", "memory", "memorySwap", "cpuShares"}
    before, after = story.at_first["limits"], story.later["limits"]
    assert after["Id"] == before["Id"]
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]
    assert after["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert after["HostConfig"]["Memory"] == 96 * 1024 * 1024
    assert after["HostConfig"]["CpuShares"] == 512


def test_a_limit_of_memory_with_any_swap_changes_in_place(story: Story) -> None:
    assert story.changed.ops("limited") == ["update"]
    assert story.changed.properties("limited") == {"memory"}
    before, after = story.at_first["limited"], story.later["limited"]
    assert (before["HostConfig"]["Memory"], before["HostConfig"]["NanoCpus"]) == (
        64 * 1024 * 1024,
        1_500_000_000,
    )
    assert before["Config"]["StopTimeout"] == 40
    assert after["HostConfig"]["Memory"] == 96 * 1024 * 1024
    assert after["State"]["StartedAt"] == before["State"]["StartedAt"]


def test_another_number_of_processors_replaces_the_container(story: Story) -> None:
    assert story.preview.properties("fewer") == {"cpus"}
    assert story.preview.ops("fewer") == ["delete-replaced", "replace", "create-replacement"]
    assert story.later["fewer"]["HostConfig"]["NanoCpus"] == 1_000_000_000


def test_a_directory_of_the_host_is_mounted_as_it_was_written(story: Story) -> None:
    (mount,) = story.at_first["bound"]["HostConfig"]["Mounts"]
    assert (mount["Type"], mount["Source"], mount["Target"]) == ("bind", HOST_FOLDER, "/bound")
    assert story.changed.ops("bound") == ["same"]


def test_some_updates_are_said_to_be_done_and_are_not(story: Story) -> None:
    """The reason why the program asks for replacement on changes of these."""
    assert story.changed.ops("silent") == ["update"]
    assert story.changed.properties("silent") == {
        "tmpfs",
        "healthcheck",
        "init",
        "cpuPeriod",
        "cpuQuota",
    }
    before, after = story.at_first["silent"], story.later["silent"]
    assert after["Id"] == before["Id"]
    assert not after["HostConfig"].get("Tmpfs")
    assert not after["Config"].get("Healthcheck")
    assert not after["HostConfig"]["Init"]
    assert after["HostConfig"]["CpuPeriod"] == 0


def test_what_was_removed_by_hand_is_seen_by_refresh_only(story: Story) -> None:
    assert story.unseen.changed == {}
    assert {"removed", "lost"}.isdisjoint(story.refreshed_state)
    assert story.healed.ops("removed") == ["create"]
    assert story.healed.ops("lost") == ["create"]
    assert story.after_healing["removed"]["State"]["Running"]


def test_a_stopped_container_is_started_after_a_refresh(story: Story) -> None:
    assert story.refreshed_state["stopped"]["outputs"]["mustRun"] is False
    assert story.preview_of_healing.ops("stopped") == ["update"]
    assert story.preview_of_healing.properties("stopped") == {"mustRun"}
    assert story.after_healing["stopped"]["Id"] == story.later["stopped"]["Id"]
    assert story.after_healing["stopped"]["State"]["Running"]


def test_a_refresh_tells_of_updates_that_never_happened(story: Story) -> None:
    """Of some of them: a healthcheck that is not there is never noticed again."""
    assert story.healed.properties("silent") == {"tmpfs", "init"}


def test_a_name_in_use_is_what_docker_says_it_is(story: Story) -> None:
    told = story.failed.messages("clash")
    assert 'The container name "/contract-clash" is already in use by container' in told
    assert "Traceback" not in story.failed.error
    assert "clash" not in story.failed_state
    assert story.mended.ops("clash") == ["create"]


def test_a_container_that_cannot_start_stays_in_the_state_with_the_error(story: Story) -> None:
    told = story.failed.messages("unstartable")
    assert "Unable to start container" in told
    assert "/no/such/program" in told
    kept = story.failed_state["unstartable"]
    assert kept["id"] == story.after_failure["unstartable"]["Id"]
    assert kept["initErrors"]
    assert "replace" in story.mended.ops("unstartable")
    assert story.after_mending["unstartable"]["State"]["Running"]


def test_wait_needs_a_healthy_container_and_leaves_an_unhealthy_one_behind(story: Story) -> None:
    assert story.at_first["healthy"]["State"]["Health"]["Status"] == "healthy"
    assert "container failed to be in healthy state" in story.failed.messages("unhealthy")
    assert story.after_failure["unhealthy"]["State"]["Running"]
    assert story.failed_state["unhealthy"]["initErrors"]
    assert story.mended.ops("unhealthy") == ["delete"]
    assert "unhealthy" not in story.after_mending


def test_an_image_that_cannot_be_had_names_itself(story: Story) -> None:
    told = story.failed.messages("missing")
    assert "unable to pull image registry.invalid/none:1" in told


def test_destroy_kills_at_once_or_waits_for_the_grace_period(story: Story) -> None:
    assert story.left_on_host == {"graceful"}


def test_destroy_leaves_no_container_and_no_volume_of_its_own(story: Story) -> None:
    assert story.left == ""
    before, meanwhile, after = story.anonymous
    assert meanwhile > before
    assert after == before


def test_a_volume_that_is_there_already_is_taken(story: Story) -> None:
    assert story.created.ops("data") == ["create"]
    mountpoint = story.refreshed_state["data"]["outputs"]["mountpoint"]
    assert mountpoint.endswith("/contract-data/_data")


def test_ssh_options_reach_every_ssh_call(story: Story) -> None:
    machine = story.machine
    ours = [call for call in story.ssh_calls if "docker system dial-stdio" in call]
    assert len(ours) >= 10
    for options in (machine.ssh_opts, [*machine.ssh_opts, *_MORE_SSH]):
        expected = [
            *("-l", machine.user, "-p", str(machine.port)),
            *options,
            *("-o ConnectTimeout=30", "-T", "--", machine.host, "docker system dial-stdio"),
        ]
        assert expected in ours
        ours = [call for call in ours if call != expected]
    assert ours == []


def test_other_ssh_options_change_the_provider_and_nothing_else(story: Story) -> None:
    for run in (story.preview, story.changed):
        assert run.ops("nas") == ["update"]
        assert run.ops("full") == ["same"]


def test_a_volume_with_another_name_replaces_the_old_one_first(story: Story) -> None:
    assert story.changed.diff("moved") == {"name": "update-replace"}
    assert story.changed.ops("moved") == ["delete-replaced", "replace", "create-replacement"]


def test_a_memory_limit_without_one_for_swap_is_a_change_after_every_read(story: Story) -> None:
    assert story.mended.diff("half-limited") == {"memorySwap": "delete"}


def test_a_container_that_failed_to_start_is_replaced_by_the_next_up(story: Story) -> None:
    """With nothing changed in the program; what kept it from starting is gone by then."""
    assert "Unable to start container" in story.failed.messages("blocked")
    assert story.mended.ops("blocked") == ["delete-replaced", "replace", "create-replacement"]
    assert story.mended.diff("blocked") == {"entrypoints": "add-replace", "networkDatas": "add"}
    assert story.after_mending["blocked"]["State"]["Running"]
    assert story.finished.changed == {}


def test_a_preview_of_a_creation_connects_to_nothing(stack: Stack) -> None:
    def program() -> None:
        provider = docker.Provider("nas", host="ssh://admin@192.0.2.1", ssh_opts=["-v"])
        options = pulumi.ResourceOptions(provider=provider)
        image = docker.RemoteImage("image", name="nowhere.example/x:1", opts=options)
        docker.Volume("data", name="contract-data", opts=options)
        docker.Container("box", image=image.image_id, opts=options)

    started = time.monotonic()
    run = stack.preview(program)
    assert time.monotonic() - started < 20
    assert run.changed.keys() >= {"image", "data", "box"}


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
