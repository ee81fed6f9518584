"""data-snapshot.sh under BusyBox ash: what is kept before an image changes, and put back after."""

from __future__ import annotations

import re
import tarfile
import time
from pathlib import Path

import pytest

from tests.scripts.fake_nas import POOL, Done, FakeNas
from tests.scripts.rendered import SAMPLES

OLD, NEW = "docker.io/rancher/k3s:v1.34.4-k3s1", "docker.io/rancher/k3s:v1.34.5-k3s1"
DATA, ETC = f"{POOL}/volumes/k3s-data/_data", f"{POOL}/volumes/k3s-etc/_data"
SNAPSHOTS = f"{DATA}/nas-k3s-snapshots"
FILES = {
    "server/db/state.db": "pages",
    "server/db/state.db-wal": "log",
    "server/db/snapshots/old": "of etcd",
    "server/tls/server-ca.key": "key",
    "server/cred/passwd": "",
    "server/token": "K10",
    "agent/images": "large",
}
KEPT = {
    "server/db/state.db",
    "server/db/state.db-wal",
    "server/tls/server-ca.key",
    "server/cred/passwd",
    "server/token",
    "rancher/node/password",
}
K3S = "#!/bin/sh\necho 'k3s version v1.34.4+k3s1 (abc)'\necho 'go version go1.24'\n"
WATCH = 'cp() { cat /state/containers/k3s/status >>/state/seen; busybox cp "$@"; }\n'
"""Notes whether the container is paused when the datastore is copied."""


def volumes(nas: FakeNas) -> None:
    """The volumes of a cluster that ran, and its image's successor, pulled."""
    for path, text in FILES.items():
        nas.write(f"{DATA}/{path}", text)
    nas.write(f"{ETC}/node/password", "password")
    nas.write("/state/volumes/k3s-data", DATA)
    nas.write("/state/volumes/k3s-etc", ETC)
    nas.write("/state/images/docker.io_rancher_k3s_v1.34.4-k3s1", "sha256:old")
    nas.write("/state/images/docker.io_rancher_k3s_v1.34.5-k3s1", "sha256:new")
    nas.write("/state/tags/sha256:old", "rancher/k3s:v1.34.4-k3s1\n\n")


@pytest.fixture
def running(nas: FakeNas) -> FakeNas:
    """A NAS whose k3s runs on an old image."""
    volumes(nas)
    nas.k3s()
    nas.inside("k3s", "k3s", K3S)
    nas.write("/state/containers/k3s/image", "sha256:old")
    nas.write("/state/containers/k3s/places", f"/var/lib/rancher/k3s {DATA}\n/etc/rancher {ETC}\n")
    return nas


def apply(nas: FakeNas, *, before: str = "", **changes: str) -> Done:
    variables = {**SAMPLES["data-snapshot.sh"], **changes}
    return nas.run("data-snapshot.sh", "apply", variables, before=before)


def snapshots(nas: FakeNas) -> list[str]:
    return sorted(file.stem for file in nas.path(SNAPSHOTS).glob("*.tar"))


def files(nas: FakeNas, name: str) -> set[str]:
    with tarfile.open(nas.path(f"{SNAPSHOTS}/{name}.tar")) as archive:
        return {member.name for member in archive if member.isfile()}


def notes(nas: FakeNas) -> dict[str, str]:
    lines = nas.read(f"{DATA}/nas-k3s-version").splitlines()
    return dict(line.split("=", 1) for line in lines)


def status(nas: FakeNas) -> str:
    return nas.shell(
        "docker inspect --format '{{.State.Status}}' k3s".replace("docker", nas.docker, 1)
    ).out.strip()


