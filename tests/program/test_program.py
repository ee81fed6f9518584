"""The program under mocks: what the engine is asked for, in `up` and in `preview`."""

from __future__ import annotations

import atexit
import json
import re
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import components.reading
from components.program import build
from components.stack_config import encrypted_keys, stack_config
from nas import provider_files
from nas.daemon_routes import fingerprint
from nas.facts import Facts, Unreadable
from nas.plan import make_plan
from nas.ssh import SshTarget
from nas.timeline import STAGES, from_line, read_stages, to_line
from tests.lab.paths import REPO
from tests.program.recorder import Registration, Run, record
from tests.unit.samples import CONFIG, FACTS, host_key, settings
from tests.unit.test_certificates import NOW, certificate
from tests.unit.test_kubeconfig import K3S
from tests.unit.test_timeline import DAEMON, MEASURED, NOON, PULL

IMAGE_ID = "sha256:0123456789abcdef"
OUTPUTS = {
    "cluster-kubeconfig": {"stdout": K3S},
    "k3s-image": {"imageId": IMAGE_ID},
    "ready-checks": {"stdout": "kubelet_version=v1.34.4+k3s1\nnode_ip=192.168.31.88\nlogs=ok\n"},
    "daemon-proxy-config": {"stdout": DAEMON},
    "k3s-image-pull": {"stdout": PULL},
    "ready-timeline": {"stdout": MEASURED},
}
COMMANDS = {
    "docker-path": ("sh -s apply", "sh -s remove"),
    "daemon-proxy-config": ("sh -s apply", "sh -s restore"),
    "k3s-image-pull": ("sh -s pull", None),
    "k3s-snapshot": ("sh -s apply", None),
    "k3s-cluster-id": ("sh -s claim nas-k3s/nas88/k3s", None),
    "k3s-network": (None, "sh -s remove"),
    "cluster-api": ("sh -s wait none", None),
    "cluster-kubeconfig": ("sh -s read", None),
    "ready-checks": ("sh -s check", "sh -s forget"),
    "ready-timeline": (f"sh -s measure {NOON}-{NOON + 59}-k3s-containe 0", None),
}
CONTRACT = {
    "kubeconfig": "secret",
    **dict.fromkeys(
        (
            "endpoint",
            "context",
            "clusterIdentifier",
            "nodeName",
            "nodeIp",
            "kubeletVersion",
            "image",
            "clusterDomain",
            "clusterCidr",
            "serviceCidr",
            "timeline",
        ),
        "text",
    ),
}
SECRET: dict[str, Any] = {"proxyUser": "svc", "proxyPassword": "S3NTINEL", "token": "S3NTINEL"}
BOTH = pytest.mark.parametrize("preview", [False, True], ids=["up", "preview"])


def target(key_file: Path | None = None) -> SshTarget:
    key = None if key_file is None else str(key_file)
    return SshTarget("192.168.31.88", 22, "admin", key, host_key())


KEPT = replace(
    FACTS,
    container="running",
    own_container="k3s",
    docker_on_path="/bin/docker",
    put="a",
    applied_put="a",
)
"""The NAS as the last run left it."""


def run(
    *,
    preview: bool = False,
    facts: Facts | Unreadable = FACTS,
    key_file: Path | None = None,
    **config: str,
) -> Run:
    """The program's graph for a config."""
    plan = make_plan(settings(**config), facts)
    done = record(lambda: build(plan, target(key_file)), preview=preview, outputs=OUTPUTS)
    assert done.error is None, done.error
    return done


@pytest.fixture(scope="module")
def up() -> Run:
    """A run with the sample config."""
    return run()


# ---- the graph


@BOTH
def test_every_resource_of_the_design_is_there(preview: bool) -> None:
    done = run(preview=preview)
    types = {name: one.type.removeprefix("nas-k3s:index:") for name, one in done.resources.items()}
    assert types == {
        "nas-commands": "pulumi:providers:command",
        "docker": "RemoteDocker",
        "docker-provider": "pulumi:providers:docker",
        "docker-drift": "pulumi:index:Stash",
        "daemon-proxy": "DaemonProxy",
        "daemon-proxy-drift": "pulumi:index:Stash",
        "k3s": "K3sServer",
        "k3s-drift": "pulumi:index:Stash",
        "k3s-cluster": "pulumi:index:Stash",
        "cluster-drift": "pulumi:index:Stash",
        "k3s-image": "docker:index/remoteImage:RemoteImage",
        "k3s-data": "docker:index/volume:Volume",
        "k3s-etc": "docker:index/volume:Volume",
        "k3s-container": "docker:index/container:Container",
        "cluster": "ClusterAccess",
        "cluster-stopped": "pulumi:index:Stash",
        "k3s-place": "pulumi:index:Stash",
        "cluster-reach": "command:local:Command",
        "ready": "ClusterReady",
        "ready-files": "command:local:Command",
        "ready-provider": "pulumi:providers:kubernetes",
        "ready-namespace": "kubernetes:core/v1:Namespace",
        "ready-since": "pulumi:index:Stash",
        "ready-smoke": "kubernetes:batch/v1:Job",
        **dict.fromkeys(COMMANDS, "command:remote:Command"),
    }


@pytest.mark.parametrize(("keep", "mode"), [("true", "keep"), ("false", "restore")])
def test_without_a_proxy_docker_has_what_it_had_before_anything_is_pulled(
    keep: str, mode: str
) -> None:
    """Left to a delete, Docker would restart after the cluster was proven."""
    done = run(proxy="", keepDaemonProxy=keep)
    one = done["daemon-proxy-config"].inputs
    assert one["create"].splitlines() == [
        f"sh -s {mode}",
        "# proxy: none",
        "# noProxy: ",
        "# drift: none",
    ]
    assert one["delete"] == f"sh -s {mode}"
    assert {"daemon-proxy-config", "docker-path"} <= done.before("k3s-image-pull")


