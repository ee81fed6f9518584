"""arguments-check.sh under BusyBox ash: the new image is asked about the arguments of k3s."""

from __future__ import annotations

from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.rendered import SAMPLES

IMAGE = SAMPLES["arguments-check.sh"]["IMAGE"]


def check(nas: FakeNas, says: str, **changes: str) -> Done:
    nas.write("/state/entrypoint", says)
    return nas.run("arguments-check.sh", "check", {**SAMPLES["arguments-check.sh"], **changes})


def test_arguments_that_the_image_takes_pass(nas: FakeNas) -> None:
    done = check(nas, "echo NAME: k3s server\n")
    assert (done.status, done.out) == (0, "")
    assert "k3s takes its arguments" in done.err


def test_each_argument_reaches_k3s_as_it_stands_with_help_behind_all(nas: FakeNas) -> None:
    check(nas, "", ARGUMENTS="server\n--log=a b\n--kube-apiserver-arg=x=*")
    run = nas.read("/state/runs")
    assert run.startswith("run --rm --name k3s-arguments-")
    assert run.endswith(
        f"--network none {IMAGE} server --log=a b --kube-apiserver-arg=x=* --help\n"
    )


def test_one_that_it_does_not_know_is_an_error_with_the_setting(nas: FakeNas) -> None:
    says = (
        "echo 'Incorrect Usage: flag provided but not defined: -nope'; seq 200\n"
        "echo 'level=fatal msg=\"flag provided but not defined: -nope\"' >&2; exit 1\n"
    )
    done = check(nas, says)
    assert done.status == 1
    assert f"error: nas-k3s:serverArgs: {IMAGE} does not take them: " in done.err
    assert "flag provided but not defined: -nope" in done.err
    assert "nothing was replaced" in done.err


def test_an_image_that_cannot_be_run_is_no_refusal(nas: FakeNas) -> None:
    done = check(nas, "echo 'docker: no space left on device' >&2; exit 125\n")
    assert done.status == 0
    assert "warning: " in done.err
    assert "no space left on device" in done.err