def test_another_image_is_preceded_by_a_snapshot_taken_of_a_paused_server(
    running: FakeNas,
) -> None:
    done = apply(running, before=WATCH)
    assert done.status == 0, done.err
    (name,) = snapshots(running)
    assert name.startswith("v1.34.4-k3s1-2")
    assert files(running, name) == KEPT
    assert running.path(f"{SNAPSHOTS}/{name}.tar").stat().st_mode & 0o777 == 0o600
    assert running.path(SNAPSHOTS).stat().st_mode & 0o777 == 0o700
    assert running.read("/state/seen").split().count("paused") == 2, "both files of the datastore"
    assert status(running) == "running"
    assert f"snapshot {name} of the data" in done.err
    assert re.search(r"the server was paused for \d+\.\d\d s", done.err), done.err
    assert notes(running) == {
        "version": "v1.34.5-k3s1",
        "image": NEW,
        "before": "v1.34.4-k3s1",
        "before_image": OLD,
        "snapshot": name,
    }
    assert sorted(entry.name for entry in running.path(SNAPSHOTS).iterdir()) == [f"{name}.tar"]


def test_the_same_image_takes_no_snapshot_and_pauses_nothing(running: FakeNas) -> None:
    done = apply(running, before=WATCH, IMAGE=OLD, VERSION="v1.34.4-k3s1")
    assert (done.status, done.err) == (0, "")
    assert not running.path(SNAPSHOTS).exists()
    assert not running.path("/state/seen").exists()
    assert notes(running) == {"version": "v1.34.4-k3s1", "image": OLD}


def test_a_container_that_somebody_made_anew_makes_room_for_the_next_one(running: FakeNas) -> None:
    running.made_with({"HTTP_PROXY": "http://p:1"}, HTTP_PROXY="http://p:1", NO_PROXY="10.0.0.0/8")
    done = apply(running, IMAGE=OLD)
    assert done.status == 0
    assert "removed the container k3s that somebody made anew with another NO_PROXY" in done.err
    assert not running.path("/state/containers/k3s").exists()
    assert running.read("/state/stopped") == "k3s\n"
    assert running.path(f"{DATA}/server/db/state.db").exists()


def test_one_that_stays_ends_it_with_the_way_out(running: FakeNas) -> None:
    running.made_with({}, HTTP_PROXY="http://p:1")
    running.write("/state/no_rm", "Error: removal is in progress\n")
    done = apply(running, IMAGE=OLD)
    assert done.status == 1
    assert "stays: Error: removal is in progress" in done.err
    assert "docker rm -f k3s on the NAS" in done.err


@pytest.mark.parametrize("label", ["", "HTTP_PROXY"])
def test_a_container_as_it_was_made_is_left_to_dockers_provider(
    running: FakeNas, label: str
) -> None:
    given = {label: "http://us%40er:p%3Aw@p:1"} if label else {}
    running.made_with({"HTTP_PROXY": "http://us%40er:p%3Aw@p:1", "OTHER": "1"}, **given)
    assert apply(running, IMAGE=OLD).status == 0
    assert running.path("/state/containers/k3s").exists()


def test_a_first_create_takes_none(nas: FakeNas) -> None:
    nas.path(DATA).mkdir(parents=True)
    nas.write("/state/volumes/k3s-data", DATA)
    done = apply(nas)
    assert (done.status, done.err) == (0, "")
    assert notes(nas) == {"version": "v1.34.5-k3s1", "image": NEW}


def test_a_directory_that_the_first_container_makes_need_not_be_there(nas: FakeNas) -> None:
    done = apply(nas, DATA_PLACE=f"{POOL}/k3s", ETC_PLACE=f"{POOL}/k3s-etc")
    assert (done.status, done.err) == (0, "")


def test_data_in_a_directory_of_the_nas_is_found_where_the_container_has_it(
    running: FakeNas,
) -> None:
    assert apply(running, DATA_PLACE="/elsewhere", ETC_PLACE="/elsewhere").status == 0
    assert len(snapshots(running)) == 1


def test_kept_data_without_a_container_is_kept_once_more(nas: FakeNas) -> None:
    volumes(nas)
    nas.write(f"{DATA}/nas-k3s-version", f"version=v1.34.4+k3s1\nimage={OLD}\n")
    done = apply(nas)
    assert done.status == 0, done.err
    (name,) = snapshots(nas)
    assert name.startswith("v1.34.4-k3s1-")
    assert "the server does not run" in done.err
    assert apply(nas).err == ""