@pytest.mark.parametrize(
    ("name", "earlier"),
    [
        ("docker-provider", ["docker-path"]),
        ("daemon-proxy-config", ["docker-path", "docker-provider"]),
        ("k3s-image-pull", ["daemon-proxy-config", "docker-path"]),
        ("k3s-image", ["k3s-image-pull"]),
        ("k3s-snapshot", ["k3s-image", "k3s-data", "k3s-etc"]),
        ("k3s-cluster-id", ["k3s-data", "k3s-etc"]),
        ("k3s-network", ["k3s-image", "k3s-cluster-id"]),
        ("k3s-container", ["k3s-image", "k3s-data", "k3s-etc", "k3s-network", "k3s-snapshot"]),
        ("cluster-api", ["k3s-container"]),
        ("cluster-kubeconfig", ["k3s-container", "cluster-api"]),
        ("cluster-reach", ["cluster-api"]),
        ("ready-checks", ["cluster-kubeconfig", "cluster-reach"]),
        ("ready-provider", ["ready-checks", "ready-files"]),
        ("ready-namespace", ["ready-provider", "ready-checks"]),
        ("ready-smoke", ["ready-namespace", "ready-checks"]),
        ("ready-timeline", ["ready-smoke"]),
    ],
)
@BOTH
def test_each_arrow_of_the_design_is_a_dependency(
    name: str, earlier: list[str], preview: bool
) -> None:
    done = run(preview=preview)
    assert set(earlier) <= done.before(name)
    assert name not in {found for other in earlier for found in done.before(other)}


def test_no_two_connections_to_the_nas_are_made_at_once(up: Run) -> None:
    """sshd may allow a single login at a time (MaxStartups 1)."""
    over_ssh = [
        one.name for one in up.custom if one.type.startswith(("command:remote:", "docker:"))
    ]
    for one in over_ssh:
        for other in over_ssh:
            assert one == other or one in up.before(other) or other in up.before(one), (one, other)


def test_every_resource_has_an_explicit_provider(up: Run) -> None:
    providers = {
        "command:": up["nas-commands"],
        "docker:": up["docker-provider"],
        "kubernetes:": up["ready-provider"],
    }
    for one in up.custom:
        if not one.type.startswith(("pulumi:providers:", "pulumi:index:Stash")):
            (provider,) = [p for prefix, p in providers.items() if one.type.startswith(prefix)]
            assert one.request.provider.startswith(f"{provider.urn}::"), one.name


def test_every_child_lies_below_the_component_that_it_is_named_after(up: Run) -> None:
    for one in up.custom:
        if one.name != "nas-commands":
            parent = one.request.parent.rpartition("::")[2]
            assert one.name.startswith(f"{parent}-"), one.name


def test_components_show_what_they_are_about_and_no_secret() -> None:
    done = run(**SECRET)
    shown = {name: content for name, content in done.outputs.items() if content}
    assert set(shown) == {"docker", "daemon-proxy", "k3s", "cluster", "ready"}
    assert shown["daemon-proxy"]["proxy"] == "http://xxxxx:xxxxx@192.168.31.198:7222"
    assert "S3NTINEL" not in str(shown)


# ---- remote commands


def commands(done: Run) -> list[Registration]:
    return done.of_type("command:remote:Command")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_names_a_mode_and_no_data(up: Run, name: str) -> None:
    inputs = up[name].inputs
    create, delete = COMMANDS[name]
    if create is None:
        assert "create" not in inputs
    else:
        assert inputs["create"].split("\n")[0] == create
        assert all(line.startswith("# ") for line in inputs["create"].split("\n")[1:])
    assert inputs.get("delete") == delete
    assert "update" not in inputs
    # `triggers` would run the old delete after the new create; sshd accepts no variables.
    assert not {"triggers", "environment"} & set(inputs)
    assert inputs["addPreviousOutputInEnv"] is False


@BOTH
def test_scripts_and_the_private_key_are_secrets(tmp_path: Path, preview: bool) -> None:
    key = tmp_path / "id"
    key.write_text("S3NTINEL KEY\r\n")
    done = run(preview=preview, key_file=key, **SECRET)
    for one in commands(done):
        assert one.is_secret("stdin")
        assert one.is_secret("connection", "privateKey")
        assert one.inputs["connection"]["privateKey"] == "S3NTINEL KEY\n"


@BOTH
def test_no_secret_is_in_an_input_that_is_not_marked(tmp_path: Path, preview: bool) -> None:
    key = tmp_path / "id"
    key.write_text("S3NTINEL")
    auth = '{"configs": {"reg.lan": {"auth": {"username": "u", "password": "S3NTINEL"}}}}'
    done = run(preview=preview, key_file=key, registries=auth, **SECRET)
    marked = 0
    for one in done.resources.values():
        for name, value in one.inputs.items():
            if "S3NTINEL" in str(value):
                marked += 1
                assert _every_holder_is_marked(one, (name,), value), (one.name, name)
        options = str(one.request).split("object {")[0]
        assert "S3NTINEL" not in options
    assert marked > len(commands(done))


def _every_holder_is_marked(one: Registration, path: tuple[str | int, ...], value: Any) -> bool:
    if one.is_secret(*path):
        return True
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return "S3NTINEL" not in str(value)
    return all(_every_holder_is_marked(one, (*path, step), item) for step, item in items)


