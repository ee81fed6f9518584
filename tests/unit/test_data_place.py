"""Where the cluster's data is, and stays."""

from __future__ import annotations

import pytest

from nas.data_place import is_certain, moved, places
from tests.unit.samples import facts, settings

VOLUMES = ("k3s-data", "k3s-etc")
DIRECTORY = ("/share/A/k3s/data", "/share/A/k3s/etc")


@pytest.mark.parametrize("place", [VOLUMES, DIRECTORY])
def test_a_place_that_stays_is_no_problem(place: tuple[str, str]) -> None:
    assert moved(" ".join(place), place) is None


@pytest.mark.parametrize(
    ("was", "now", "key", "value", "fix"),
    [
        (VOLUMES, ("foo-data", "foo-etc"), "containerName", '"foo"', "write k3s, or"),
        (
            VOLUMES,
            DIRECTORY,
            "dataDirectory",
            '"/share/A/k3s"',
            "pulumi config rm nas-k3s:dataDirectory, or",
        ),
        (DIRECTORY, VOLUMES, "dataDirectory", None, "write /share/A/k3s, or"),
        (
            DIRECTORY,
            ("/share/B/data", "/share/B/etc"),
            "dataDirectory",
            '"/share/B"',
            "write /share/A/k3s, or",
        ),
    ],
)
def test_another_place_is_named_with_the_setting_and_the_way_back(
    was: tuple[str, str], now: tuple[str, str], key: str, value: str | None, fix: str
) -> None:
    found = moved(" ".join(was), now)
    assert found is not None
    assert (found.key, found.value) == (key, value)
    assert f"{was[0]} and {was[1]}" in found.why
    assert found.fix.startswith(fix)
    assert "`pulumi destroy` before" in found.fix


def test_a_directory_is_certain_once_the_nas_has_resolved_its_links() -> None:
    directory = settings(dataDirectory="/share/Data/k3s")
    resolved = facts(data_directory="/share/CACHEDEV1_DATA/k3s")
    assert not is_certain(directory, None)
    assert not is_certain(directory, facts())
    assert is_certain(directory, resolved)
    assert places(directory, resolved)[0] == "/share/CACHEDEV1_DATA/k3s/data"
    assert is_certain(settings(), None)
