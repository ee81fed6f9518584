"""Versions of k3s, and which may run on the data that another one has left.

Kubernetes' control plane goes up one minor at a time and has no way down across minors, because
each may store its objects in a form that the one before cannot read
(https://kubernetes.io/releases/version-skew-policy/, https://docs.k3s.io/upgrades). Within a minor,
patches and k3s's own re-builds (`k3s1`, `k3s2`) may follow each other both ways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

_FORM = re.compile(
    r"v?(?P<major>\d+)\.(?P<minor>\d+)\.(?P<patch>\d+)"
    r"(?:-rc\.?(?P<candidate>\d+))?"
    r"(?:[-+]k3s(?P<build>\d+))?"
    r"(?:[-+._].*)?",
    re.ASCII,
)


@total_ordering
@dataclass(frozen=True)
class Version:
    """One release of k3s, `v1.34.4-k3s1` or, of a candidate, `v1.34.4-rc1-k3s1`.

    Attributes:
        candidate: number of the release candidate; None: it is the release.
        build: N of `k3sN`; 0 where nothing says it.
    """

    major: int
    minor: int
    patch: int
    candidate: int | None = None
    build: int = 0

    def __lt__(self, other: Version) -> bool:
        return self._rank < other._rank

    @property
    def _rank(self) -> tuple[int, int, int, float, int]:
        candidate = float("inf") if self.candidate is None else self.candidate
        return (self.major, self.minor, self.patch, candidate, self.build)

    def __str__(self) -> str:
        candidate = "" if self.candidate is None else f"-rc{self.candidate}"
        build = f"-k3s{self.build}" if self.build else ""
        return f"v{self.major}.{self.minor}.{self.patch}{candidate}{build}"

    @property
    def line(self) -> str:
        """Its minor as people write it, `v1.34`."""
        return f"v{self.major}.{self.minor}"


def parse_version(text: str) -> Version | None:
    """The version that `k3s --version`, a kubelet or a tag spells, None when it spells none.

    A tag may go on behind it (`v1.34.4-k3s1-amd64`); one that says less than a patch (`v1.34`,
    `stable`) may be anything tomorrow.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    return Version(
        int(found["major"]),
        int(found["minor"]),
        int(found["patch"]),
        None if found["candidate"] is None else int(found["candidate"]),
        int(found["build"] or 0),
    )


def image_version(image: str) -> Version | None:
    """The version that the tag of an image reference tells; a digest tells none."""
    name = image.partition("@")[0].rpartition("/")[2]
    return parse_version(name.partition(":")[2])


Step = Literal["fits", "skips", "goes back"]


def step(ran: Version, wanted: Version) -> Step:
    """Whether `wanted` may run on data that `ran` was the last to run on."""
    before, after = (ran.major, ran.minor), (wanted.major, wanted.minor)
    if after < before:
        return "goes back"
    # Nobody knows yet what comes before a v2.0.
    following = {before, (ran.major, ran.minor + 1), (ran.major + 1, 0)}
    return "fits" if after in following else "skips"
