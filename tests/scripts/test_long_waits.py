"""Whatever takes long says every 15 seconds which stage it is in, and what it last saw."""

from __future__ import annotations

import pytest

from tests.scripts.daemon import variables
from tests.scripts.fake_nas import FakeNas
from tests.scripts.rendered import SAMPLES

# Twenty seconds a second, so that nobody waits long for these tests.
FAST_CLOCK = "date() { echo $(($(/bin/busybox date +%s) * 20)); }\n"


def unready(nas: FakeNas) -> None:
    nas.k3s()
    nas.inside("k3s", "cat", "#!/bin/sh\nexit 1\n")


def silent_registry(nas: FakeNas) -> None:
    nas.write("/state/mute", "")


def stuck_daemon(nas: FakeNas) -> None:
    nas.script("/etc/init.d/container-station.sh", "#!/bin/sh\nexec sleep 5\n")


@pytest.mark.parametrize(
    ("script", "mode", "prepare", "stage", "seen"),
    [
        ("kubeconfig.sh", "wait", unready, "waiting for k3s", "no /etc/rancher/k3s/k3s.yaml yet"),
        ("cluster-ready.sh", "check", unready, "waiting for node nas88", "not registered"),
        ("daemon-proxy.sh", "apply", stuck_daemon, "waiting for Docker", "the old dockerd (pid"),
        (
            "daemon-proxy.sh",
            "apply",
            silent_registry,
            "waiting for the registry's answer to Docker",
            "nothing came yet",
        ),
    ],
    ids=["k3s", "node", "restart", "registry"],
)
def test_a_long_wait_names_its_stage_its_time_and_what_it_saw(
    nas: FakeNas, script: str, mode: str, prepare: object, stage: str, seen: str
) -> None:
    assert callable(prepare)
    prepare(nas)
    given = variables() if script == "daemon-proxy.sh" else SAMPLES[script]
    limits = {
        name: "60"
        for name in ("READY_TIMEOUT", "DAEMON_TIMEOUT", "PULL_PROBE_TIMEOUT")
        if name in given
    }
    done = nas.run(script, mode, {**given, **limits}, before=FAST_CLOCK)
    lines = [line for line in done.err.splitlines() if stage in line]
    assert 1 <= len(lines) <= 4, done.err
    assert all(" s of 60 s: " in line and seen in line for line in lines)
