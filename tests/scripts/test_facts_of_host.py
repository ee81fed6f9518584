"""facts.sh under BusyBox ash: network, kernel and storage of the NAS, and how the container is."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest

from nas.fact_lines import DockerNetwork, Listener
from tests.scripts.fake_nas import POOL, FakeNas
from tests.scripts.rendered import SAMPLES
from tests.scripts.test_facts import read

HEAD = "  sl  local_address rem_address   st\n"
REST = "00000000:00000000 00:00000000 00000000     0        0"


def sockets(*rows: tuple[str, str, int]) -> str:
    """Lines of /proc/net/tcp and udp: address with port, state, inode."""
    lines = [
        f"   {n}: {local} {'0' * 8}:0000 {state} {REST} {inode} 1\n"
        for n, (local, state, inode) in enumerate(rows)
    ]
    return HEAD + "".join(lines)


# ---- who listens


@pytest.mark.parametrize(
    ("file", "local", "scope"),
    [
        ("tcp", "00000000:192B", "all"),
        ("tcp", "0100007F:192B", "loopback"),
        ("tcp", "0500007F:192B", "loopback"),
        ("tcp", "5858A8C0:192B", "one"),
        ("tcp6", f"{'0' * 32}:192B", "all"),
        ("tcp6", f"{'0' * 24}01000000:192B", "loopback"),
        ("tcp6", "0000000000000000FFFF00000100007F:192B", "loopback"),
        ("tcp6", "000080FE00000000FF005450B6D51AFE:192B", "one"),
    ],
)
def test_a_listener_is_told_with_the_addresses_that_it_takes(
    nas: FakeNas, file: str, local: str, scope: str
) -> None:
    nas.write(f"/proc/net/{file}", sockets((local, "0A", 4711)))
    assert read(nas).listeners == (Listener(6443, "tcp", scope, ""),)


def test_udp_is_told_apart_from_tcp(nas: FakeNas) -> None:
    nas.write("/proc/net/udp", sockets(("00000000:280A", "07", 1), ("00000000:192B", "01", 2)))
    found = read(nas)
    assert found.listeners == (Listener(10250, "udp", "all", ""),)
    assert found.ports_taken == ()


def test_the_program_behind_a_port_is_named_by_its_descriptor(nas: FakeNas) -> None:
    nas.write("/proc/net/tcp", sockets(("00000000:192B", "0A", 4711), ("00000000:280A", "0A", 5)))
    nas.write("/proc/812/comm", "k3s-server\n")
    nas.write("/proc/813/comm", "other\n")
    for pid, inode in ((812, 4711), (813, 47)):
        descriptors = nas.path(f"/proc/{pid}/fd")
        descriptors.mkdir()
        (descriptors / "3").symlink_to(f"socket:[{inode}]")
    names = {one.port: one.program for one in read(nas).listeners}
    assert names == {6443: "k3s-server", 10250: ""}


def test_this_kernel_shows_sockets_as_the_script_expects_them(nas: FakeNas) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        nas.write("/proc/net/tcp", Path("/proc/net/tcp").read_text())
    assert read(nas, ports=f"{port} 1").listeners == (Listener(port, "tcp", "loopback", ""),)


# ---- networks


def test_routes_are_told_without_the_default_and_what_is_no_network(nas: FakeNas) -> None:
    nas.write(
        "/proc/net/route",
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t011FA8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t001FA8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "tun0\t0000080A\t00000000\t0001\t0\t0\t0\t0000F8FF\t0\t0\t0\n",
    )
    zero = "0" * 32
    nas.write(
        "/proc/net/ipv6_route",
        f"fd000000000000000000000000000000 40 {zero} 00 {zero} 00000100 1 0 00000001     eth0\n"
        f"fe800000000000000000000000000000 40 {zero} 00 {zero} 00000100 1 0 00000001     eth0\n"
        f"{zero} 00 {zero} 00 {zero} 00000100 1 0 00000001       lo\n",
    )
    found = {(one.interface, str(one.network)) for one in read(nas).routes}
    assert found == {("eth0", "192.168.31.0/24"), ("tun0", "10.8.0.0/13"), ("eth0", "fd00::/64")}


def test_networks_and_pools_of_docker_are_told(nas: FakeNas) -> None:
    nas.write(
        "/state/networks",
        "docker_network=bridge bridge 172.17.0.0/16\ndocker_network=host host\n",
    )
    nas.write("/state/pools", "172.30.0.0/16\n172.31.0.0/16\n")
    found = read(nas)
    bridge = ipaddress.ip_network("172.17.0.0/16")
    assert found.docker_networks == (
        DockerNetwork("bridge", "bridge", (bridge,)),
        DockerNetwork("host", "host", ()),
    )
    assert [str(pool) for pool in found.docker_pools] == ["172.30.0.0/16", "172.31.0.0/16"]


def test_how_the_container_was_made_is_told_without_the_owners_arguments(nas: FakeNas) -> None:
    nas.k3s()
    nas.write(
        "/state/containers/k3s/made",
        'network bridge\nargument "server"\nargument "--https-listen-port=16443"\n'
        'argument "--cluster-cidr=10.52.0.0/16"\nargument "--snapshotter=native"\n'
        'argument "--kube-apiserver-arg=audit=S3NTINEL"\ndata /share/data/k3s/data\n'
        "published 16443 16443/tcp\npublished 30000 40000/udp\n",
    )
    done = nas.run("facts.sh", "facts", SAMPLES["facts.sh"])
    assert "S3NTINEL" not in done.out
    found = read(nas)
    assert (found.container_network, found.container_port) == ("bridge", 16443)
    assert found.container_flags == {"cluster-cidr": "10.52.0.0/16", "snapshotter": "native"}
    assert found.container_data == "/share/data/k3s/data"
    assert found.container_publishes == ("16443/tcp", "30000/udp")


# ---- kernel


CONFIG_OF_OLD_NAS = "CONFIG_OVERLAY_FS=m\n# CONFIG_NF_TABLES is not set\nCONFIG_VETH=y\n"


def config(nas: FakeNas, text: str) -> None:
    nas.write("/state/config", text)
    nas.shell("gzip -c /state/config >/proc/config.gz")


def test_a_feature_that_the_kernels_config_does_not_have_is_certainly_missing(
    nas: FakeNas,
) -> None:
    config(nas, CONFIG_OF_OLD_NAS)
    found = read(nas)
    assert {"overlay", "veth"} & {*found.kernel_lacks, *found.kernel_may_lack} == set()
    assert {"iptable_nat", "xt_comment", "br_netfilter"} <= set(found.kernel_lacks)
    assert found.kernel_may_lack == ()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("/proc/modules", "xt_comment 16384 1 - Live 0x0000000000000000\n"),
        ("/sys/module/xt_comment/refcnt", "1\n"),
        ("/lib/modules/xt_comment.ko", ""),
        ("/proc/net/ip_tables_matches", "comment\nudp\n"),
    ],
)
def test_a_module_that_is_there_goes_before_the_kernels_config(
    nas: FakeNas, file: str, text: str
) -> None:
    config(nas, CONFIG_OF_OLD_NAS)
    nas.write(file, text)
    assert "xt_comment" not in read(nas).kernel_lacks


def test_without_the_kernels_config_a_module_that_was_not_found_is_only_a_doubt(
    nas: FakeNas,
) -> None:
    release = nas.shell("uname -r").out.strip()
    nas.write(f"/lib/modules/{release}/modules.builtin", "kernel/fs/overlayfs/overlay.ko\n")
    nas.write(f"/lib/modules/{release}/modules.dep", "kernel/net/nf_tables.ko.xz: a.ko\n")
    nas.write("/proc/filesystems", "nodev\tsysfs\n")
    found = read(nas)
    assert found.kernel_lacks == ()
    assert {"xt_comment", "veth"} <= set(found.kernel_may_lack)
    assert not {"overlay", "iptable_nat", "iptable_mangle"} & set(found.kernel_may_lack)


def test_of_a_kernel_that_tells_nothing_nothing_is_told(nas: FakeNas) -> None:
    found = read(nas)
    assert (found.kernel_lacks, found.kernel_may_lack) == ((), ())


def test_what_needs_no_module_is_seen_where_the_kernel_shows_it(nas: FakeNas) -> None:
    config(nas, "CONFIG_X=y\n")
    nas.write("/proc/filesystems", "nodev\toverlay\n\text4\n")
    nas.write("/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n")
    nas.write("/proc/net/ip_tables_names", "filter\nnat\nmangle\n")
    nas.write("/proc/net/ip_tables_targets", "REJECT\nMASQUERADE\n")
    lacks = set(read(nas).kernel_lacks)
    assert lacks == {"fuse", "veth", "xt_comment", "xt_conntrack", "xt_mark", "xt_multiport"}


@pytest.mark.parametrize(
    ("file", "text", "memory"),
    [
        ("/proc/cgroups", "#subsys_name\nmemory\t0\t1\t0\n", "no"),
        ("/proc/cgroups", "#subsys_name\ncpu\t1\t1\t1\nmemory\t4\t566\t1\n", "yes"),
        ("/proc/cgroups", "#subsys_name\ncpu\t1\t1\t1\n", "no"),
        ("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n", "yes"),
        ("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu\n", "no"),
    ],
)
def test_the_memory_cgroup_is_read(nas: FakeNas, file: str, text: str, memory: str) -> None:
    nas.write(file, text)
    assert read(nas).cgroup_memory == memory


# ---- storage


MOUNTS = f"""rootfs / rootfs rw 0 0
/dev/ram0 / ext2 rw 0 0
tmpfs /share tmpfs rw 0 0
/dev/md9 /mnt/HDA_ROOT ext3 rw 0 0
/dev/mapper/cachedev1 {POOL} ext4 rw 0 0
overlay {POOL}/docker/overlay2/x/merged overlay rw 0 0
"""


def test_the_directory_is_followed_to_the_disk_that_it_is_on(nas: FakeNas) -> None:
    nas.write("/proc/mounts", MOUNTS)
    nas.path(f"{POOL}/Container").mkdir(parents=True)
    nas.path("/share/Container").symlink_to("CE_CACHEDEV3_DATA/Container")
    found = read(nas, directory="/share/Container/a/k3s")
    assert found.data_directory == f"{POOL}/Container/a/k3s"
    assert found.data_mount == f"/dev/mapper/cachedev1 {POOL}"
    assert found.data_directory_is == "absent"
    assert found.volumes == (POOL,)
    assert found.data_fs


def test_a_directory_beside_the_volumes_is_on_the_ram_disk(nas: FakeNas) -> None:
    nas.write("/proc/mounts", MOUNTS)
    assert read(nas, directory="/share/k3s").data_mount == "tmpfs /share"
    # A name that begins like a mount point is not on it.
    assert read(nas, directory=f"{POOL}2/k3s").data_mount == "tmpfs /share"
    assert read(nas, directory="/k3s").data_mount == "/dev/ram0 /"


@pytest.mark.parametrize(
    ("files", "state"),
    [
        ({}, "empty"),
        ({"@eaDir/x": "", ".@__thumb/y": ""}, "empty"),
        ({"photo.jpg": ""}, "foreign"),
        ({".nas-k3s": "stack=nas88\nmade=yes\n", "data/x": ""}, "ours"),
        ({".nas-k3s": "stack=nas8\nmade=yes\n"}, "other"),
    ],
)
def test_whose_directory_it_is_is_told(nas: FakeNas, files: dict[str, str], state: str) -> None:
    nas.path(f"{POOL}/k3s").mkdir(parents=True)
    for name, text in files.items():
        nas.write(f"{POOL}/k3s/{name}", text)
    assert read(nas, directory=f"{POOL}/k3s").data_directory_is == state


def test_a_file_in_its_place_is_told(nas: FakeNas) -> None:
    nas.write(f"{POOL}/k3s", "")
    assert read(nas, directory=f"{POOL}/k3s").data_directory_is == "file"