def test_every_command_has_the_same_connection_with_a_pinned_key_and_few_tries(up: Run) -> None:
    wanted = {
        "host": "192.168.31.88",
        "port": 22,
        "user": "admin",
        "hostKey": host_key(),
        "dialErrorLimit": 4,
        "perDialTimeout": 15,
    }
    assert [one.inputs["connection"] for one in commands(up)] == [wanted] * len(COMMANDS)


def test_each_step_of_a_command_has_a_deadline(up: Run) -> None:
    for one in commands(up):
        limits = one.request.customTimeouts
        assert limits.create == limits.update == limits.delete
        assert limits.create.removesuffix("s").isdigit()


@pytest.mark.parametrize(
    ("name", "config", "least"),
    [
        ("daemon-proxy-config", {"daemonTimeout": "300"}, 2 * 300),
        ("cluster-api", {"readyTimeout": "900"}, 900),
        ("cluster-kubeconfig", {"readyTimeout": "900"}, 900),
        ("ready-checks", {"readyTimeout": "900", "disable": "[]"}, 900 * 6),
    ],
)
def test_the_deadline_of_a_command_leaves_its_script_the_time_of_the_settings(
    name: str, config: dict[str, Any], least: int
) -> None:
    """The script's own message says more than a command that is cut off."""
    one = run(**config)[name]
    (seconds,) = {value for key, value in config.items() if key.endswith("Timeout")}
    assert f"_TIMEOUT={seconds}\n" in one.inputs["stdin"]
    assert int(one.request.customTimeouts.create.removesuffix("s")) > least


def test_the_kubeconfig_is_a_secret_from_the_command_to_the_provider(up: Run) -> None:
    read = up["cluster-kubeconfig"]
    assert {"stdout", "stderr"} <= set(read.request.additionalSecretOutputs)
    assert read.inputs["logging"] == "none"
    assert up["ready-provider"].is_secret("kubeconfig")
    assert yaml.safe_load(up["ready-provider"].inputs["kubeconfig"])["current-context"]


def test_people_see_what_the_other_scripts_say(up: Run) -> None:
    for one in commands(up):
        if one.name != "cluster-kubeconfig":
            assert one.inputs["logging"] == "stderr"


@BOTH
def test_preview_names_proxy_and_no_proxy_without_credentials(preview: bool) -> None:
    done = run(preview=preview, noProxy='["reg.example"]', **SECRET)
    create = done["daemon-proxy-config"].inputs["create"]
    assert "# proxy: http://xxxxx:xxxxx@192.168.31.198:7222" in create
    assert "reg.example" in create.split("# noProxy: ")[1]
    assert not done["daemon-proxy-config"].is_secret("create")


@pytest.mark.parametrize("scope", ["all", "images", "none"])
def test_a_run_of_the_daemons_script_is_followed_by_a_proof_whatever_k3s_has_of_the_proxy(
    scope: str,
) -> None:
    """Docker may have restarted, and the container with it, which is not made anew for that."""
    plan = make_plan(settings(proxyScope=scope), FACTS)
    for began in (NOON, NOON + 1000):
        report = DAEMON.replace(f"time_began={NOON}", f"time_began={began}")
        said = {**OUTPUTS, "daemon-proxy-config": {"stdout": report}}
        done = record(lambda: build(plan, target()), outputs=said)
        assert done["ready-checks"].inputs["create"].splitlines()[-1] == f"# docker: {began}"


def test_another_password_changes_only_what_is_secret() -> None:
    one = run(proxyUser="svc", proxyPassword="one")["daemon-proxy-config"].inputs
    other = run(proxyUser="svc", proxyPassword="other")["daemon-proxy-config"].inputs
    assert {name for name in one if one[name] != other[name]} == {"stdin"}


@pytest.mark.parametrize(("keep", "mode"), [("true", "sh -s keep"), ("false", "sh -s restore")])
def test_destroy_restores_the_daemons_proxy_unless_told_otherwise(keep: str, mode: str) -> None:
    assert run(keepDaemonProxy=keep)["daemon-proxy-config"].inputs["delete"] == mode


# ---- docker


def test_docker_is_reached_over_ssh_as_everything_else(tmp_path: Path) -> None:
    key = tmp_path / "id"
    key.write_text("KEY\n")
    inputs = run(key_file=key)["docker-provider"].inputs
    assert inputs["host"] == "ssh://admin@192.168.31.88:22"
    options = inputs["sshOpts"]
    options = yaml.safe_load(options) if isinstance(options, str) else options
    assert options == list(target(key).options)


def test_the_container_is_k3s_with_the_network_of_the_nas(up: Run) -> None:
    inputs = up["k3s-container"].inputs
    plan = make_plan(settings(), FACTS)
    assert inputs["command"] == list(plan.command)
    assert (inputs["name"], inputs["hostname"], inputs["image"]) == ("k3s", "nas88", IMAGE_ID)
    assert inputs["networkMode"] == "host"
    assert inputs["privileged"] is True
    assert inputs["restart"] == "always"
    # Left to the daemon, these come back as a change at every up.
    assert inputs["logDriver"] == "json-file"
    assert inputs["logOpts"]
    # With less the database may be killed in the middle of a write.
    assert inputs["destroyGraceSeconds"] >= 30
    assert inputs["stopTimeout"] >= 30
    assert not {"ports", "networksAdvanced", "init", "pidMode"} & set(inputs)


