"""image-check.sh under BusyBox ash: one clear error for an image that no registry has."""

from __future__ import annotations

import json
import time

import pytest

from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.rendered import SAMPLES

IMAGE = SAMPLES["image-check.sh"]["IMAGE"]


def check(nas: FakeNas, **changes: str) -> Done:
    # Without it Docker has every image.
    nas.path("/state/images").mkdir(exist_ok=True)
    return nas.run("image-check.sh", "check", {**SAMPLES["image-check.sh"], **changes})


def answer(nas: FakeNas, status: str, message: str) -> None:
    body = json.dumps({"message": message})
    nas.write(
        "/state/reply", f"HTTP/1.0 {status}\r\nContent-Type: application/json\r\n\r\n{body}\n"
    )


def test_an_image_that_the_registry_has_is_taken(nas: FakeNas) -> None:
    done = check(nas)
    assert done.status == 0
    assert f"the registry has {IMAGE}" in done.err
    assert nas.read("/state/asked").startswith(f"GET /distribution/{IMAGE}/json HTTP/1.0")


def test_it_prints_when_the_pull_begins_by_the_clock_of_the_nas(nas: FakeNas) -> None:
    before = int(time.time())
    assert before <= int(check(nas).results["time"]) <= time.time()


def test_the_registry_is_not_asked_for_what_docker_has(nas: FakeNas) -> None:
    nas.write("/state/images/docker.io_rancher_k3s_v1.34.5-k3s1", "sha256:new")
    assert check(nas).status == 0
    assert not nas.path("/state/asked").exists()


@pytest.mark.parametrize(
    "message",
    [
        "manifest unknown: manifest unknown",
        "errors:\nmanifest unknown: manifest unknown\n",
        f"{IMAGE}: not found",
        "name unknown: repository name not known to registry",
    ],
)
@pytest.mark.parametrize(
    ("setting", "fix"),
    [("k3sVersion", "k3s-io/k3s/releases lists"), ("k3sImage", "a tag or digest")],
)
def test_a_release_that_does_not_exist_is_one_error_that_names_the_setting(
    nas: FakeNas, message: str, setting: str, fix: str
) -> None:
    answer(nas, "404 Not Found", message)
    done = check(nas, SETTING=setting)
    assert done.status == 1
    assert f"nas-k3s:{setting}: the registry has no image {IMAGE}" in done.err
    assert fix in done.err
    assert "nothing was pulled or replaced" in done.err


@pytest.mark.parametrize(
    "message",
    [
        "Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io: not found",
        "Get https://registry-1.docker.io/v2/: proxyconnect tcp: dial tcp: connection refused",
        "toomanyrequests: You have reached your pull rate limit",
        "denied: requested access to the resource is denied",
    ],
)
def test_what_says_nothing_about_the_image_is_left_to_the_pull(nas: FakeNas, message: str) -> None:
    answer(nas, "500 Internal Server Error", message)
    done = check(nas)
    assert done.status == 0
    assert f"warning: the registry cannot be asked for {IMAGE}: {message}" in done.err


def test_a_daemon_that_does_not_answer_is_not_waited_for_longer_than_its_time(
    nas: FakeNas,
) -> None:
    nas.write("/state/mute", "")
    done = check(nas)
    assert done.status == 0
    assert "no answer" in done.err
