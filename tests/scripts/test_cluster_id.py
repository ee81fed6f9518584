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
    done = claim(nas, "nas-k3s/nas88/k3s/1")
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


def test_data_that_another_run_has_claimed_meanwhile_is_left_to_it(nas: FakeNas) -> None:
    """Its cluster would be locked out by what it was not made with."""
    assert claim(nas, "nas-k3s/other/k3s/1").status == 0
    changed = {**SAMPLES["cluster-id.sh"], "MADE_WITH": "node-name=three"}
    done = nas.run("cluster-id.sh", "claim nas-k3s/nas88/k3s/1", changed)
    assert done.status == 1
    assert "became that of the cluster nas-k3s/other/k3s/1 while this run was at work" in done.err
    assert nas.read("/state/volumes/k3s-data/nas-k3s-made-with") == (
        "cluster-cidr=10.42.0.0/16\nnode-name=nas88\n"
    )


def test_a_file_of_the_owners_of_that_name_is_no_other_cluster(nas: FakeNas) -> None:
    nas.write(FILE, "notes\n")
    assert claim(nas, "nas-k3s/nas88/k3s/1").status == 0
    assert nas.read(FILE) == "notes\n"


def test_a_container_of_that_name_that_was_made_meanwhile_is_left_alone(nas: FakeNas) -> None:
    nas.k3s()
    nas.write("/state/containers/k3s/labels", "nas-k3s.stack=other\n")
    done = claim(nas, "x")
    assert done.status == 1
    assert "the container k3s, which is not this stack's, was made while this run" in done.err
    assert not nas.path(FILE).exists()
    nas.write("/state/containers/k3s/labels", "nas-k3s.stack=nas88\n")
    assert claim(nas, "x").status == 0


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
