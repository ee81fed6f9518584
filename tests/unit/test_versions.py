"""Versions of k3s: how they are spelt, ordered, and which may follow which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.versions import Version, image_version, parse_version, step

numbers = st.integers(min_value=0, max_value=99)
versions = st.builds(
    Version,
    numbers,
    numbers,
    numbers,
    st.none() | st.integers(min_value=1, max_value=9),
    st.integers(min_value=0, max_value=9),
)
RELEASE = Version(1, 34, 4, None, 1)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v1.34.4-k3s1", RELEASE),
        ("v1.34.4+k3s1", RELEASE),
        ("1.34.4-k3s1", RELEASE),
        ("v1.34.4-k3s1-amd64", RELEASE),
        ("v1.34.4-rc2-k3s1", Version(1, 34, 4, 2, 1)),
        ("v1.34.4-rc2+k3s1", Version(1, 34, 4, 2, 1)),
        ("v1.34.4", Version(1, 34, 4)),
        ("v1.34.4-mine", Version(1, 34, 4)),
        ("v1.34", None),
        ("v1.34-k3s1", None),
        ("stable", None),
        ("", None),
        ("v1.34.4k3s1", None),
        ("v1.34.٤-k3s1", None),
        ("av1.34.4-k3s1", None),
    ],
)
def test_a_version_is_read_from_each_of_its_spellings(text: str, version: Version | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("docker.io/rancher/k3s:v1.34.4-k3s1", RELEASE),
        ("rancher/k3s:v1.34.4-k3s1", RELEASE),
        ("registry.lan:5000/v1.30.0-k3s1/k3s:v1.34.4-k3s1", RELEASE),
        (f"registry.lan:5000/k3s:v1.34.4-k3s1@sha256:{'0' * 64}", RELEASE),
        (f"registry.lan:5000/k3s@sha256:{'1' * 64}", None),
        ("registry.lan:5000/k3s", None),
        ("registry.lan:5000/k3s:stable", None),
    ],
)
def test_an_image_tells_its_version_by_its_tag_alone(image: str, version: Version | None) -> None:
    assert image_version(image) == version


@given(versions)
def test_what_a_version_is_shown_as_reads_as_the_same_version(version: Version) -> None:
    assert parse_version(str(version)) == version
    assert parse_version(str(version).replace("-k3s", "+k3s")) == version


@given(versions, versions, versions)
def test_versions_have_one_order(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (a > b) == 1
    assert not (a < b and b < c) or a < c


def test_candidates_come_before_their_release_and_builds_after_each_other() -> None:
    spelt = [
        "v1.33.9-k3s1",
        "v1.34.4-rc1-k3s1",
        "v1.34.4-rc2-k3s1",
        "v1.34.4-k3s1",
        "v1.34.4-k3s2",
        "v1.34.10-k3s1",
        "v1.35.0-k3s1",
        "v2.0.0-k3s1",
    ]
    parsed = [parse_version(text) for text in spelt]
    assert sorted(version for version in parsed if version) == parsed


@given(versions, versions)
def test_no_step_both_ways_leaves_a_minor(a: Version, b: Version) -> None:
    there, back = step(a, b), step(b, a)
    same = (a.major, a.minor) == (b.major, b.minor)
    assert (there == back == "fits") == same
    assert same or "goes back" in (there, back)


@given(versions, versions)
def test_patches_candidates_and_builds_decide_nothing(a: Version, b: Version) -> None:
    assert step(a, b) == step(Version(a.major, a.minor, 0), Version(b.major, b.minor, 0))


@given(versions, st.integers(min_value=-5, max_value=5))
def test_within_a_major_one_minor_up_fits_and_no_more(ran: Version, minors: int) -> None:
    if ran.minor + minors < 0:
        return
    wanted = Version(ran.major, ran.minor + minors, 0)
    expected = "goes back" if minors < 0 else "fits" if minors <= 1 else "skips"
    assert step(ran, wanted) == expected
