"""The k3s stand-in's own Go tests; its behaviour as a cluster is seen by the other tests here."""

from __future__ import annotations

import os
import subprocess

from tests.lab import paths, toolchain
from tests.lab.gobuild import find_go

MODULE = paths.GO_MODULES / "k3s"


def test_the_go_tests_of_the_stand_in_pass() -> None:
    # First the program itself: the tests then find nearly all of their packages compiled.
    toolchain.ensure(["k3s"])
    target = next(target for target in toolchain.TARGETS if target.name == "k3s")
    done = subprocess.run(
        [find_go("1.24").command, "test", "-vet=off", "-tags", ",".join(target.tags), "./..."],
        cwd=MODULE,
        env=os.environ
        | {
            "GOFLAGS": "-buildvcs=false",
            "GOTOOLCHAIN": "local",
            "GOWORK": "off",
            "CGO_ENABLED": "0",
        },
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  \tnas-k3s.lab/k3s/internal/datastore" in done.stdout
