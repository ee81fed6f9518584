"""facts.sh under BusyBox ash: it reads, and leaves out what it cannot read."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas.checks.data import token_print
from nas.daemon_routes import fingerprint
from nas.drift import find_drift
from nas.facts import Facts, parse_facts
from nas.host_key import HostKey
from nas.new_stack import new_stack
from nas.settings_reader import load_settings
from tests.scripts.daemon import apply, variables
from tests.scripts.fake_nas import (
    DOCKER_JSON,
    LOCK,
    QPKG,
    FakeNas,
    another_nas,
    another_run,
    daemon_down,
    docker_gone,
)
from tests.scripts.fake_platforms import KINDS
from tests.scripts.rendered import SAMPLES
from tests.scripts.test_kubeconfig import WHOLE, sum_of
from tests.unit.samples import host_key, settings

DATA = "/share/CACHEDEV1_DATA/docker"
LISTENING = """  sl  local_address rem_address   st tx_queue
   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1
   1: 0100007F:280A 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1
"""


def read(
    nas: FakeNas,
    *,
    platform: str = "auto",
    ports: str = "6443 10250",
    directory: str = "",
    **how: Any,
) -> Facts:
    variables = {**SAMPLES["facts.sh"], "PLATFORM": platform, "PORTS": ports}
    variables["DATA_DIRECTORY"] = directory
    done = nas.run("facts.sh", "facts", variables, **how)
    assert done.status == 0, done.err
    return parse_facts(done.out)


def test_a_qnap_is_read_with_its_docker_and_its_containers(nas: FakeNas) -> None:
    nas.path(DATA).mkdir(parents=True)
    ssh = {"SSH_CONNECTION": "192.168.31.7 50000 192.168.31.88 22"}
    found = read(nas, environment=ssh)
    assert (found.uid, found.platform, found.address) == (0, "qnap", "192.168.31.88")
    assert found.docker == f"{QPKG}/bin/docker"
    assert found.docker_on_path == ""
    assert found.config == nas.config
    assert (found.engine, found.data_root) == ("27.1.2", DATA)
    assert found.data_fs
    assert found.time is not None
    assert found.kernel
    assert found.machine
    assert (found.running, found.no_restart_policy) == (2, ("notes",))
    assert (found.http_proxy, found.no_proxy, found.container) == ("", "", "")


def test_the_nas_is_read_when_another_run_has_ended(nas: FakeNas) -> None:
    daemon_down(nas)
    another_run(nas, 1, f"{nas.docker} fake-restart")
    found = read(nas)
    assert (found.engine, found.other_run) == ("27.1.2", None)


def test_another_run_that_goes_on_is_told(nas: FakeNas) -> None:
    daemon_down(nas)
    holder = another_run(nas, 8)
    found = read(nas)
    assert (found.engine, found.other_run) == ("", int(holder))
    assert found.docker
    nas.path(LOCK).unlink()


def test_what_a_killed_run_left_is_not_waited_for_nor_taken_away(nas: FakeNas) -> None:
    nas.path(LOCK).symlink_to("999999 ")
    assert read(nas).other_run is None
    assert nas.path(LOCK).is_symlink()


def test_every_container_is_told_that_docker_would_not_start_again(nas: FakeNas) -> None:
    nas.container("films", "on-failure", running=True)
    nas.container("music", "unless-stopped", running=True)
    found = read(nas)
    assert found.running == 4
    assert sorted(found.no_restart_policy) == ["films", "notes"]


def test_a_container_that_restarts_or_is_paused_counts_as_running(nas: FakeNas) -> None:
    for name, status in (("films", "restarting"), ("music", "paused")):
        nas.container(name, "no", running=True)
        nas.write(f"/state/containers/{name}/status", f"{status}\n")
    found = read(nas)
    assert found.running == 4
    assert sorted(found.no_restart_policy) == ["films", "music", "notes"]


def test_with_k3s_running_docker_is_asked_seven_times(nas: FakeNas) -> None:
    """A question takes the CLI a tenth of a second and more on the processor of a NAS."""
    nas.k3s()
    nas.made_with({"HTTP_PROXY": "http://p:1"}, HTTP_PROXY="http://p:1", NO_PROXY="a")
    nas.write("/state/containers/k3s/made", "network bridge\ndata k3s-data\n")
    nas.write("/state/containers/k3s/image", "sha256:1234")
    nas.write("/state/tags/sha256:1234", "rancher/k3s:v1.34.4-k3s1\n")
    data = "/state/volumes/k3s-data"
    nas.write("/state/containers/k3s/places", f"/var/lib/rancher/k3s {data}\n")
    nas.write(f"{data}/server/token", "s3:cret\n")
    nas.write(f"{data}/nas-k3s-version", "version=v1.34.4+k3s1\n")
    nas.write(f"{ETC}/k3s.yaml", WHOLE)
    nas.write("/state/networks", "docker_network=bridge bridge 172.17.0.0/16\n")
    nas.write("/state/pools", "172.30.0.0/16\n")
    nas.write("/state/calls", "")
    found = read(nas)
    assert nas.read("/state/calls").splitlines() == [
        "info --format",
        "ps --all",
        "inspect --format",
        "image inspect",
        "network ls",
        "network inspect",
        "volume ls",
    ]
    assert (found.engine, found.running, found.own_container) == ("27.1.2", 3, "k3s")
    assert (found.container, found.container_network) == ("running", "bridge")
    assert (found.container_data, found.env_changed) == ("k3s-data", ("NO_PROXY",))
    assert found.container_tags == ("rancher/k3s:v1.34.4-k3s1",)
    assert (found.ran_version, found.cluster_data) == ("v1.34.4+k3s1", "there")
    assert (found.token, found.kubeconfig) == (token_print("cret"), sum_of(WHOLE))
    assert len(found.docker_networks) == len(found.docker_pools) == 1


def test_room_and_memory_are_read_as_numbers(nas: FakeNas) -> None:
    nas.path(DATA).mkdir(parents=True)
    nas.write("/proc/meminfo", "MemTotal:  8000 kB\nMemFree: 10 kB\nMemAvailable:   4000 kB\n")
    found = read(nas)
    seen = os.statvfs(nas.path(DATA))
    assert (found.memory, found.memory_free) == (8000, 4000)
    assert found.docker_space is not None
    assert found.docker_space.size == seen.f_frsize * seen.f_blocks
    assert found.docker_space.inodes == seen.f_files
    assert 0 < found.docker_space.free < found.docker_space.size
    assert found.directory_space is None
    # Of what is there of the way to a directory that is not.
    found = read(nas, directory=f"{DATA}/cluster/k3s")
    assert found.directory_space is not None
    assert found.directory_space.size == seen.f_frsize * seen.f_blocks


def test_without_a_folder_of_data_there_is_no_room_to_tell(nas: FakeNas) -> None:
    found = read(nas)
    assert (found.docker_space, found.memory) == (None, None)


def test_reading_changes_nothing(nas: FakeNas) -> None:
    def everything() -> dict[str, bytes]:
        return {
            str(path): path.read_bytes()
            for path in nas.root.rglob("*")
            # The fake proxy's own note of what it was asked.
            if path.is_file()
            and not path.is_symlink()
            and path.name != "proxy_request"
            and "dev" not in path.parts
        }

    before = everything()
    read(nas)
    assert everything() == before


def test_the_k3s_container_and_the_proxies_of_the_daemon_are_read(nas: FakeNas) -> None:
    nas.k3s()
    nas.write("/state/http", "http://xxxxx:xxxxx@192.168.31.198:7222")
    nas.write("/state/no", "localhost,192.168.31.0/24")
    found = read(nas)
    assert found.container == "running"
    assert found.http_proxy == "http://xxxxx:xxxxx@192.168.31.198:7222"
    assert found.no_proxy == "localhost,192.168.31.0/24"


def test_what_the_data_of_the_cluster_is_for_is_read_off_its_container(nas: FakeNas) -> None:
    nas.k3s()
    arguments = ("server", "--node-name=a", "--cluster-cidr=10.42.0.0/16", "--debug")
    more = ("--https-listen-port=16443", "--cluster-domain=x", "--service-cidr=10.43.0.0/16")
    made = "".join(f"argument {json.dumps(one)}\n" for one in (*arguments, *more))
    nas.write("/state/containers/k3s/made", made)
    found = read(nas)
    assert found.container_port == 16443
    assert found.container_flags == {
        "node-name": "a",
        "cluster-cidr": "10.42.0.0/16",
        "cluster-domain": "x",
        "service-cidr": "10.43.0.0/16",
    }


def test_a_docker_that_tells_no_path_for_its_data_ends_the_reading_like_any_other(
    nas: FakeNas,
) -> None:
    """A search for the directory above it would never come to /."""
    nas.write("/state/data_root", "nonsense")
    found = read(nas)
    assert (found.engine, found.data_root) == ("27.1.2", "nonsense")


@pytest.mark.parametrize("token", ["K10" + "ab" * 32 + "::server:s3:cret::x", "node:s3:cret::x"])
def test_the_token_is_read_as_a_fingerprint_of_its_secret_part(nas: FakeNas, token: str) -> None:
    nas.k3s()
    nas.inside("k3s", "cat", f"#!/bin/sh\necho '{token}'\n")
    assert read(nas).token == token_print("s3:cret::x")


def test_data_without_a_container_tells_what_it_was_made_with_and_its_token(nas: FakeNas) -> None:
    data = "/state/volumes/k3s-data"
    nas.write(f"{data}/nas-k3s-made-with", "cluster-cidr=10.42.0.0/16\nnode-name=nas88\n")
    assert read(nas).made_with == {}, "a cluster that never was holds nobody"
    nas.write(f"{data}/server/token", f"K10{'ab' * 32}::server:s3:cret\n")
    found = read(nas)
    assert found.made_with == {"cluster-cidr": "10.42.0.0/16", "node-name": "nas88"}
    assert found.token == token_print("s3:cret")


def test_a_cluster_whose_token_cannot_be_read_has_none(nas: FakeNas) -> None:
    nas.k3s()
    assert read(nas).token == ""


@pytest.mark.parametrize("owners", ["*", "a|b||c"])
def test_what_the_owners_list_holds_is_read_as_it_stands(nas: FakeNas, owners: str) -> None:
    nas.write("/state/no", owners)
    nas.write("/state/http", "http://h:1")
    found = read(nas)
    assert (found.http_proxy, found.no_proxy) == ("http://h:1", owners)


def test_a_docker_that_knows_no_pools_of_networks_is_read_all_the_same(nas: FakeNas) -> None:
    nas.write("/state/no_pools", "")
    nas.write("/state/no", "localhost")
    found = read(nas)
    assert (found.engine, found.data_root, found.no_proxy) == ("27.1.2", DATA, "localhost")
    assert (found.docker_pools, found.running) == ((), 2)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("2fc12fc1", "zfs"),
        ("794c7630", "overlayfs"),
        ("6969", "nfs"),
        ("1021994", "tmpfs"),
        ("858458f6", "ramfs"),
        ("f15f", "ecryptfs"),
        ("9123683e", "btrfs"),
        ("ef53", "ext2/ext3"),
        ("58465342", "xfs"),
    ],
)
def test_a_file_system_has_a_name_also_where_busybox_knows_none(
    nas: FakeNas, kind: str, name: str
) -> None:
    nas.path(DATA).mkdir(parents=True)
    known = name if name in ("ext2/ext3", "xfs") else "UNKNOWN"
    stat = f'stat() {{ case $* in "-f -c %t {DATA}") echo {kind} ;; *) echo {known} ;; esac; }}\n'
    assert read(nas, before=stat).data_fs == name


@pytest.mark.parametrize(("files", "ports"), [(["tcp"], (6443,)), (["tcp6"], (6443,)), ([], ())])
def test_a_port_is_taken_when_something_listens_on_it(
    nas: FakeNas, files: list[str], ports: tuple[int, ...]
) -> None:
    """6443 is 0x192B and listens; 10250 is 0x280A and only a connection."""
    for name in files:
        nas.write(f"/proc/net/{name}", LISTENING)
    assert read(nas).ports_taken == ports


def test_the_kernel_shows_a_listening_port_as_the_script_expects_it(nas: FakeNas) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        nas.write("/proc/net/tcp", Path("/proc/net/tcp").read_text())
        # The links to sockets are ours, the process is another's.
        nas.path("/proc/4711/fd").mkdir(parents=True)
        nas.path("/proc/4711/fd/3").symlink_to("/dev/null")
        link = Path(f"/proc/self/fd/{server.fileno()}").readlink()
        nas.path("/proc/4711/fd/4").symlink_to(link)
        nas.write("/proc/4711/comm", "thttpd\n")
    found = read(nas, ports=f"{port} 1")
    assert [(one.port, one.program) for one in found.listeners] == [(port, "thttpd")]


@pytest.mark.parametrize(("file", "version"), [(True, 2), (False, 1)])
def test_the_version_of_the_cgroups_is_read(nas: FakeNas, file: bool, version: int) -> None:
    if file:
        nas.write("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
    assert read(nas).cgroup == version


@pytest.mark.parametrize(
    ("fault", "platform", "docker", "engine"),
    [
        (docker_gone, "qnap", False, ""),
        (daemon_down, "qnap", True, ""),
        (another_nas, "", False, ""),
    ],
)
def test_what_cannot_be_read_is_left_out_and_the_rest_is_there(
    nas: FakeNas, fault: Callable[[FakeNas], None], platform: str, docker: bool, engine: str
) -> None:
    fault(nas)
    nas.write("/proc/net/tcp", LISTENING)
    found = read(nas)
    assert (found.platform, bool(found.docker), found.engine) == (platform, docker, engine)
    assert (found.uid, found.ports_taken, found.running) == (0, (6443,), None)


def test_the_setting_goes_before_what_the_nas_looks_like(nas: FakeNas) -> None:
    another_nas(nas)
    assert read(nas, platform="qnap").docker == f"{QPKG}/bin/docker"


def test_our_wrapper_is_on_the_path_but_is_not_docker(nas: FakeNas) -> None:
    nas.run("docker-path.sh", "apply", SAMPLES["docker-path.sh"])
    found = read(nas)
    assert (found.docker, found.docker_on_path) == (f"{QPKG}/bin/docker", "/usr/bin/docker")
    docker_gone(nas)
    assert read(nas).docker == ""


# ---- what drift is told by


@pytest.mark.parametrize(
    ("kind", "engine"),
    [("qnap", "27.1.2"), ("qnap", "20.10.24"), ("synology", "24.0.2"), ("systemd", "29.0.0")],
)
def test_our_last_run_and_what_stands_there_now_are_read_as_checksums(
    make_nas: Callable[..., FakeNas], kind: str, engine: str
) -> None:
    nas = make_nas(kind=kind, engine=engine)
    before = read(nas)
    assert (before.put, before.applied_put) == ("", "")
    login = {"proxyUser": "svc", "proxyPassword": "S3NTINEL"}
    assert apply(nas, **login).status == 0
    wanted = variables(**login)
    texts = {fingerprint(wanted[name]) for name in ("PROXIES", "DROP_IN", "EXPORTS")}
    found = read(nas)
    assert found.put == found.applied_put
    assert found.put in texts
    assert found.applied_proxy == "http://192.168.31.198:7222"
    assert found.applied_no_proxy == found.no_proxy == wanted["NO_PROXY_SHOWN"]
    assert found.https_proxy == "http://xxxxx:xxxxx@192.168.31.198:7222"
    assert find_drift(found, found.applied_proxy, found.no_proxy).daemon_proxy == ()

    file = found.proxy_file
    nas.write(file, nas.read(file).replace("192.168.31.198", "192.168.31.199"))
    assert find_drift(read(nas), found.applied_proxy, found.no_proxy).daemon_proxy == (
        f"the proxy in {file} was changed",
    )


def test_a_proxy_that_only_went_out_of_the_file_is_put_back_without_a_restart(
    nas: FakeNas,
) -> None:
    assert apply(nas).status == 0
    edited, starts = nas.read(nas.config), nas.starts
    nas.write(nas.config, DOCKER_JSON)
    found = read(nas)
    assert find_drift(found, found.applied_proxy, found.no_proxy).daemon_proxy == (
        f"the proxy is gone from {nas.config}",
    )
    done = apply(nas, restartDaemon="never")
    assert (done.status, done.results["restarted"]) == (0, "no"), done.err
    assert (nas.read(nas.config), nas.starts) == (edited, starts)
    assert find_drift(read(nas), found.applied_proxy, found.no_proxy).daemon_proxy == ()


def test_flags_of_the_running_daemon_are_read(nas: FakeNas) -> None:
    pid = nas.read("/state/up").strip()
    nas.write(f"/proc/{pid}/cmdline", "dockerd\0--https-proxy=x\0--no-proxy\0y\0")
    assert read(nas).dockerd_flags == ("https-proxy", "no-proxy")


def test_a_wrapper_of_a_docker_that_moved_away_is_none(nas: FakeNas) -> None:
    nas.run("docker-path.sh", "apply", SAMPLES["docker-path.sh"])
    assert read(nas).docker_on_path == "/usr/bin/docker"
    nas.write("/usr/bin/docker", nas.read("/usr/bin/docker").replace("CE_CACHEDEV3", "CACHEDEV1"))
    assert read(nas).docker_on_path == ""


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"custom"}))
def test_what_every_nas_says_makes_the_file_of_a_new_stack(
    make_nas: Callable[..., FakeNas], kind: str
) -> None:
    found = read(make_nas(kind=kind), environment={"SSH_CONNECTION": "10.0.0.7 5 10.0.0.88 22"})
    text = new_stack(settings(host="nas.lan"), found, HostKey(host_key(), "unknown")).text
    written = {
        key.removeprefix("nas-k3s:"): value if isinstance(value, str) else json.dumps(value)
        for key, value in yaml.safe_load(text)["config"].items()
    }
    loaded = load_settings("home", written)
    assert loaded.platform == kind.partition("-")[0]
    assert loaded.node_ip == "10.0.0.88"


# ---- the cluster's data

ETC = "/state/volumes/k3s-etc/k3s"


def test_without_volumes_there_is_no_data(nas: FakeNas) -> None:
    found = read(nas)
    assert (found.cluster_data, found.cluster_id, found.kubeconfig) == ("none", "", "")


@pytest.mark.parametrize(
    ("files", "data", "identifier"),
    [
        ([], "none", ""),
        (["nas-k3s-cluster"], "none", "nas-k3s/nas88/k3s/x"),
        (["server/db/state.db"], "there", ""),
        (["server/db/state.db", "nas-k3s-cluster"], "there", "nas-k3s/nas88/k3s/x"),
    ],
)
def test_the_data_and_its_identifier_are_read(
    nas: FakeNas, files: list[str], data: str, identifier: str
) -> None:
    nas.path("/state/volumes/k3s-data").mkdir(parents=True)
    for file in files:
        nas.write(f"/state/volumes/k3s-data/{file}", "nas-k3s/nas88/k3s/x\nmore\n")
    found = read(nas)
    assert (found.cluster_data, found.cluster_id) == (data, identifier)


def test_a_directory_instead_of_the_volumes_is_read_too(nas: FakeNas) -> None:
    places = {"DATA_PLACE": "/share/k3s/data", "ETC_PLACE": "/share/k3s/etc"}
    variables = {**SAMPLES["facts.sh"], **places}
    assert parse_facts(nas.run("facts.sh", "facts", variables).out).cluster_data == "none"
    nas.write("/share/k3s/data/server/db/state.db", "")
    nas.write("/share/k3s/data/nas-k3s-cluster", "nas-k3s/nas88/k3s/x\n")
    nas.write("/share/k3s/etc/k3s/k3s.yaml", WHOLE)
    found = parse_facts(nas.run("facts.sh", "facts", variables).out)
    assert (found.cluster_data, found.cluster_id) == ("there", "nas-k3s/nas88/k3s/x")
    assert found.kubeconfig == sum_of(WHOLE)


def test_of_data_that_is_not_there_the_time_is_told_at_which_its_place_was_emptied(
    nas: FakeNas,
) -> None:
    def emptied(data: str = "k3s-data") -> int | None:
        variables = {**SAMPLES["facts.sh"], "DATA_PLACE": data}
        return parse_facts(nas.run("facts.sh", "facts", variables).out).cluster_emptied

    root = "/share/CACHEDEV1_DATA/docker/volumes"
    nas.path(root).mkdir(parents=True)
    os.utime(nas.path(root), (1, 1_700_000_001))
    assert emptied() == 1_700_000_001
    # A volume that is there and empty has its own.
    nas.path("/state/volumes/k3s-data").mkdir(parents=True)
    os.utime(nas.path("/state/volumes/k3s-data"), (1, 1_700_000_002))
    assert emptied() == 1_700_000_002
    os.utime(nas.path("/share"), (1, 1_700_000_003))
    assert emptied("/share/k3s/cluster/data") == 1_700_000_003
    nas.write("/state/volumes/k3s-data/server/token", "x")
    assert emptied() is None


def test_data_that_lies_where_we_cannot_look_is_not_said_to_be_gone(nas: FakeNas) -> None:
    nas.path("/state/volumes/k3s-data").mkdir(parents=True)
    nas.write("/state/mountpoint", "/var/lib/docker/somewhere")
    assert read(nas).cluster_data == ""


def test_a_volume_whose_driver_says_its_place_only_when_asked_for_it_is_found(nas: FakeNas) -> None:
    nas.write("/state/volumes/k3s-data/server/token", "x")
    nas.write("/state/unlisted", "")
    assert read(nas).cluster_data == "there"


def test_certificates_are_read_although_the_container_is_gone_and_no_key_is(nas: FakeNas) -> None:
    nas.write(f"{ETC}/k3s.yaml", WHOLE.replace("S0VZ", "S3NTINEL"))
    nas.write(f"{ETC}/nas-k3s-handed-out", "0123\n")
    found = read(nas)
    assert found.kubeconfig == sum_of(WHOLE)
    assert (found.applied_kubeconfig, found.client_certificate) == ("0123", "Q0VSVA==")
    assert "S3NTINEL" not in str(found)


def test_a_kubeconfig_without_certificates_has_no_checksum(nas: FakeNas) -> None:
    nas.write(f"{ETC}/k3s.yaml", "apiVersion: v1\n")
    found = read(nas)
    assert (found.kubeconfig, found.client_certificate) == ("", "")


def test_variables_that_are_not_what_the_container_was_given_are_named(nas: FakeNas) -> None:
    nas.k3s()
    given = {"HTTP_PROXY": "http://us%40er:p%3Aw@p:1", "NO_PROXY": "a,b", "K3S_TOKEN": ""}
    nas.made_with({**given, "MINE": "1"}, **given)
    assert read(nas).env_changed == ()
    nas.made_with({**given, "HTTP_PROXY": "http://p:1", "NO_PROXY": ""}, **given)
    assert read(nas).env_changed == ("HTTP_PROXY", "NO_PROXY")
    nas.made_with(given)
    assert read(nas).env_changed == ()


def test_whether_k3s_has_a_proxy_is_told_and_not_which(nas: FakeNas) -> None:
    nas.k3s()
    for given, proxied in (
        ({"HTTPS_PROXY": "http://s3cret@p:1"}, "yes"),
        ({"CONTAINERD_HTTPS_PROXY": "http://s3cret@p:1"}, "yes"),
        ({"HTTPS_PROXY": "", "MY_HTTPS_PROXY": "x"}, ""),
        ({}, ""),
    ):
        nas.made_with(given, **given)
        found = read(nas)
        assert found.container_proxied == proxied, given
        assert "s3cret" not in str(found)


# ---- the way of an image


def ask(nas: FakeNas, **changes: str) -> dict[str, str]:
    done = nas.run("facts.sh", "facts", {**SAMPLES["facts.sh"], **changes})
    assert done.status == 0, done.err
    assert "S3NTINEL" not in done.out + done.err
    assert not list(nas.path("/tmp").iterdir())
    return done.results


def test_the_proxy_is_asked_for_the_registry_with_the_login_of_the_stack(nas: FakeNas) -> None:
    found = ask(nas)
    assert (found["way"], found["way_answer"]) == ("open", "HTTP/1.1 200 Connection established")
    request = nas.read("/state/proxy_request")
    assert request.startswith("CONNECT registry-1.docker.io:443 HTTP/1.1")
    assert "Proxy-Authorization: Basic bmFzOlMzTlRJTkVM" in request


def test_what_comes_through_the_proxy_is_told_byte_for_byte(nas: FakeNas) -> None:
    head = b"HTTP/1.1 200 ok\r\n\r\n"
    flight = head + bytes(range(256)) + b"\x0e\0\0\0"
    nas.path("/state/proxy_answer").write_bytes(flight)
    found = ask(nas)
    assert bytes.fromhex(found["way_tls"]) == flight
    assert found["way_answer"] == "HTTP/1.1 200 ok"


def test_a_proxy_that_speaks_plain_http_where_the_setting_says_https_is_told_as_such(
    nas: FakeNas,
) -> None:
    assert ask(nas, PROXY_SCHEME="https", TLS_HELLO="")["way"] == "plain"
    assert "uthorization" not in nas.read("/state/proxy_request"), "no login in plain text"
    nas.write("/state/proxy_answer", "\x15\x03\x01")
    assert ask(nas, PROXY_SCHEME="https", TLS_HELLO="")["way"] == "open"


def test_a_proxy_that_refuses_is_told_as_such(nas: FakeNas) -> None:
    nas.path("/state/proxy_answer").unlink()
    found = ask(nas)
    assert found["way"] == "refused"
    assert "way_answer" not in found


def test_without_a_proxy_none_is_asked(nas: FakeNas) -> None:
    assert "way" not in ask(nas, PROXY_HOST="")
    assert not nas.path("/state/proxy_request").exists()


def reply(nas: FakeNas, status: str, message: str) -> None:
    nas.path("/state/images").mkdir(exist_ok=True)
    body = json.dumps({"message": message})
    nas.write("/state/reply", f"HTTP/1.0 {status}\r\nA: b\r\n\r\n{body}\n")


def test_the_registry_is_asked_for_the_image_once_the_daemon_has_the_proxy(nas: FakeNas) -> None:
    reply(nas, "404 Not Found", "manifest unknown: manifest unknown")
    assert "image_missing" not in ask(nas)
    assert not nas.path("/state/asked").exists()
    nas.write("/state/http", "http://192.168.31.198:7222")
    assert ask(nas)["image_missing"] == "manifest unknown: manifest unknown"


def test_a_registry_that_cannot_be_asked_says_nothing_of_the_image(nas: FakeNas) -> None:
    reply(nas, "500 Oops", "proxyconnect tcp: dial tcp: lookup proxy: not found")
    assert "image_missing" not in ask(nas, PROXY_HOST="")
    assert nas.path("/state/asked").exists()


def test_an_image_that_docker_has_is_not_asked_for(nas: FakeNas) -> None:
    assert "image_missing" not in ask(nas, PROXY_HOST="")
    assert not nas.path("/state/asked").exists()


def test_the_image_of_the_container_is_not_taken_for_the_one_that_is_to_come(nas: FakeNas) -> None:
    nas.k3s()
    nas.write("/state/containers/k3s/image", "sha256:old")
    nas.write("/state/tags/sha256:old", "rancher/k3s:v1.34.3-k3s1\n")
    reply(nas, "404 Not Found", "manifest unknown: manifest unknown")
    found = ask(nas, PROXY_HOST="")
    assert found["container_tag"] == "rancher/k3s:v1.34.3-k3s1"
    assert found["image_missing"] == "manifest unknown: manifest unknown"


def test_an_image_that_was_removed_below_the_container_is_not_taken_for_the_other(
    nas: FakeNas,
) -> None:
    nas.k3s()
    nas.write("/state/containers/k3s/image", "sha256:old")
    nas.write("/state/tags/sha256:1234", "rancher/k3s:v1.34.4-k3s1\n")
    assert "container_tag" not in ask(nas, PROXY_HOST="")
    assert not nas.path("/state/asked").exists()