def test_a_container_that_has_not_this_data_is_neither_paused_nor_asked(running: FakeNas) -> None:
    running.write("/state/containers/k3s/places", "")
    running.write(f"{DATA}/nas-k3s-version", f"image={NEW}\n")
    done = apply(running, before=WATCH)
    assert (done.status, done.err) == (0, "")
    assert not running.path("/state/seen").exists()


def test_a_daemon_that_does_not_answer_is_not_taken_for_one_without_a_container(
    running: FakeNas,
) -> None:
    running.path("/state/up").unlink()
    done = apply(running)
    assert done.status == 1
    assert "Docker does not answer" in done.err
    assert not running.path(SNAPSHOTS).exists()


def test_a_container_that_restarts_again_and_again_is_stopped_for_it(running: FakeNas) -> None:
    running.write("/state/containers/k3s/status", "restarting\n")
    done = apply(running)
    assert done.status == 0, done.err
    assert len(snapshots(running)) == 1
    assert running.read("/state/stopped") == "k3s\n"


def test_a_datastore_elsewhere_is_said_and_not_looked_for(running: FakeNas) -> None:
    for file in ("state.db", "state.db-wal"):
        running.path(f"{DATA}/server/db/{file}").unlink()
    done = apply(running)
    assert done.status == 0
    assert "keeps its datastore elsewhere" in done.err
    assert snapshots(running) == []
    assert notes(running)["before_image"] == OLD


def test_embedded_etcd_is_kept_without_its_own_snapshots(running: FakeNas) -> None:
    running.write(f"{DATA}/server/db/etcd/member/wal/0.wal", "log")
    for file in ("state.db", "state.db-wal"):
        running.path(f"{DATA}/server/db/{file}").unlink()
    assert apply(running).status == 0
    found = files(running, snapshots(running)[0])
    assert "server/db/etcd/member/wal/0.wal" in found
    assert not [name for name in found if "snapshots" in name]


# ---- no snapshot, no change


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ("df() { echo Filesystem; echo /dev/md0 9 9 5000 1% /; }\n", "4 MB free and it takes"),
        ('tar() { echo "No space left on device" >&2; return 1; }\n', "cannot be written"),
        ('cp() { echo "No space left" >&2; return 1; }\n', "cannot be copied"),
        ('tar() { case $1 in tf) echo server ;; *) busybox tar "$@" ;; esac; }\n', "cannot be"),
    ],
    ids=["little space", "full while packing", "full while copying", "archive cut off"],
)
def test_without_a_snapshot_the_image_is_not_changed(
    running: FakeNas, before: str, why: str
) -> None:
    done = apply(running, before=before)
    assert done.status == 1
    assert "no snapshot of the cluster's data can be kept, so the image is not changed" in done.err
    assert why in done.err
    assert "the old server goes on as before" in done.err
    assert status(running) == "running"
    assert snapshots(running) == []
    assert not running.path(f"{SNAPSHOTS}/.part").exists()
    assert not running.path(f"{DATA}/nas-k3s-version").exists()


def test_a_kernel_that_cannot_pause_is_named_with_the_way_around_it(running: FakeNas) -> None:
    running.write("/state/no_pause", "freezer not supported")
    done = apply(running)
    assert done.status == 1
    assert "cannot be paused (freezer not supported)" in done.err
    assert "docker stop k3s" in done.err
    running.write("/state/containers/k3s/running", "false")
    assert apply(running).status == 0


def test_a_copy_that_takes_too_long_is_given_up_and_the_server_runs_on(running: FakeNas) -> None:
    slow = 'cp() { case "$*" in *state.db*) sleep 20 ;; esac; busybox cp "$@"; }\n'
    began = time.monotonic()
    done = apply(running, before=slow, PAUSE_LIMIT="1")
    assert time.monotonic() - began < 15
    assert done.status == 1
    assert "takes longer than 1 s to copy" in done.err
    assert status(running) == "running"


