"""The Go programs that the lab runs, built from their modules under go/ and kept in the cache.

A build is keyed by a hash of all that goes into it, so an unchanged module is never built twice and
two checkouts share what is equal. To add a program: one row in TARGETS and a module with its go.mod
and go.sum. What several of them are made of has one version in all, as far as that works, so that
Go compiles it once. From a shell: `python -m tests.lab.toolchain [--list] [NAME...]`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .gobuild import Build, ModuleFile, Target, build_dir, find_go, go_line, numbers
from .process import LabError, say

PULUMI_VERSION = "3.274.1"
DOCKERD_VERSION = "29.0.0"
K3S_VERSION = "v1.34.4+k3s1"

_PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
_KUBERNETES_PROVIDER = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def sdk_version(distribution: str) -> str:
    """Version of an installed Pulumi package, which is the plugin version that it asks for.

    The engine takes a plugin of exactly this version (SelectCompatiblePlugin in its workspace
    package), so what the lab builds or stands in for carries the version of the SDK in use.
    """
    return importlib.metadata.version(distribution)


def _kubernetes_version(package: str) -> dict[str, str]:
    major, minor, _ = K3S_VERSION.lstrip("v").split(".", 2)
    return {
        f"{package}.gitVersion": K3S_VERSION,
        f"{package}.gitMajor": major,
        f"{package}.gitMinor": minor,
        f"{package}.gitTreeState": "clean",
    }


TARGETS: tuple[Target, ...] = (
    Target(
        name="pulumi",
        title="Pulumi CLI",
        module="pulumi",
        outputs={"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
        stamps={f"{_PULUMI_SDK}/go/common/version.Version": f"v{PULUMI_VERSION}"},
        # The program that runs a Python program for the language host; this module's version of it
        # belongs to the SDK in use, the language host's own is years older.
        beside=(
            ModuleFile(
                module=_PULUMI_SDK,
                path="python/cmd/pulumi-language-python-exec",
                name="pulumi-language-python-exec",
            ),
        ),
        minutes=3,
    ),
    Target(
        name="language-python",
        title="Pulumi's Python language host",
        module="language-python",
        outputs={"pulumi-language-python": f"{_PULUMI_SDK}/python/cmd/pulumi-language-python"},
        minutes=0.1,
    ),
    Target(
        name="kubernetes-provider",
        title="Kubernetes provider",
        module="kubernetes-provider",
        outputs={"pulumi-resource-kubernetes": "."},
        stamps={f"{_KUBERNETES_PROVIDER}/pkg/version.Version": sdk_version("pulumi-kubernetes")},
        embedded=(
            ModuleFile(
                module=_KUBERNETES_PROVIDER,
                path="cmd/pulumi-resource-kubernetes/schema.json",
                name="schema.json",
                set_json={"version": sdk_version("pulumi-kubernetes")},
            ),
            ModuleFile(
                module=_KUBERNETES_PROVIDER,
                path="cmd/pulumi-resource-kubernetes/terraform-mapping.json",
                name="terraform-mapping.json",
            ),
        ),
        minutes=5,
    ),
    Target(
        name="dockerd",
        title="Docker Engine",
        module="dockerd",
        outputs={
            "dockerd": "github.com/moby/moby/v2/cmd/dockerd",
            "docker-proxy": "github.com/moby/moby/v2/cmd/docker-proxy",
        },
        stamps={"github.com/moby/moby/v2/dockerversion.Version": DOCKERD_VERSION},
        minutes=1.5,
    ),
    Target(
        name="runc",
        title="runc",
        module="runc",
        outputs={"runc": "github.com/opencontainers/runc"},
        tags=("netgo", "osusergo"),
        cgo=True,
        minutes=0.1,
    ),
    Target(
        name="crane",
        title="crane (image tool)",
        module="crane",
        outputs={"crane": "github.com/google/go-containerregistry/cmd/crane"},
        minutes=0.1,
    ),
    Target(
        name="coredns",
        title="CoreDNS",
        module="coredns",
        outputs={"coredns": "."},
        minutes=0.3,
    ),
    Target(
        name="k3s",
        title="Kubernetes for the k3s stand-in",
        module="k3s",
        outputs={"k3s": ".", "containerd-shim-runc-v2": "./cmd/containerd-shim-runc-v2"},
        stamps={
            **_kubernetes_version("k8s.io/component-base/version"),
            **_kubernetes_version("k8s.io/client-go/pkg/version"),
        },
        tags=("netgo", "osusergo", "no_btrfs", "no_devmapper", "no_zfs"),
        minutes=4,
    ),
)


def ensure(names: Iterable[str], targets: Sequence[Target] = TARGETS) -> dict[str, Path]:
    """Build what is missing of the targets `names`.

    Returns the path of every file of theirs by file name, e.g. {"dockerd": ..., "docker-proxy":
    ...}; the files of one target lie in one directory. Raises LabError.
    """
    table = {target.name: target for target in targets}
    wanted: list[Target] = []
    for name in dict.fromkeys(names):
        if name not in table:
            raise LabError(f"no target {name!r} in the toolchain; known: {', '.join(table)}")
        wanted.append(table[name])
    go = find_go(max((go_line(target) for target in wanted), key=numbers, default="1"))
    homes = {target.name: build_dir(target, go.version) for target in wanted}
    missing = [target for target in wanted if not homes[target.name].is_dir()]
    for number, target in enumerate(missing, start=1):
        Build(target, go, homes[target.name], f"[{number}/{len(missing)}]").run()
    found: dict[str, Path] = {}
    for target in wanted:
        home = homes[target.name]
        os.utime(home)  # so that builds in use are never taken for old ones
        found |= {name: home / name for name in target.files}
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.toolchain", description="Build the Go programs of the lab."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="show what there is and build nothing")
    options = parser.parse_args(arguments)
    try:
        if options.list:
            go = find_go(max((go_line(target) for target in TARGETS), key=numbers))
            for target in TARGETS:
                home = build_dir(target, go.version)
                state = str(home) if home.is_dir() else "not built"
                print(f"{target.name:20} {', '.join(target.files):45} {state}")
            return 0
        for name, path in ensure(options.names or [target.name for target in TARGETS]).items():
            print(f"{name:28} {path}")
    except LabError as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