def test_before_a_bump_the_image_is_asked_for_and_the_data_kept(up: Run) -> None:
    image = "docker.io/rancher/k3s:v1.34.5-k3s1"
    done = run(k3sVersion="v1.34.5-k3s1")
    for name in ("k3s-image-pull", "k3s-snapshot"):
        # Preview shows what is about to happen, by which version.
        assert f"\n# image: {image}" in done[name].inputs["create"]
    script = done["k3s-snapshot"].inputs["stdin"]
    assert f"\nIMAGE={image}\nVERSION=v1.34.5-k3s1\n" in script
    assert "\nDATA_PLACE=k3s-data\nETC_PLACE=k3s-etc\n" in script
    there = run(dataDirectory="/share/k3s")["k3s-snapshot"].inputs["stdin"]
    assert "\nDATA_PLACE=/share/k3s/data\nETC_PLACE=/share/k3s/etc\n" in there
    assert "\n# restore" not in up["k3s-snapshot"].inputs["create"]
    own = run(k3sImage="own/k3s:stable")
    assert "SETTING=k3sImage\n" in own["k3s-image-pull"].inputs["stdin"]
    assert "\nVERSION=v" not in own["k3s-snapshot"].inputs["stdin"]


@BOTH
def test_a_snapshot_that_is_to_be_put_back_replaces_the_container_once(preview: bool) -> None:
    name = "v1.34.4-k3s1-20260131T093000Z"
    pending = replace(KEPT, snapshots=(name,))
    done = run(preview=preview, facts=pending, restoreSnapshot=name)
    assert f"\n# restore: {name}" in done["k3s-snapshot"].inputs["create"]
    trigger = done["k3s-container"].request.replacement_trigger.string_value
    assert f"the snapshot {name} is put back" in trigger
    # The mark of the run before is kept from now on.
    again = run(preview=preview, facts=replace(pending, restored=name), restoreSnapshot=name)
    assert "input" in again["k3s-drift"].request.ignoreChanges
    assert "input" not in done["k3s-drift"].request.ignoreChanges


def test_data_and_the_password_of_the_node_outlive_the_container(up: Run) -> None:
    mounts = {mount["target"]: mount for mount in up["k3s-container"].inputs["mounts"]}
    assert set(mounts) == {"/var/lib/rancher/k3s", "/etc/rancher"}
    for target_path, volume in (("/var/lib/rancher/k3s", "k3s-data"), ("/etc/rancher", "k3s-etc")):
        assert mounts[target_path] == {"type": "volume", "target": target_path, "source": volume}
        assert up[volume].inputs["name"] == volume


def test_proxy_and_token_are_secret_variables_of_the_container() -> None:
    one = run(**SECRET)["k3s-container"]
    assert one.is_secret("envs")
    envs = dict(text.split("=", 1) for text in one.inputs["envs"])
    assert envs == make_plan(settings(**SECRET), FACTS).env
    assert one.inputs["envs"] == sorted(one.inputs["envs"])


def test_registries_are_a_secret_file_that_is_always_written() -> None:
    """The file lies in a volume: one that is no longer wanted would stay."""
    mirror = '{"mirrors": {"docker.io": {"endpoint": ["http://reg.lan:5000"]}}}'
    for text, content in ((mirror, yaml.safe_load(mirror)), ("", {})):
        one = run(registries=text)["k3s-container"]
        (upload,) = one.inputs["uploads"]
        assert upload["file"] == "/etc/rancher/k3s/registries.yaml"
        assert upload["permissions"] == "0600"
        assert yaml.safe_load(upload["content"]) == content
        assert one.is_secret("uploads", 0, "content")


