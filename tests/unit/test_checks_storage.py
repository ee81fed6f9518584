"""The place of the cluster's data."""

from __future__ import annotations

import pytest

from nas.checks.storage import check_storage, storage_warnings
from nas.plan import make_plan
from tests.unit.samples import FACTS, facts, settings

POOL = "/share/CACHEDEV1_DATA"
PLACE = f"{POOL}/k3s"
DIRECTORY = {"dataDirectory": PLACE}
ON_DISK = {
    "data_directory": PLACE,
    "data_directory_is": "absent",
    "data_mount": f"/dev/mapper/cachedev1 {POOL}",
    "volumes": (POOL, "/share/external"),
}


@pytest.mark.parametrize(
    ("known", "config", "why", "fix"),
    [
        ({"data_fs": "tmpfs"}, DIRECTORY, "RAM disk", f"dataDirectory {POOL}/k3s"),
        ({"data_mount": "/dev/ram0 /"}, DIRECTORY, "RAM disk", f"dataDirectory {POOL}/k3s"),
        ({"data_mount": "rootfs /"}, DIRECTORY, "RAM disk", f"dataDirectory {POOL}/k3s"),
        ({"data_mount": "/dev/ram0 /", "volumes": ()}, DIRECTORY, "RAM disk", f"{POOL}/k3s"),
        (
            {"data_directory": "/mnt/HDA_ROOT/k3s"},
            {"dataDirectory": "/mnt/HDA_ROOT/k3s"},
            "outside of the NAS's volumes",
            f"{POOL}/k3s",
        ),
        (
            {"platform": "synology", "data_directory": "/opt/k3s", "volumes": ("/volume2",)},
            {"dataDirectory": "/opt/k3s"},
            "outside of the NAS's volumes",
            "dataDirectory /volume2/k3s",
        ),
        (
            {"data_directory": f"{FACTS.data_root}/k3s"},
            DIRECTORY,
            "in Docker's own data",
            f"{POOL}/k3s",
        ),
        (
            {"data_directory_is": "file", "data_directory": PLACE},
            DIRECTORY,
            "is no directory",
            f"{PLACE}-data",
        ),
        (
            {"data_directory_is": "file", "data_directory": "/srv/k3s", "volumes": ("/",)}
            | {"platform": "systemd"},
            {"dataDirectory": "/srv/k3s"},
            "is no directory",
            "dataDirectory /k3s",
        ),
        ({"data_directory_is": "foreign"}, DIRECTORY, "not ours", f"{PLACE}/k3s"),
        ({"data_directory_is": "other"}, DIRECTORY, "another stack", "this stack's own"),
    ],
)
def test_a_place_that_does_not_last_or_is_not_ours_is_refused_with_a_real_volume(
    known: dict[str, object], config: dict[str, str], why: str, fix: str
) -> None:
    (found,) = check_storage(settings(**config), facts(**{**ON_DISK, **known}))
    assert found.key == "dataDirectory"
    assert why in found.why
    assert fix in found.fix


@pytest.mark.parametrize(
    ("known", "config"),
    [
        ({}, DIRECTORY),
        ({"data_directory_is": "empty"}, DIRECTORY),
        ({"data_directory_is": "ours"}, DIRECTORY),
        (
            {"platform": "synology", "data_directory": "/volumeUSB1/usbshare/k3s"},
            {"dataDirectory": "/volumeUSB1/usbshare/k3s"},
        ),
        (
            {"platform": "systemd", "data_directory": "/srv/k3s", "data_mount": "/dev/sda1 /"},
            DIRECTORY,
        ),
        ({"data_fs": "tmpfs", "data_directory": ""}, {}),
        # A cluster that is there keeps its place.
        (
            {"data_fs": "tmpfs", "container": "running", "container_data": f"{PLACE}/data"},
            DIRECTORY,
        ),
    ],
)
def test_a_place_on_a_disk_is_taken(known: dict[str, object], config: dict[str, str]) -> None:
    assert check_storage(settings(**config), facts(**{**ON_DISK, **known})) == []


def test_docker_itself_on_a_ram_disk_is_a_warning_with_the_way_out() -> None:
    known = facts(data_fs="tmpfs", volumes=(POOL,))
    (warning,) = storage_warnings(settings(), known)
    assert "ends with the next reboot" in warning
    assert f"pulumi config set nas-k3s:dataDirectory {POOL}/k3s" in warning
    assert warning in make_plan(settings(), known).warnings
    assert storage_warnings(settings(), facts()) == []


def test_the_plan_mounts_the_directory_behind_symbolic_links() -> None:
    config = settings(dataDirectory="/share/Public/k3s")
    known = facts(**{**ON_DISK, "data_directory": f"{POOL}/Public/k3s"})
    assert make_plan(config, known).data_directory == f"{POOL}/Public/k3s"
    assert make_plan(settings(), FACTS).data_directory is None


@pytest.mark.parametrize(
    ("before", "config", "fix"),
    [
        ("k3s-data", DIRECTORY, "pulumi config rm nas-k3s:dataDirectory"),
        (f"{POOL}/old/data", DIRECTORY, f"write {POOL}/old"),
        (f"{POOL}/old/data", {}, f"write {POOL}/old"),
    ],
)
def test_the_data_of_a_running_cluster_is_not_left_behind_by_an_edit(
    before: str, config: dict[str, str], fix: str
) -> None:
    known = facts(**{**ON_DISK, "container": "running", "container_data": before})
    (found,) = check_storage(settings(**config), known)
    assert found.key == "dataDirectory"
    assert before in found.why
    assert fix in found.fix
    assert "pulumi destroy" in found.fix


@pytest.mark.parametrize("kind", ["nfs", "overlayfs", "ecryptfs"])
def test_overlayfs_is_refused_where_it_certainly_does_not_work(kind: str) -> None:
    (found,) = check_storage(settings(snapshotter="overlayfs"), facts(data_fs=kind))
    assert found.key == "snapshotter"
    assert kind in found.why
    assert check_storage(settings(), facts(data_fs=kind)) == []


@pytest.mark.parametrize(
    ("setting", "kind", "flags"),
    [
        ("auto", "zfs", ["--snapshotter=native"]),
        ("overlayfs", "zfs", []),
        ("native", "ext2/ext3", ["--snapshotter=native"]),
        ("fuse-overlayfs", "zfs", ["--snapshotter=fuse-overlayfs"]),
    ],
)
def test_the_setting_goes_before_what_the_file_system_asks_for(
    setting: str, kind: str, flags: list[str]
) -> None:
    command = make_plan(settings(snapshotter=setting), facts(data_fs=kind)).command
    assert [flag for flag in command if "snapshotter" in flag] == flags


@pytest.mark.parametrize(
    ("known", "setting", "words"),
    [
        ({"container_flags": {"snapshotter": "native"}}, "auto", "from native to overlayfs"),
        ({}, "native", "from overlayfs to native"),
        ({}, "overlayfs", ""),
        ({"container_data": ""}, "native", ""),
        ({"container": ""}, "native", ""),
    ],
)
def test_a_change_of_the_snapshotter_is_told_before_it_happens(
    known: dict[str, object], setting: str, words: str
) -> None:
    there = {"container": "running", "container_data": "k3s-data", **known}
    found = storage_warnings(settings(snapshotter=setting), facts(**there))
    assert bool(found) == bool(words)
    assert words in "".join(found)
