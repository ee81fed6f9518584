"""data-directory.sh under BusyBox ash: only what it made is ever removed."""

from __future__ import annotations

import stat

import pytest

from tests.scripts.fake_nas import POOL, QPKG, Done, FakeNas
from tests.scripts.rendered import SAMPLES

PLACE = f"{POOL}/k3s"


def run(nas: FakeNas, mode: str, **changes: str) -> Done:
    return nas.run("data-directory.sh", mode, {**SAMPLES["data-directory.sh"], **changes})


def names(nas: FakeNas, path: str = PLACE) -> set[str]:
    return {entry.name for entry in nas.path(path).iterdir()}


def fill(nas: FakeNas) -> None:
    nas.write(f"{PLACE}/data/server/db/state.db", "rows")
    nas.write(f"{PLACE}/etc/node/password", "x")


def test_what_is_made_is_for_root_alone(nas: FakeNas) -> None:
    assert run(nas, "prepare").status == 0
    assert names(nas) == {"data", "etc", ".nas-k3s"}
    for path in (PLACE, f"{PLACE}/data", f"{PLACE}/etc"):
        assert stat.S_IMODE(nas.path(path).stat().st_mode) == 0o700


def test_a_second_run_leaves_everything_as_it_is(nas: FakeNas) -> None:
    run(nas, "prepare")
    fill(nas)
    nas.path(PLACE).chmod(0o755)
    marker = nas.read(f"{PLACE}/.nas-k3s")
    assert run(nas, "prepare").status == 0
    assert nas.read(f"{PLACE}/data/server/db/state.db") == "rows"
    assert nas.read(f"{PLACE}/.nas-k3s") == marker
    assert stat.S_IMODE(nas.path(PLACE).stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({f"{PLACE}/photo.jpg": ""}, "holds files that are not ours"),
        ({f"{PLACE}/data/x": ""}, "holds files that are not ours"),
        ({f"{PLACE}/.nas-k3s": "stack=other\nmade=yes\n"}, "holds the cluster of another stack"),
        ({PLACE: ""}, "is no directory"),
    ],
)
def test_a_directory_of_somebody_else_is_refused_and_stays_as_it_was(
    nas: FakeNas, files: dict[str, str], why: str
) -> None:
    for path, text in files.items():
        nas.write(path, text)
    done = run(nas, "prepare")
    assert done.status == 1
    assert why in done.err
    assert "nas-k3s:dataDirectory" in done.err
    assert {path: nas.read(path) for path in files} == files
    assert run(nas, "remove").status == 0
    assert {path: nas.read(path) for path in files} == files


def test_a_link_that_leads_elsewhere_is_not_followed(nas: FakeNas) -> None:
    nas.path("/etc/secret").mkdir()
    nas.path(POOL).mkdir(parents=True, exist_ok=True)
    nas.path(PLACE).symlink_to("../../etc/secret")
    done = run(nas, "prepare")
    assert done.status == 1
    assert names(nas, "/etc/secret") == set()


def test_removal_takes_what_was_made_and_the_directory_with_it(nas: FakeNas) -> None:
    run(nas, "prepare")
    fill(nas)
    done = run(nas, "remove")
    assert done.status == 0
    assert f"the cluster's data is gone from {PLACE}" in done.err
    assert not nas.path(PLACE).exists()
    assert nas.path(POOL).is_dir()


def test_removal_leaves_files_that_somebody_put_beside(nas: FakeNas) -> None:
    run(nas, "prepare")
    fill(nas)
    nas.write(f"{PLACE}/notes.txt", "mine")
    assert run(nas, "remove").status == 0
    assert names(nas) == {"notes.txt"}


def test_an_empty_directory_of_the_owners_is_used_and_stays(nas: FakeNas) -> None:
    nas.path(PLACE).mkdir(parents=True)
    run(nas, "prepare")
    fill(nas)
    assert run(nas, "remove").status == 0
    assert names(nas) == set()


def test_data_that_is_kept_is_told_with_its_place(nas: FakeNas) -> None:
    run(nas, "prepare", KEEP="yes")
    fill(nas)
    done = run(nas, "remove", KEEP="yes")
    assert done.status == 0
    assert f"the cluster's data stays on the NAS; to delete it: rm -r {PLACE}" in done.err
    assert nas.read(f"{PLACE}/data/server/db/state.db") == "rows"
    # The next cluster of the stack goes on with it.
    assert run(nas, "prepare").status == 0


def test_data_that_a_container_uses_stays(nas: FakeNas) -> None:
    run(nas, "prepare")
    nas.k3s()
    nas.write("/state/containers/k3s/mounts", f"{PLACE}/data\n{PLACE}/etc\n")
    done = run(nas, "remove")
    assert "still there" in done.err
    assert names(nas) == {"data", "etc", ".nas-k3s"}
    # The container of another place is in nobody's way.
    nas.write("/state/containers/k3s/mounts", "k3s-data\n")
    run(nas, "remove")
    assert not nas.path(PLACE).exists()


@pytest.mark.parametrize("gone", ["data", "docker"])
def test_removal_never_fails(nas: FakeNas, gone: str) -> None:
    if gone == "docker":
        run(nas, "prepare")
        nas.path(f"{QPKG}/bin/docker").unlink()
    assert run(nas, "remove").status == 0
    assert not nas.path(PLACE).exists()


def test_a_volume_that_cannot_be_written_is_told(nas: FakeNas) -> None:
    nas.path(POOL).mkdir(parents=True, exist_ok=True)
    variables = SAMPLES["data-directory.sh"]
    done = nas.run("data-directory.sh", "prepare", variables, read_only=[POOL])
    assert done.status == 1
    assert "cannot be made" in done.err
