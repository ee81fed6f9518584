"""Which registries the images of a stack come from, and the way that they are reached."""

from __future__ import annotations

import pytest

from nas.image_registries import needed_registries
from tests.unit.doctor_samples import HUB
from tests.unit.samples import settings


@pytest.mark.parametrize(
    ("config", "through", "beside"),
    [
        ({}, (HUB,), ()),
        ({"smokeImage": "ghcr.io/a/b:1"}, (HUB, "ghcr.io:443"), ()),
        ({"proxy": ""}, (), (HUB,)),
        (
            {"registries": '{"mirrors": {"docker.io": {"endpoint": ["https://reg.lan:5000"]}}}'},
            (HUB,),
            ("reg.lan:5000",),
        ),
        (
            {
                "registries": '{"mirrors": {"docker.io": {"endpoint": ["https://reg.lan:5000"]}}}',
                "smokeImage": "busybox:1.37.0",
            },
            (HUB,),
            ("reg.lan:5000",),
        ),
        ({"smokeImage": "cache.lan:5001/a:1"}, (HUB,), ("cache.lan:5001",)),
        ({"smokeImage": "cache.lan:443/a:1"}, (HUB, "cache.lan:443"), ()),
        (
            {"registries": '{"mirrors": {"*": {"endpoint": ["http://192.168.31.5"]}}}'},
            (HUB,),
            ("192.168.31.5:80",),
        ),
        (
            {"k3sImage": "reg.lan:5000/k3s:v1.34.4-k3s1", "noProxy": "reg.lan"},
            (HUB,),
            ("reg.lan:5000",),
        ),
    ],
)
def test_the_registries_that_are_needed_are_asked_the_way_they_are_used(
    config: dict[str, str], through: tuple[str, ...], beside: tuple[str, ...]
) -> None:
    found = needed_registries(
        settings(**config), "localhost,192.168.31.0/24,reg.lan,cache.lan:5001"
    )
    assert found == (through, beside)
