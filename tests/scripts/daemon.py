"""daemon-proxy.sh as the component runs it."""

from __future__ import annotations

import time

from nas.facts import Unreadable
from nas.plan import make_plan
from nas.settings import Settings, platform_variables
from nas.settings_reader import load_settings
from tests.scripts.fake_nas import Done, FakeNas

PROXY = "http://192.168.31.198:7222"
OFF = Unreadable("away", "not asked")


def variables(**config: str) -> dict[str, str]:
    """The variables as the component makes them, from a stack's config."""
    settings = load_settings("nas88", {"host": "192.168.31.88", "proxy": PROXY, **config})
    proxy = make_plan(settings, OFF).daemon
    assert proxy is not None
    return {
        **_of_stack(settings),
        **proxy.variables(),
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "REGISTRY": "registry-1.docker.io:443",
        "REGISTRY_SPARED": "no",
        "PULL_PROBE_TIMEOUT": "3",
    }


def without_proxy(**config: str) -> dict[str, str]:
    """The same for a stack without a proxy."""
    settings = load_settings("nas88", {"host": "192.168.31.88", **config})
    return {**_of_stack(settings), "HTTP_PROXY_SHOWN": ""}


def _of_stack(settings: Settings) -> dict[str, str]:
    return {
        **platform_variables(settings),
        "RESTART_DAEMON": settings.restart_daemon,
        "DAEMON_TIMEOUT": "5",
        "LOCK_TIMEOUT": "3",
    }


def apply(nas: FakeNas, **config: str) -> Done:
    return nas.run("daemon-proxy.sh", "apply", variables(**config))


def restore(nas: FakeNas, **config: str) -> Done:
    return nas.run("daemon-proxy.sh", "restore", variables(**config))


def without_times(done: Done) -> dict[str, str]:
    """What a run reported, without its times."""
    return {key: text for key, text in done.results.items() if not key.startswith("time_")}


def steps(done: Done) -> list[str]:
    """The steps that a run noted a time for, in their order."""
    found = {key: int(text) for key, text in done.results.items() if key.startswith("time_")}
    assert list(found.values()) == sorted(found.values())
    assert all(abs(at - time.time()) < 120 for at in found.values())
    return [key.removeprefix("time_") for key in found]
