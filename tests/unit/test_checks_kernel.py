"""Kernels and cgroups that cannot carry k3s."""

from __future__ import annotations

import pytest

from nas.checks.kernel import check_kernel, kernel_warnings
from nas.checks.limits import check_limits
from tests.unit.samples import facts, settings


@pytest.mark.parametrize(
    ("known", "config", "key", "why", "fix"),
    [
        ({"kernel": "2.6.32"}, {}, "host", "kernel 2.6.32", "another NAS"),
        ({"cgroup_memory": "no"}, {}, "host", "no memory cgroup", "cgroup_enable=memory"),
        (
            {"cgroup": 2},
            {"k3sVersion": "v1.21.5-k3s1"},
            "k3sVersion",
            "too old for the cgroups",
            "v1.21.6-k3s1",
        ),
        ({"cgroup": 2}, {"k3sVersion": "v1.19.16-k3s1"}, "k3sVersion", "too old", "v1.34"),
        (
            {"cgroup": 2},
            {"k3sImage": "reg.lan/k3s:v1.22.2-k3s1"},
            "k3sImage",
            "too old",
            "v1.22.3-k3s1",
        ),
        (
            {"kernel_lacks": ("xt_comment", "veth")},
            {},
            "host",
            "without xt_comment, veth",
            "modules built for it",
        ),
        ({"kernel_lacks": ("overlay",)}, {}, "snapshotter", "needs overlay", "snapshotter native"),
        (
            {"kernel_lacks": ("fuse",)},
            {"snapshotter": "fuse-overlayfs"},
            "snapshotter",
            "needs fuse",
            "snapshotter native",
        ),
    ],
)
def test_what_certainly_does_not_work_is_refused_with_the_fix(
    known: dict[str, object], config: dict[str, str], key: str, why: str, fix: str
) -> None:
    (found,) = check_kernel(settings(**config), facts(**known))
    assert found.key == key
    assert why in found.why
    assert fix in found.fix


@pytest.mark.parametrize(
    ("known", "config"),
    [
        ({}, {}),
        ({"kernel": "3.10.108"}, {}),
        ({"kernel": "odd"}, {}),
        ({"cgroup_memory": ""}, {}),
        ({"cgroup": 2}, {"k3sVersion": "v1.21.6-k3s1"}),
        ({"cgroup": 2}, {"k3sVersion": "v1.22.3-k3s1"}),
        ({"cgroup": 2}, {"k3sImage": "reg.lan/k3s:mine"}),
        ({"cgroup": 1}, {"k3sVersion": "v1.19.16-k3s1"}),
        ({"kernel_lacks": ("overlay",)}, {"snapshotter": "native"}),
        ({"kernel_lacks": ("overlay",), "data_fs": "zfs"}, {}),
        ({"kernel_lacks": ("fuse",)}, {}),
        ({"kernel_may_lack": ("xt_comment", "veth")}, {}),
        ({"kernel_lacks": ("veth",), "cgroup_memory": "no", "container": "running"}, {}),
    ],
)
def test_what_is_unknown_unused_or_proven_by_a_running_cluster_is_no_refusal(
    known: dict[str, object], config: dict[str, str]
) -> None:
    assert check_kernel(settings(**config), facts(**known)) == []


def test_a_doubt_is_a_warning() -> None:
    known = facts(kernel="3.10.108", kernel_may_lack=("xt_comment", "fuse"))
    old, missing = kernel_warnings(settings(), known)
    assert "3.10.108" in old
    assert "found on the NAS for xt_comment, which" in missing
    assert kernel_warnings(settings(), facts(kernel_may_lack=("veth",), container="running")) == []
    assert kernel_warnings(settings(), facts()) == []


@pytest.mark.parametrize(("limit", "refused"), [("2.5", True), ("2", False), ("1.5", False)])
def test_more_processors_than_there_are_are_refused(limit: str, refused: bool) -> None:
    found = check_limits(settings(cpuLimit=limit), facts(cpus=2))
    assert bool(found) == refused
    assert check_limits(settings(cpuLimit=limit), facts()) == []