def test_data_that_is_not_to_be_seen_refuses_the_change(running: FakeNas) -> None:
    running.write("/state/containers/k3s/places", "/var/lib/rancher/k3s /gone\n")
    done = apply(running)
    assert done.status == 1
    assert "/gone, is not to be seen on the NAS" in done.err


@pytest.mark.parametrize("signal", ["KILL", "TERM"])
def test_a_run_that_is_killed_leaves_no_server_paused(running: FakeNas, signal: str) -> None:
    kill = f'cp() {{ case "$*" in *state.db*) kill -{signal} $$; sleep 5 ;; esac; }}\n'
    assert apply(running, before=kill).status != 0
    until = time.monotonic() + 10
    while status(running) == "paused" and time.monotonic() < until:
        time.sleep(0.1)
    assert status(running) == "running"
    assert apply(running).status == 0
    assert len(snapshots(running)) == 1


def test_a_server_that_an_interrupted_run_left_paused_runs_again(running: FakeNas) -> None:
    running.write(f"{SNAPSHOTS}/.paused", "")
    running.write("/state/containers/k3s/status", "paused\n")
    assert apply(running, IMAGE=OLD).status == 0
    assert status(running) == "running"


def test_a_server_that_its_owner_paused_stays_so(running: FakeNas) -> None:
    running.write("/state/containers/k3s/status", "paused\n")
    assert apply(running).status == 0
    assert len(snapshots(running)) == 1
    assert status(running) == "paused"


def test_three_snapshots_stay_the_newest_and_the_one_that_is_asked_for(running: FakeNas) -> None:
    for minute in range(5):
        running.write(f"{SNAPSHOTS}/v1.33.{minute}-k3s1-20260101T00000{minute}Z.tar", "")
    running.write(f"{SNAPSHOTS}/notes.txt", "of the owner")
    restored = "v1.33.0-k3s1-20260101T000000Z"
    running.write(f"{DATA}/nas-k3s-version", f"restored={restored}\n")
    assert apply(running, RESTORE=restored).status == 0
    names = snapshots(running)
    assert [name[:12] for name in names] == [
        "v1.33.0-k3s1",
        "v1.33.3-k3s1",
        "v1.33.4-k3s1",
        "v1.34.4-k3s1",
    ]
    assert running.read(f"{SNAPSHOTS}/notes.txt") == "of the owner"


# ---- a change that has not proven itself


def unproven(nas: FakeNas, name: str) -> None:
    nas.write(
        f"{DATA}/nas-k3s-version",
        f"version=v1.34.4+k3s1\nimage={OLD}\nbefore=v1.34.3-k3s1\n"
        f"before_image=docker.io/rancher/k3s:v1.34.3-k3s1\nsnapshot={name}\n",
    )


def test_a_second_try_still_knows_what_ran_well(running: FakeNas) -> None:
    unproven(running, "first")
    assert apply(running).status == 0
    assert notes(running)["before"] == "v1.34.3-k3s1"
    assert notes(running)["snapshot"] == "first"


def test_the_snapshot_of_the_way_back_stays_however_often_the_change_is_tried(
    running: FakeNas,
) -> None:
    first = "v1.34.3-k3s1-20260101T000000Z"
    unproven(running, first)
    for minute in range(5):
        running.write(f"{SNAPSHOTS}/v1.34.4-k3s1-20260102T00000{minute}Z.tar", "")
    running.write(f"{SNAPSHOTS}/{first}.tar", "")
    assert apply(running).status == 0
    assert notes(running)["snapshot"] == first
    assert first in snapshots(running)
    assert len(snapshots(running)) == 4


def test_going_back_to_what_ran_well_ends_the_story(running: FakeNas) -> None:
    unproven(running, "first")
    running.write("/state/images/docker.io_rancher_k3s_v1.34.3-k3s1", "sha256:older")
    assert apply(running, IMAGE="docker.io/rancher/k3s:v1.34.3-k3s1").status == 0
    assert set(notes(running)) == {"version", "image"}


# ---- a snapshot is put back


