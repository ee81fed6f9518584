"""image-pull.sh under BusyBox ash: the pull, and one clear error for what stands in its way."""

from __future__ import annotations

import shlex
import time

import pytest

from nas.checks.image import ADVICE
from nas.remote_script import render
from tests.scripts.fake_nas import Done, FakeNas, another_run
from tests.scripts.rendered import SAMPLES

IMAGE = SAMPLES["image-pull.sh"]["IMAGE"]


PULLED = "/state/images/docker.io_rancher_k3s_v1.34.5-k3s1"
LAYERS = """echo 'v1: Pulling from rancher/k3s'
echo 'a1: Already exists'
for layer in b2 c3 d4; do echo "$layer: Pulling fs layer"; done
echo 'b2: Download complete'
echo 'c3: Download complete'
echo 'b2: Pull complete'
"""


def check(nas: FakeNas, **changes: str) -> Done:
    # Without it Docker has every image.
    nas.path("/state/images").mkdir(exist_ok=True)
    return nas.run("image-pull.sh", "pull", {**SAMPLES["image-pull.sh"], **changes})


def test_it_prints_when_the_pull_began_and_how_long_it_took(nas: FakeNas) -> None:
    nas.write("/state/pull", "/bin/busybox sleep 1.2\n")
    before = int(time.time())
    done = check(nas)
    assert before <= int(done.results["pulling"]) <= int(done.results["time"]) <= time.time()
    assert 1 <= float(done.results["pull_took"]) < 20
    assert nas.path(PULLED).exists()


def test_what_docker_has_is_not_pulled(nas: FakeNas) -> None:
    nas.write("/state/images/docker.io_rancher_k3s_v1.34.5-k3s1", "sha256:new")
    done = check(nas)
    assert done.status == 0
    assert f"Docker has the image {IMAGE} already" in done.err
    assert list(done.results) == ["time"]


def refuse(nas: FakeNas, message: str) -> None:
    """Docker's pull ends with an error."""
    nas.write("/state/pull", f"echo {shlex.quote(message)} >&2\nexit 1\n")


@pytest.mark.parametrize(
    "message",
    [
        f"manifest for {IMAGE} not found: manifest unknown: manifest unknown",
        "errors:\nmanifest unknown: manifest unknown\n",
        f'failed to resolve reference "{IMAGE}": {IMAGE}: not found',
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
    refuse(nas, f"Error response from daemon: {message}")
    done = check(nas, SETTING=setting, ADVICE=ADVICE[setting])
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
    ],
)
def test_what_says_nothing_about_the_image_is_no_error_of_its_setting(
    nas: FakeNas, message: str
) -> None:
    refuse(nas, message)
    done = check(nas)
    assert done.status == 1
    assert f"Docker cannot pull {IMAGE}: {message}" in done.err
    assert "look at the way to its registry" in done.err


CLOSING = "error creating lease: Canceled: grpc: the client connection is closing"


@pytest.mark.parametrize("by_another_run", [True, False])
def test_a_docker_that_restarts_in_the_middle_of_the_pull_is_pulled_with_again(
    nas: FakeNas, by_another_run: bool
) -> None:
    restart = f"{nas.docker} fake-restart"
    first = f"[ -f /state/first ] || {{ touch /state/first; echo {shlex.quote(CLOSING)}"
    if by_another_run:
        another_run(nas, 3, restart)
        nas.write("/state/pull", f"{first}; exit 1; }}\n")
    else:
        nas.write("/state/pull", f"{first}; {restart}; exit 1; }}\n")
    done = check(nas)
    assert done.status == 0, done.err
    assert "Docker was restarted in the middle of the pull: pulling again" in done.err
    assert nas.path(PULLED).exists()


def test_a_pull_that_fails_beside_a_run_that_restarts_nothing_is_told_as_it_is(
    nas: FakeNas,
) -> None:
    another_run(nas, 1)
    refuse(nas, "toomanyrequests: You have reached your pull rate limit")
    done = check(nas)
    assert done.status == 1
    assert "toomanyrequests" in done.err


def test_a_docker_that_does_not_come_back_ends_the_pull(nas: FakeNas) -> None:
    nas.write("/state/pull", f"echo {shlex.quote(CLOSING)}\nrm /state/up\nexit 1\n")
    done = check(nas, PULL_TIMEOUT="3")
    assert done.status == 1
    assert f"Docker cannot pull {IMAGE}: {CLOSING}" in done.err


def test_a_long_pull_says_how_far_it_is(nas: FakeNas) -> None:
    """The clock of the script runs a hundred times as fast."""
    nas.write("/state/pull", f"{LAYERS}/bin/busybox sleep 1\n")
    nas.write("/state/clock", "0")
    clock = "echo $(($(cat /state/clock) + 5)) >/state/clock; cat /state/clock"
    variables = SAMPLES["image-pull.sh"]
    text, end, _ = render("image-pull.sh", variables).rpartition("{ main")
    nas.path("/state/images").mkdir()
    patched = f'{text}now() {{ {clock}; }}\nbounded() {{ shift; "$@"; }}\n{end} pull; exit; }}\n'
    done = nas.shell("sh -s pull", patched)
    assert done.status == 0, done.err
    assert " of 30 s: 3 of 4 layers fetched, 2 unpacked" in done.err


def test_a_pull_that_takes_too_long_ends_with_what_came_and_the_setting(nas: FakeNas) -> None:
    nas.write("/state/pull", f"{LAYERS}exec /bin/busybox sleep 60\n")
    done = check(nas, PULL_TIMEOUT="2")
    assert done.status == 1
    assert f"{IMAGE} was not there after 2 s: 3 of 4 layers fetched, 2 unpacked" in done.err
    assert "nas-k3s:pullTimeout" in done.err


def test_a_pull_that_fails_says_why_without_a_login(nas: FakeNas) -> None:
    nas.write("/state/pull", "echo 'EOF at http://u:S3NTINEL@p:1' >&2\nexit 1\n")
    done = check(nas)
    assert done.status == 1
    assert f"Docker cannot pull {IMAGE}: EOF at http://xxxxx:xxxxx@p:1" in done.err
    assert "nas-k3s:proxy" in done.err
    assert not done.out


def test_a_login_that_docker_on_the_nas_lacks_is_left_to_the_provider(nas: FakeNas) -> None:
    nas.write("/state/pull", "echo 'pull access denied for k3s' >&2\nexit 1\n")
    done = check(nas)
    assert done.status == 0
    assert "warning: Docker on the NAS alone may not pull" in done.err
    assert "pulling" not in done.results
