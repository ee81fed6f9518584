"""The way into the cluster over its life: its certificates, its name, its data, and its end."""

from __future__ import annotations

import base64
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from nas.smoke import SMOKE_NAMESPACE
from tests.e2e.story import K3S_IMAGE, Story, story_of
from tests.lab.box import Lab
from tests.lab.certificates import reissue

OWN = """# my clusters
apiVersion: v1
kind: Config
clusters:
- cluster:
    server: https://work.example:6443  # the office
  name: work
contexts:
- context:
    cluster: work
    user: work
  name: work
current-context: work
preferences: {}
users:
- name: work
  user:
    token: S3NTINELwork
"""
IN_CLUSTER = ("kubernetes:core/v1:Namespace", "kubernetes:batch/v1:Job")


@pytest.fixture(scope="module")
def own_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's kubeconfig, with another cluster in it."""
    file = tmp_path_factory.mktemp("home") / "config"
    file.write_text(OWN, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def story(session_lab: Lab, own_file: Path) -> Iterator[Story]:
    """A stack that is up and in the user's kubeconfig file."""
    with story_of(session_lab, "access") as made:
        made.configure(kubeconfigFile=str(own_file))
        yield made


@pytest.fixture(scope="module")
def before(story: Story) -> list[str]:
    """The NAS's network before there was a cluster."""
    return story.own_network()


@pytest.fixture(scope="module", autouse=True)
def deployed(story: Story, before: list[str]) -> None:
    story.must_up()


def unchanged(story: Story) -> None:
    done = story.preview("--expect-no-changes")
    assert done.returncode == 0, done.stdout + done.stderr


def kubectl(story: Story, file: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(story.project.engine.kubectl()), "--kubeconfig", str(file), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=story.project.environment,
    )
    return done.stdout


def in_cluster(story: Story) -> list[tuple[str, str]]:
    """URN and identity, in the cluster, of each object of ours."""
    return [
        (one["urn"], one["outputs"]["metadata"]["uid"])
        for one in story.project.resources()
        if one["type"] in IN_CLUSTER
    ]


def identifier(story: Story) -> str:
    (found,) = [
        one["inputs"]["clusterIdentifier"]
        for one in story.project.resources()
        if one["type"] == "pulumi:providers:kubernetes"
    ]
    return str(found)


def data(story: Story) -> str:
    return story.must("docker volume inspect --format '{{.Mountpoint}}' k3s-data").strip()


def certificate(text: str) -> x509.Certificate:
    (user,) = [
        one["user"] for one in yaml.safe_load(text)["users"] if one["name"].startswith("k3s-")
    ]
    pem = base64.b64decode(user["client-certificate-data"])
    return x509.load_pem_x509_certificate(pem)


def test_the_cluster_is_in_the_users_file_and_all_else_there_as_it_was(
    story: Story, own_file: Path
) -> None:
    text = own_file.read_text(encoding="utf-8")
    for line in OWN.splitlines():
        assert line in text.splitlines()
    assert own_file.stat().st_mode & 0o777 == 0o600
    assert kubectl(story, own_file, "config", "current-context") == "work\n"
    nodes = kubectl(story, own_file, "--context", "k3s-access", "get", "nodes")
    assert " Ready " in nodes
    unchanged(story)


def test_a_context_that_was_deleted_by_hand_comes_back(story: Story, own_file: Path) -> None:
    text = own_file.read_text(encoding="utf-8")
    # kubectl writes the whole file anew, our marks included, but without comments.
    kubectl(story, own_file, "config", "rename-context", "k3s-access", "other")
    kubectl(story, own_file, "config", "delete-context", "other")
    shown = story.preview("--diff")
    assert "the cluster is not in your kubeconfig file" in shown.stdout
    story.must_up()
    assert " Ready " in kubectl(story, own_file, "--context", "k3s-access", "get", "nodes")
    own_file.write_text(text, encoding="utf-8")
    unchanged(story)


def test_an_entry_that_is_not_ours_stops_a_run_before_anything_changes(
    story: Story, own_file: Path
) -> None:
    text = own_file.read_text(encoding="utf-8")
    own_file.write_text(text.replace("stack: access", "stack: another"), encoding="utf-8")
    done = story.up()
    assert done.returncode != 0
    assert "has an entry k3s-access in its" in done.stdout + done.stderr
    own_file.write_text(text, encoding="utf-8")
    unchanged(story)


def test_a_rotated_certificate_is_read_again_and_nothing_in_the_cluster_replaced(
    story: Story, own_file: Path
) -> None:
    objects, container = in_cluster(story), story.container()[0]
    old = certificate(story.kubeconfig())
    story.must(f"rm {data(story)}/server/tls/client-admin.crt && docker restart k3s")
    deadline = time.monotonic() + 60
    while story.lab.nas("docker exec k3s kubectl get --raw /readyz")[1] != "ok":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    shown = story.preview("--diff")
    assert "certificates are not those of the kubeconfig that was handed out" in shown.stdout
    story.must_up()
    assert certificate(story.kubeconfig()).serial_number != old.serial_number
    assert certificate(own_file.read_text()) == certificate(story.kubeconfig())
    assert in_cluster(story) == objects
    assert story.container()[0] == container
    story.node_is_ready()
    unchanged(story)


@pytest.mark.parametrize("left", [timedelta(days=20), timedelta(hours=-1)], ids=["near", "over"])
def test_a_certificate_near_its_end_is_renewed_by_a_restart_in_place(
    story: Story, left: timedelta
) -> None:
    objects, (container, started) = in_cluster(story), story.container()
    reissue(story.lab, data(story), left)
    shown = story.preview()
    assert "k3s restarts to renew it" in shown.stdout + shown.stderr
    story.must_up()
    end = certificate(story.kubeconfig()).not_valid_after_utc
    assert end > datetime.now(UTC) + timedelta(days=300)
    assert in_cluster(story) == objects
    now = story.container()
    assert now[0] == container
    assert now[1] != started
    story.node_is_ready()
    unchanged(story)


def test_another_address_of_the_nas_replaces_the_container_and_no_object_but_the_proof(
    story: Story, own_file: Path
) -> None:
    first, uid, cluster = story.container()[0], story.uid(SMOKE_NAMESPACE), identifier(story)
    other = story.lab.nas_host.rpartition(".")[0] + ".89"
    story.must(f"ip address add {other}/24 dev eth0")
    story.configure(kubeconfigFile=str(own_file), host=other, nodeIp=story.lab.nas_host)
    story.must_up()
    assert story.container()[0] != first
    assert story.project.outputs()["endpoint"] == f"https://{other}:6443"
    assert (story.uid(SMOKE_NAMESPACE), identifier(story)) == (uid, cluster)
    unchanged(story)
    story.configure(kubeconfigFile=str(own_file))


@pytest.mark.parametrize(
    "purge",
    [
        "docker rm -f k3s && docker volume rm k3s-data k3s-etc",
        "docker stop k3s && rm -rf {data}/* && docker start k3s",
    ],
    ids=["volumes removed", "emptied in place"],
)
def test_with_other_data_the_objects_are_made_anew(story: Story, purge: str) -> None:
    uid, cluster = story.uid(SMOKE_NAMESPACE), identifier(story)
    story.must(purge.format(data=data(story)))
    story.must_up()
    assert story.uid(SMOKE_NAMESPACE) != uid
    assert identifier(story) != cluster
    unchanged(story)


def test_a_nas_that_is_gone_ends_a_destroy_soon_and_the_stack_can_be_forgotten(
    story: Story,
) -> None:
    stack = story.project
    state = stack.must("stack", "export")
    config = stack.config_file.read_text(encoding="utf-8")
    with story.switched_off():
        began = time.monotonic()
        done = story.destroy()
        took = time.monotonic() - began
        assert done.returncode != 0
        assert f"dial tcp {story.lab.nas_host}:22" in done.stdout + done.stderr
        assert took < 120
        stack.must("stack", "rm", "--force", "--yes", "--preserve-config")
    stack.must("stack", "init")
    stack.config_file.write_text(config, encoding="utf-8")
    stack.must("stack", "import", stdin=state)
    # The entry in the user's file went with that destroy.
    story.must_up()
    unchanged(story)


@pytest.mark.parametrize(
    "fault",
    [
        "docker rm -f k3s && docker volume rm k3s-data k3s-etc",
        "docker kill k3s && mkdir {data}/left && mount -t tmpfs left {data}/left",
    ],
    ids=["data gone", "cluster dead"],
)
def test_destroy_leaves_the_nas_as_before(
    story: Story, before: list[str], own_file: Path, fault: str
) -> None:
    story.must_up()
    ipset = f"docker run --rm --privileged --network host --entrypoint ipset {K3S_IMAGE}"
    story.must(f"{ipset} create KUBE-SRC-TEST hash:ip && {ipset} create of-the-owner hash:ip")
    story.must(fault.format(data=data(story)))
    done = story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    assert story.own_network() == before
    assert story.must(f"{ipset} list -n").split() == ["of-the-owner"]
    story.must(f"{ipset} destroy of-the-owner")
    assert own_file.read_text(encoding="utf-8") == OWN
