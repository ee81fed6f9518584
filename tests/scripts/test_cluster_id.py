"""cluster-id.sh under BusyBox ash: the data says which cluster it is, and says it once."""

from __future__ import annotations

import pytest

from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.rendered import SAMPLES

FILE = "/state/volumes/k3s-data/nas-k3s-cluster"


def claim(nas: FakeNas, identifier: str) -> Done:
    return nas.run("cluster-id.sh", f"claim '{identifier}'", SAMPLES["cluster-id.sh"])


@pytest.mark.parametrize("there", [True, False])
def test_the_identifier_is_written_once_also_into_a_volume_that_was_removed(
    nas: FakeNas, there: bool
) -> None:
    if there:
        nas.path(FILE).parent.mkdir(parents=True)
    assert claim(nas, "nas-k3s/nas88/k3s/1").status == 0
    assert nas.read(FILE) == "nas-k3s/nas88/k3s/1\n"
    done = claim(nas, "nas-k3s/nas88/k3s/2")
    assert done.status == 0
    assert nas.read(FILE) == "nas-k3s/nas88/k3s/1\n"
    assert "is of the cluster nas-k3s/nas88/k3s/1" in done.err
    names = {path.name for path in nas.path(FILE).parent.iterdir()}
    assert names == {"nas-k3s-cluster", "nas-k3s-made-with"}


def test_what_the_data_is_made_with_is_noted_beside_it_at_each_run(nas: FakeNas) -> None:
    file = "/state/volumes/k3s-data/nas-k3s-made-with"
    assert claim(nas, "x").status == 0
    assert nas.read(file) == "cluster-cidr=10.42.0.0/16\nnode-name=nas88\n"
    changed = {**SAMPLES["cluster-id.sh"], "MADE_WITH": "cluster-domain=home.lan"}
    assert nas.run("cluster-id.sh", "claim x", changed).status == 0
    assert nas.read(file) == "cluster-domain=home.lan\n"


def test_directories_that_were_emptied_by_hand_are_made_again(nas: FakeNas) -> None:
    nas.path("/share/data").mkdir(parents=True)
    places = {"DATA_PLACE": "/share/data/data", "ETC_PLACE": "/share/data/etc"}
    done = nas.run("cluster-id.sh", "claim x", {**SAMPLES["cluster-id.sh"], **places})
    assert done.status == 0
    assert nas.read("/share/data/data/nas-k3s-cluster") == "x\n"
    assert nas.path("/share/data/etc").is_dir()


def test_a_directory_whose_volume_is_gone_is_one_clear_error(nas: FakeNas) -> None:
    places = {"DATA_PLACE": "/gone/k3s/data", "ETC_PLACE": "/gone/k3s/etc"}
    done = nas.run("cluster-id.sh", "claim x", {**SAMPLES["cluster-id.sh"], **places})
    assert done.status == 1
    assert "there is no /gone/k3s/data, and it cannot be made" in done.err


def test_data_that_lies_where_we_cannot_look_is_told_and_stops_nothing(nas: FakeNas) -> None:
    nas.write("/state/mountpoint", "/var/lib/docker/somewhere")
    done = claim(nas, "nas-k3s/nas88/k3s/1")
    assert done.status == 0
    assert "is not visible on the NAS" in done.err


def test_a_daemon_that_is_down_is_one_clear_error(nas: FakeNas) -> None:
    nas.path("/state/up").unlink()
    done = claim(nas, "x")
    assert done.status == 1
    assert (
        "there is no k3s-data, and it cannot be made: Cannot connect to the Docker daemon"
        in done.err
    )