def taken(nas: FakeNas) -> str:
    """A snapshot, after which the cluster went on with a newer image and other data."""
    assert apply(nas).status == 0
    (name,) = snapshots(nas)
    nas.write("/state/containers/k3s/image", "sha256:new")
    nas.inside("k3s", "k3s", K3S.replace("v1.34.4", "v1.35.1"))
    nas.write(f"{DATA}/server/db/state.db", "newer pages")
    nas.write(f"{DATA}/server/db/more", "newer")
    return name


def restore(nas: FakeNas, name: str, **how: str) -> Done:
    return apply(nas, RESTORE=name, IMAGE=OLD, VERSION="v1.34.4-k3s1", **how)


def aside(nas: FakeNas) -> Path:
    (found,) = nas.path(SNAPSHOTS).glob("replaced-*")
    return found


def test_a_snapshot_is_put_back_and_what_was_there_is_moved_aside(running: FakeNas) -> None:
    name = taken(running)
    done = restore(running, name)
    assert done.status == 0, done.err
    assert running.read("/state/stopped") == "k3s\n"
    assert running.read(f"{DATA}/server/db/state.db") == "pages"
    assert not running.path(f"{DATA}/server/db/more").exists()
    assert running.read(f"{DATA}/agent/images") == "large"
    assert (aside(running) / "server/db/state.db").read_text() == "newer pages"
    assert (aside(running) / "server/db/more").read_text() == "newer"
    assert aside(running).name.startswith("replaced-v1.35.1-k3s1-")
    assert notes(running) == {"version": "v1.34.4-k3s1", "image": OLD, "restored": name}
    assert snapshots(running) == [name]


def test_it_is_put_back_once_and_again_only_when_the_setting_was_away(running: FakeNas) -> None:
    name = taken(running)
    assert restore(running, name).status == 0
    running.write("/state/containers/k3s/image", "sha256:old")
    running.write(f"{DATA}/server/db/state.db", "later")
    assert restore(running, name).err == ""
    assert running.read(f"{DATA}/server/db/state.db") == "later"
    assert apply(running, IMAGE=OLD, VERSION="v1.34.4-k3s1").status == 0
    assert "restored" not in notes(running)
    running.path(SNAPSHOTS).joinpath(aside(running).name).rename(running.path(f"{DATA}/before"))
    assert restore(running, name).status == 0
    assert running.read(f"{DATA}/server/db/state.db") == "pages"


def test_a_snapshot_that_is_not_there_changes_nothing_and_lists_those_that_are(
    running: FakeNas,
) -> None:
    name = taken(running)
    done = restore(running, "v1.33.1-k3s1-20260101T000000Z")
    assert done.status == 1
    assert f"write one of: {name}" in done.err
    assert status(running) == "running"
    assert running.read(f"{DATA}/server/db/state.db") == "newer pages"


def test_a_damaged_snapshot_changes_nothing(running: FakeNas) -> None:
    name = taken(running)
    running.write(f"{SNAPSHOTS}/{name}.tar", "no archive")
    done = restore(running, name)
    assert done.status == 1
    assert "cannot be unpacked" in done.err
    assert status(running) == "running"
    assert running.read(f"{DATA}/server/db/state.db") == "newer pages"


@pytest.mark.parametrize("step", range(1, 6))
def test_a_run_that_is_killed_while_it_puts_back_is_done_again_and_loses_nothing(
    running: FakeNas, step: int
) -> None:
    name = taken(running)
    kill = (
        'mv() { moves=$((${moves:-0} + 1)); busybox mv "$@" || return; '
        f"[ $moves -ne {step} ] || kill -9 $$; }}\n"
    )
    assert restore(running, name, before=kill).status != 0
    done = restore(running, name)
    assert done.status == 0, done.err
    assert running.read(f"{DATA}/server/db/state.db") == "pages"
    assert running.read(f"{DATA}/server/token") == "K10"
    kept = running.path(SNAPSHOTS).glob("replaced-*/server/db/state.db")
    assert "newer pages" in {file.read_text() for file in kept}