def test_additional_ca_certificates_lie_where_go_programs_look(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    done = run(caCertificatesFile=str(tmp_path / "ca.pem"))
    upload = done["k3s-container"].inputs["uploads"][1]
    assert upload["file"].startswith("/etc/ssl/certs/")
    assert upload["content"] == "-----BEGIN CERTIFICATE-----\n"


def test_the_old_container_goes_before_the_new_one_comes(up: Run) -> None:
    request = up["k3s-container"].request
    assert request.deleteBeforeReplace
    assert request.deleteBeforeReplaceDefined
    # The provider says that it updated these and leaves the container as it was.
    assert {"tmpfs", "healthcheck", "init"} <= set(request.replaceOnChanges)


@BOTH
def test_another_image_is_a_replacement_already_in_preview(preview: bool) -> None:
    for image in ("reg.lan/k3s:1", "reg.lan/k3s:2"):
        done = run(preview=preview, facts=KEPT, k3sImage=image)
        assert done["k3s-container"].request.replacement_trigger.string_value == f"{image} none"
        assert done["k3s-image"].inputs["name"] == image


def test_the_image_stays_for_the_cleanup_and_has_its_own_deadline() -> None:
    one = run(pullTimeout="777")["k3s-image"]
    assert one.inputs["keepLocally"] is True
    assert one.request.customTimeouts.create == "777s"


@pytest.mark.parametrize("keep", [True, False])
def test_destroy_leaves_the_data_exactly_when_the_setting_says_so(keep: bool) -> None:
    done = run(keepData=str(keep).lower())
    for volume in ("k3s-data", "k3s-etc"):
        assert done[volume].request.retainOnDelete == keep
    assert not done["k3s-container"].request.retainOnDelete
    stdin = done["k3s-network"].inputs["stdin"]
    assert f"KEEP={'yes' if keep else 'no'}\n" in stdin


# ---- the cluster


def test_destroy_asks_no_api_about_the_objects_in_the_cluster(up: Run) -> None:
    assert up["ready-namespace"].request.retainOnDelete
    assert up["ready-smoke"].request.deletedWith == up["ready-namespace"].urn


def test_no_object_in_the_cluster_depends_on_the_container_by_its_inputs(up: Run) -> None:
    """The engine would configure the provider before the container is replaced."""
    for name in ("ready-namespace", "ready-smoke"):
        tied = up[name].request.propertyDependencies.values()
        assert not any(up["k3s-container"].urn in one.urns for one in tied)
        assert "k3s-container" in up.before(name)
    label = up["ready-smoke"].inputs["metadata"]["labels"]["nas-k3s/container"]
    assert f"# container: {label}" in up["ready-checks"].inputs["create"]


def test_the_identity_of_the_cluster_is_that_of_its_data() -> None:
    one = run()["ready-provider"].inputs
    other = run(facts=Unreadable("away", "off"), apiPort="16443")["ready-provider"].inputs
    assert one["clusterIdentifier"] == other["clusterIdentifier"] == "nas-k3s/nas88/k3s"


def test_the_smoke_test_pulls_its_image_and_resolves_a_name_of_the_cluster() -> None:
    done = run(smokeImage="reg.lan/busybox:1", clusterDomain="nas.home", readyTimeout="99")
    spec = done["ready-smoke"].inputs["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert container["image"] == "reg.lan/busybox:1"
    assert container["command"][0] == "nslookup"
    assert container["command"][-1] == "kubernetes.default.svc.nas.home"
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 99
    assert done["ready-smoke"].request.customTimeouts.create == "99s"
    assert done["ready-smoke"].inputs["metadata"]["namespace"] == "nas-k3s-smoke"


@pytest.mark.parametrize("name", ["cluster-api", "ready-checks"])
def test_another_container_is_waited_for_and_proven_anew(up: Run, name: str) -> None:
    assert "# container: k3s-container-id" in up[name].inputs["create"]


def test_another_container_leaves_the_kubeconfig_known(up: Run) -> None:
    """Else every object in the cluster would be unknown in the preview."""
    create = up["cluster-kubeconfig"].inputs["create"]
    assert "k3s-container-id" not in create
    assert "# image: docker.io/rancher/k3s:v1.34.4-k3s1" in create


# ---- exports


def test_the_exports_are_what_a_user_needs_and_the_kubeconfig_is_a_secret(up: Run) -> None:
    values = {name: export.value for name, export in up.exports.items()}
    kubeconfig = yaml.safe_load(values.pop("kubeconfig"))
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://192.168.31.88:6443"
    assert values == {
        "endpoint": "https://192.168.31.88:6443",
        "context": "k3s-nas88",
        "clusterIdentifier": "nas-k3s/nas88/k3s",
        "nodeName": "nas88",
        "nodeIp": "192.168.31.88",
        "kubeletVersion": "v1.34.4+k3s1",
        "image": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "clusterDomain": "cluster.local",
        "clusterCidr": "10.42.0.0/16",
        "serviceCidr": "10.43.0.0/16",
        "timeline": to_line(read_stages(DAEMON, PULL, MEASURED)),
    }
    assert {name for name, export in up.exports.items() if export.secret} == {"kubeconfig"}


def documented() -> dict[str, str]:
    """Output -> its kind, as docs/outputs.md has them."""
    text = (REPO / "docs" / "outputs.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))


def test_the_contract_of_the_outputs_is_kept(up: Run) -> None:
    """Other stacks rely on names, types and secrecy: a change here is one for them."""
    assert {name: type(one.value) for name, one in up.exports.items()} == dict.fromkeys(
        CONTRACT, str
    )
    assert {
        name: "secret" if one.secret else "text" for name, one in up.exports.items()
    } == CONTRACT
    assert documented() == CONTRACT


def test_a_cluster_that_tells_nothing_of_its_node_gives_empty_texts() -> None:
    plan = make_plan(settings(), FACTS)
    done = record(
        lambda: build(plan, target()), outputs={**OUTPUTS, "ready-checks": {"stdout": ""}}
    )
    assert (done.exports["nodeIp"].value, done.exports["kubeletVersion"].value) == ("", "")


def test_a_preview_knows_everything_but_what_the_nas_makes() -> None:
    done = run(preview=True, facts=Unreadable("away", "switched off"))
    unknown = {name for name, export in done.exports.items() if not export.known}
    assert unknown == {"kubeconfig", "nodeIp", "kubeletVersion", "timeline"}
    assert done.exports["kubeconfig"].secret


# ---- the timeline


@pytest.mark.parametrize(
    ("began", "preview", "shown"),
    [
        (NOON, False, True),
        (NOON + 120, False, True),
        (NOON + 121, False, False),
        (None, False, False),
        (NOON, True, False),
    ],
)
def test_the_timeline_is_shown_by_the_run_that_measured_it_and_by_no_other(
    began: int | None, preview: bool, shown: bool
) -> None:
    plan = make_plan(settings(), FACTS)
    done = record(lambda: build(plan, target(), began), preview=preview, outputs=OUTPUTS)
    assert done.error is None
    assert any("start the container" in text for text in done.infos) == shown


def test_without_a_proxy_the_timeline_has_no_stages_of_the_daemon() -> None:
    plan = make_plan(settings(proxy=""), FACTS)
    said = f"changed=no\nrestarted=no\ntime_began={NOON}\n"
    outputs = {**OUTPUTS, "daemon-proxy-config": {"stdout": said}}
    done = record(lambda: build(plan, target()), outputs=outputs)
    stages = from_line(done.exports["timeline"].value)
    assert [stage.name for stage in stages if stage.seconds is None] == list(STAGES[:3])


# ---- drift


@BOTH
def test_without_drift_the_marks_say_none_and_keep_what_they_said_before(preview: bool) -> None:
    done = run(preview=preview, facts=KEPT)
    for name in ("docker-drift", "daemon-proxy-drift", "k3s-drift", "cluster-drift"):
        assert done[name].inputs == {"input": "none"}
        assert list(done[name].request.ignoreChanges) == ["input"]
        assert list(done[name].request.replaceOnChanges) == ["input"]
    for name in ("docker-path", "daemon-proxy-config"):
        assert done[name].inputs["create"].splitlines()[-1] == "# drift: none"


@BOTH
def test_drift_of_one_thing_marks_that_and_nothing_else(preview: bool) -> None:
    done = run(preview=preview, facts=replace(KEPT, docker_on_path=""))
    assert done["docker-drift"].inputs["input"].startswith("docker is not on the PATH")
    assert list(done["docker-drift"].request.ignoreChanges) == []
    assert "# drift: docker is not on the PATH" in done["docker-path"].inputs["create"]
    assert done["daemon-proxy-drift"].inputs == {"input": "none"}
    assert done["daemon-proxy-config"].inputs["create"].endswith("# drift: none")


@BOTH
def test_a_container_that_is_gone_is_made_anew(preview: bool) -> None:
    done = run(preview=preview, facts=replace(FACTS, applied_kubeconfig="a"))
    assert done["k3s-drift"].inputs["input"].startswith("the k3s container is gone")
    trigger = done["k3s-container"].request.replacement_trigger.string_value
    assert "the k3s container is gone" in trigger


@BOTH
def test_another_place_of_the_data_ends_the_run_before_a_volume_is_touched(preview: bool) -> None:
    plan = make_plan(settings(containerName="foo"), FACTS)
    kept = {**OUTPUTS, "k3s-place": {"output": "k3s-data k3s-etc"}}
    done = record(lambda: build(plan, target()), preview=preview, outputs=kept)
    assert "nas-k3s:containerName = " in str(done.error)
    assert "Traceback" not in str(done.error)
    assert not {"k3s-data", "k3s-etc", "k3s-container"} & done.resources.keys()


@BOTH
def test_a_container_that_is_stopped_is_started_and_proven_and_nothing_made_anew(
    preview: bool,
) -> None:
    done = run(preview=preview, facts=replace(FACTS, container="exited", own_container="k3s"))
    assert done["cluster-stopped"].inputs["input"].startswith("the k3s container is exited")
    assert done["k3s-drift"].inputs == done["cluster-drift"].inputs == {"input": "none"}
    if not preview:  # the mock's container has no identity there
        for name in ("cluster-api", "ready-checks"):
            assert "ed: the k3s container is exited" in done[name].inputs["create"]


@BOTH
def test_a_container_that_somebody_made_anew_is_replaced_after_it_was_removed(
    preview: bool,
) -> None:
    other = replace(FACTS, container="running", own_container="k3s", env_changed=("NO_PROXY",))
    done = run(preview=preview, facts=other)
    assert "with another NO_PROXY" in done["k3s-container"].request.replacement_trigger.string_value
    assert "# drift: the k3s container was made anew" in done["k3s-snapshot"].inputs["create"]


@BOTH
def test_a_certificate_that_is_due_is_renewed_and_read_again_in_the_same_container(
    preview: bool,
) -> None:
    near = replace(KEPT, kubeconfig="5um", client_certificate=certificate(NOW))
    done = run(preview=preview, facts=near)
    assert " 5um has " in done["cluster-drift"].inputs["input"]
    if not preview:  # the mock's container has no identity there
        wait = done["cluster-api"].inputs["create"]
        assert wait.startswith("sh -s wait 'the cluster")
        assert " 5um has " in wait
    assert "# drift: the cluster" in done["cluster-kubeconfig"].inputs["create"]
    assert done["k3s-drift"].inputs == {"input": "none"}
    container = run(preview=preview, facts=KEPT)["k3s-container"]
    assert done["k3s-container"].inputs == container.inputs
    trigger = done["k3s-container"].request.replacement_trigger
    assert trigger == container.request.replacement_trigger


# ---- which cluster it is


@BOTH
def test_the_datas_identifier_goes_to_the_provider_the_container_and_the_kubeconfig(
    preview: bool,
) -> None:
    other = "nas-k3s/nas88/k3s/20250101T000000Z"
    done = run(preview=preview, facts=replace(FACTS, cluster_data="there", cluster_id=other))
    assert done["k3s-cluster"].inputs == {"input": other}
    assert list(done["k3s-cluster"].request.ignoreChanges) == []
    assert done["ready-provider"].inputs["clusterIdentifier"] == other
    assert done["k3s-container"].request.replacement_trigger.string_value.endswith(f" {other}")
    assert f"# cluster: {other}\n" in done["cluster-kubeconfig"].inputs["create"]
    assert done["k3s-cluster-id"].inputs["create"] == f"sh -s claim {other}"


@pytest.mark.parametrize(
    "known",
    [replace(KEPT, cluster_data="there"), Unreadable("away", "off")],
    ids=["older data", "not read"],
)
def test_a_stack_from_before_identifiers_keeps_its_container_and_its_objects(
    known: Facts | Unreadable,
) -> None:
    done = run(facts=known)
    assert done["ready-provider"].inputs["clusterIdentifier"] == "nas-k3s/nas88/k3s"
    image = "docker.io/rancher/k3s:v1.34.4-k3s1"
    assert done["k3s-container"].request.replacement_trigger.string_value == f"{image} none"
    ignored = [] if isinstance(known, Facts) else ["input"]
    assert list(done["k3s-cluster"].request.ignoreChanges) == ignored


def test_a_name_of_the_nas_instead_of_its_address_is_the_same_cluster() -> None:
    known = replace(FACTS, cluster_data="there", cluster_id="nas-k3s/nas88/k3s/x")
    by_address, by_name = (run(facts=known, host=host) for host in ("192.168.31.88", "nas.lan"))
    for done in (by_address, by_name):
        assert done["ready-provider"].inputs["clusterIdentifier"] == "nas-k3s/nas88/k3s/x"
    contexts = [yaml.safe_load(done.exports["kubeconfig"].value) for done in (by_address, by_name)]
    assert contexts[0]["contexts"] == contexts[1]["contexts"]
    assert contexts[1]["clusters"][0]["cluster"]["server"] == "https://nas.lan:6443"


def test_what_the_kubernetes_provider_leaves_here_is_removed_also_by_a_destroy(up: Run) -> None:
    one = up["ready-files"].inputs
    assert one["create"] == one["delete"]
    assert one["delete"].startswith(".venv/bin/python -m nas.provider_files k3s-nas88-proof ")
    assert one["delete"].endswith(" || :")
    assert up["ready-files"].urn in up["ready-provider"].depends_on
    # By its own name alone: a kubeconfig that somebody keeps there is not one of these.
    provider = yaml.safe_load(up["ready-provider"].inputs["kubeconfig"])
    assert provider["current-context"] == "k3s-nas88-proof"
    exported = yaml.safe_load(up.exports["kubeconfig"].value)
    assert provider["users"][0]["user"] == exported["users"][0]["user"]
    assert provider["clusters"][0]["cluster"] == exported["clusters"][0]["cluster"]
    assert up["ready-provider"].is_secret("kubeconfig")


# ---- the user's own kubeconfig file


@BOTH
def test_the_users_file_is_changed_by_a_command_whose_input_is_a_secret(preview: bool) -> None:
    done = run(preview=preview, kubeconfigFile="~/.kube/config", kubeconfigCurrent="true")
    one = done["kubeconfig-entry"]
    assert one.type == "command:local:Command"
    assert "ready-smoke" in done.before("kubeconfig-entry")
    assert one.is_secret("stdin")
    assert one.inputs["create"].splitlines() == [
        ".venv/bin/python -m nas.kubeconfig_file merge",
        "# file: ~/.kube/config",
        "# context: k3s-nas88",
        "# drift: none",
    ]
    assert one.inputs["delete"].startswith(".venv/bin/python -m nas.kubeconfig_file remove || ")
    assert one.inputs["addPreviousOutputInEnv"] is False
    # Another file is another entry, and the old one goes first.
    assert one.request.replacement_trigger.string_value == "~/.kube/config"
    assert one.request.deleteBeforeReplace
    if not preview:
        job = json.loads(one.inputs["stdin"])
        assert job.pop("kubeconfig") == done.exports["kubeconfig"].value
        assert job == {
            "file": "~/.kube/config",
            "name": "k3s-nas88",
            "stack": "nas88",
            "current": True,
        }


def test_without_the_setting_only_the_way_to_the_api_is_tried_on_this_machine(up: Run) -> None:
    assert "kubeconfig-entry" not in up.resources
    command, *shown = up["cluster-reach"].inputs["create"].splitlines()
    assert command == ".venv/bin/python -m nas.reach 192.168.31.88 6443 30"
    assert shown == ["# container: k3s-container-id"]


def test_another_container_is_proven_by_another_job(up: Run) -> None:
    trigger = up["ready-smoke"].request.replacement_trigger.string_value
    assert trigger
    assert f"# container: {trigger}" in up["ready-checks"].inputs["create"]


def test_the_labels_tell_whose_the_container_is_and_what_it_was_given(up: Run) -> None:
    labels = {one["label"]: one["value"] for one in up["k3s-container"].inputs["labels"]}
    assert labels.pop("nas-k3s.stack") == "nas88"
    given = dict(one.split(":") for one in labels.pop("nas-k3s.env").split(","))
    assert not labels
    env = dict(one.split("=", 1) for one in up["k3s-container"].inputs["envs"])
    assert given == {key: fingerprint(text) for key, text in env.items()}
    assert up["k3s-container"].is_secret("labels")


# ---- from the config to the graph


class ReachedError(Exception):
    """The NAS was asked for although nothing should have been."""


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the program wants to be called at its end, which is not that of the tests."""
    calls: list[object] = []
    monkeypatch.setattr(atexit, "register", lambda *call: calls.append(call))
    return calls


@pytest.fixture
def facts(
    monkeypatch: pytest.MonkeyPatch, home: Path, at_exit: list[object]
) -> list[Facts | Unreadable]:
    """What reading the NAS gives: the last item; reading without one is an error."""
    answers: list[Facts | Unreadable] = []

    def read(*_arguments: object, question: object) -> Facts | Unreadable:
        if not answers:
            raise ReachedError
        return answers[-1]

    monkeypatch.setattr(components.reading, "read_facts", read)
    monkeypatch.setenv("PATH", str(home))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return answers


ROOT = Path(__file__).parents[2]


def main(*, preview: bool = False, **config: str) -> Run:
    """`__main__.py` with a stack's config."""
    everything = {"sshHostKey": host_key(), **CONFIG, **config}

    def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    return record(
        program,
        preview=preview,
        outputs=OUTPUTS,
        config={f"nas-k3s:{key}": text for key, text in everything.items()},
    )


@BOTH
def test_the_whole_program_runs_from_config_to_exports(
    facts: list[Facts | Unreadable], home: Path, at_exit: list[object], preview: bool
) -> None:
    facts.append(FACTS)
    done = main(preview=preview)
    assert done.error is None
    assert at_exit == [(provider_files.remove, "k3s-nas88-proof")]
    assert (
        next((home / ".nas-k3s/known_hosts").iterdir())
        .read_text()
        .startswith("192.168.31.88 ssh-ed")
    )
    assert [one for one in done.warnings if "Docker on the NAS will be restarted" in one]


def test_an_up_reads_the_nas_again_until_another_run_has_ended(
    facts: list[Facts | Unreadable], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = replace(FACTS, engine="", other_run=4711)
    answers = iter([busy, busy, FACTS])
    monkeypatch.setattr(
        components.reading, "read_facts", lambda *_arguments, **_named: next(answers)
    )
    done = main()
    assert done.error is None
    assert not [one for one in done.warnings if "another run" in one]
    assert [one for one in done.warnings if "Docker on the NAS will be restarted" in one]
    waiting = "another run of nas-k3s (process 4711) is at work on this NAS: waiting for it"
    assert [one for one in done.infos if one == waiting] == [waiting]


def test_an_up_whose_nas_stays_busy_is_refused_before_any_resource(
    facts: list[Facts | Unreadable], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts.append(replace(FACTS, engine="", other_run=4711))
    monkeypatch.setattr(components.program, "lock_timeout", lambda _seconds: 0)
    done = main()
    assert "another run of nas-k3s (process 4711)" in done.refusal
    assert done.resources == {}


def test_a_preview_goes_on_beside_another_run_that_does_not_end(
    facts: list[Facts | Unreadable], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts.append(replace(FACTS, engine="", other_run=4711))
    monkeypatch.setattr(components.program, "PREVIEW_PATIENCE", 0)
    done = main(preview=True)
    assert done.error is None
    assert [one for one in done.warnings if "another run of nas-k3s (process 4711)" in one]


@BOTH
def test_an_entry_of_our_name_in_the_users_file_stops_the_run_before_any_resource(
    facts: list[Facts | Unreadable], home: Path, preview: bool
) -> None:
    facts.append(FACTS)
    file = home / "config"
    file.write_text("users: [{name: k3s-nas88, user: {token: S3NTINEL}}]\n")
    done = main(preview=preview, kubeconfigFile=str(file))
    assert "nas-k3s:kubeconfigFile" in done.refusal
    assert "S3NTINEL" not in done.refusal
    assert done.resources == {}


@BOTH
def test_what_the_users_file_lacks_is_a_mark_of_its_own(
    facts: list[Facts | Unreadable], home: Path, preview: bool
) -> None:
    facts.append(FACTS)
    done = main(preview=preview, kubeconfigFile=str(home / "config"))
    assert done.error is None
    mark = done["kubeconfig-drift"].inputs["input"]
    assert mark.startswith("the cluster is not in your kubeconfig file (seen ")
    assert f"# drift: {mark}" in done["kubeconfig-entry"].inputs["create"]
    assert not (home / "config").exists()


def test_with_drift_off_nobody_looks_for_the_cluster_in_the_users_file(
    facts: list[Facts | Unreadable], home: Path
) -> None:
    facts.append(FACTS)
    done = main(kubeconfigFile=str(home / "config"), drift="off")
    assert done.error is None
    assert done["kubeconfig-drift"].inputs == {"input": "none"}
    assert "kubeconfig-entry" in done.resources


def test_a_nas_that_is_off_is_one_warning_in_a_preview_and_an_error_in_up(
    facts: list[Facts | Unreadable],
) -> None:
    facts.append(Unreadable("away", "192.168.31.88:22: no route to host"))
    previewed = main(preview=True)
    assert previewed.error is None
    assert len(previewed.warnings) == 1
    assert "no route to host" in previewed.warnings[0]
    tried = main()
    assert "no route to host" in tried.refusal
    assert tried.resources == {}


@BOTH
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"host": ""}, "pulumi config set nas-k3s:host"),
        ({"proxy": "http://192.168.31.198"}, "nas-k3s:proxy = "),
        ({"noProxy": '["10.1.*"]'}, "write 10.1.0.0/16"),
        ({"apiPort": "70000"}, "nas-k3s:apiPort = 70000"),
        ({"sshPassword": "S3NTINEL"}, "ssh-copy-id"),
        ({"prxy": "S3NTINEL"}, "write nas-k3s:proxy"),
    ],
)
def test_a_bad_config_is_refused_before_the_nas_is_asked_or_a_resource_exists(
    facts: list[Facts | Unreadable], config: dict[str, Any], words: str, preview: bool
) -> None:
    assert facts == []
    done = main(preview=preview, **config)
    assert words in done.refusal
    assert "S3NTINEL" not in done.refusal
    assert done.resources == {}
    assert done.exports == {}


def test_a_nas_that_cannot_carry_the_config_is_refused_before_a_resource_exists(
    facts: list[Facts | Unreadable],
) -> None:
    facts.append(Facts(uid=1000, platform="unraid", docker="/d", engine="27.5.1"))
    done = main()
    assert "2 settings need a change" in done.refusal
    assert done.resources == {}


def test_a_shell_whose_own_proxy_would_take_the_api_is_refused_before_a_resource_exists(
    facts: list[Facts | Unreadable], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts.append(FACTS)
    monkeypatch.setenv("HTTPS_PROXY", "http://svc:S3NTINEL@p:1")
    monkeypatch.setenv("NO_PROXY", "localhost")
    done = main()
    assert 'export NO_PROXY="localhost,192.168.31.88"' in done.refusal
    assert "S3NTINEL" not in done.refusal
    assert done.resources == {}


def test_the_config_is_read_whole_so_that_unknown_keys_are_seen() -> None:
    seen: list[dict[str, str]] = []
    config = {"nas-k3s:host": "nas.lan", "nas-k3s:zzz": "1", "other:host": "x", "pulumi:a": "b"}
    assert record(lambda: seen.append(stack_config()), config=config).error is None
    assert seen == [{"host": "nas.lan", "zzz": "1"}]


def test_pulumi_says_which_keys_are_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[frozenset[str]] = []
    config = {"nas-k3s:host": "nas.lan", "nas-k3s:token": "x", "other:token": "y"}
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", '["nas-k3s:token", "other:token"]')
    assert record(lambda: seen.append(encrypted_keys()), config=config).error is None
    assert seen == [frozenset({"token"})]
