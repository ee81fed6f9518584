"""kubeconfig.sh under BusyBox ash: a whole file of a cluster that answers, or a clear error."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.rendered import SAMPLES

FILE = "/etc/rancher/k3s/k3s.yaml"
WHOLE = """apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: default
users:
- name: default
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
"""
GROWING = """#!/bin/sh
reads=$(($(cat /state/reads 2>/dev/null || echo 0) + 1))
echo $reads >/state/reads
[ $reads -gt 1 ] || { echo "cat: can't open '$1'" >&2; exit 1; }
[ $reads -gt 2 ] || { head -n 8 /state/k3s.yaml; exit; }
cat /state/k3s.yaml
"""


def start(nas: FakeNas, *, cat: str = "#!/bin/sh\ncat /state/k3s.yaml\n", **answers: str) -> None:
    """A k3s container whose kubeconfig is what `cat` prints."""
    nas.k3s(**{"readyz": "ok", **answers})
    nas.write("/state/k3s.yaml", WHOLE)
    nas.write("/state/containers/k3s/log", "starting\n")
    nas.inside("k3s", "cat", cat)


def sum_of(text: str) -> str:
    """The checksum of its certificates, as Python sees it."""
    lines = [line for line in text.splitlines() if re.match(r" *\S*certificate\S*-data: *\S", line)]
    return hashlib.md5("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def read(nas: FakeNas, *, mode: str = "read", timeout: str = "0") -> Done:
    variables = {**SAMPLES["kubeconfig.sh"], "READY_TIMEOUT": timeout}
    return nas.run("kubeconfig.sh", mode, variables)


@pytest.mark.parametrize(("mode", "out"), [("read", WHOLE), ("wait", "")])
def test_only_the_kubeconfig_goes_to_standard_output(nas: FakeNas, mode: str, out: str) -> None:
    start(nas)
    done = read(nas, mode=mode)
    assert (done.status, done.out) == (0, out)
    assert "k3s answers after" in done.err


def test_a_file_that_is_still_being_written_is_waited_for(nas: FakeNas) -> None:
    start(nas, cat=GROWING)
    done = read(nas, timeout="20")
    assert (done.status, done.out) == (0, WHOLE)
    assert int(nas.read("/state/reads")) == 3


@pytest.mark.parametrize(
    "part",
    ["server", "certificate-authority-data", "client-certificate-data", "client-key-data"],
)
@pytest.mark.parametrize("left", ["", "{name}:", "{name}: "])
def test_a_file_without_one_of_its_parts_is_not_taken(nas: FakeNas, part: str, left: str) -> None:
    start(nas)
    lines = [
        line if f" {part}:" not in line else left.format(name=f"    {part}")
        for line in WHOLE.splitlines()
    ]
    nas.write("/state/k3s.yaml", "\n".join(lines))
    done = read(nas)
    assert (done.status, done.out) == (1, "")
    assert f"{FILE} has no {part} yet" in done.err


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ({"running": "false"}, "the container k3s is exited"),
        (
            {"status": "restarting", "restarts": "7"},
            "the container k3s ends again and again (7 times so far); its last words: starting",
        ),
        ({"status": "created"}, "the container k3s is created"),
    ],
)
def test_a_container_that_does_not_run_is_told_with_its_state(
    nas: FakeNas, state: dict[str, str], seen: str
) -> None:
    start(nas)
    for name, text in state.items():
        nas.write(f"/state/containers/k3s/{name}", f"{text}\n")
    done = read(nas)
    assert (done.status, done.out) == (1, "")
    assert f"k3s did not come up within 0 s: {seen}" in done.err


@pytest.mark.parametrize(
    ("state", "verb"), [("exited", "start"), ("created", "start"), ("paused", "unpause")]
)
def test_a_container_that_somebody_stopped_is_started(nas: FakeNas, state: str, verb: str) -> None:
    start(nas)
    nas.write("/state/containers/k3s/running", "false\n")
    nas.write("/state/containers/k3s/status", f"{state}\n")
    if state == "paused":
        nas.write("/state/containers/k3s/running", "true\n")
    done = read(nas, mode="wait", timeout="5")
    assert done.status == 0, done.err
    assert f"the container k3s is {state}: docker {verb}" in done.err


def test_one_that_does_not_start_is_told_with_the_way_out(nas: FakeNas) -> None:
    start(nas)
    nas.write("/state/containers/k3s/running", "false\n")
    nas.write("/state/no_start", "Error response from daemon: no such volume\n")
    done = read(nas, mode="wait")
    assert done.status == 1
    assert "does not start: Error response from daemon: no such volume" in done.err
    assert "docker rm -f k3s on the NAS" in done.err


def test_a_container_that_is_not_there_is_told(nas: FakeNas) -> None:
    done = read(nas)
    assert (done.status, done.out) == (1, "")
    assert "there is no container k3s" in done.err


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ("[-]etcd failed: reason withheld\nreadyz check failed\n", "readyz check failed"),
        (None, "The connection to the server was refused"),
    ],
)
def test_an_api_that_is_not_ready_is_waited_for_until_the_deadline(
    nas: FakeNas, answer: str | None, seen: str
) -> None:
    start(nas)
    if answer is None:
        nas.path("/state/kube/readyz").unlink()
    else:
        nas.write("/state/kube/readyz", answer)
    done = read(nas, timeout="1")
    assert (done.status, done.out) == (1, "")
    assert f"k3s did not come up within 1 s: the API is not ready: {seen}" in done.err
    assert "nas-k3s:readyTimeout gives it more time" in done.err


def test_at_the_deadline_the_end_of_the_log_is_shown_without_its_secrets(nas: FakeNas) -> None:
    start(nas)
    nas.write("/state/containers/k3s/status", "restarting\n")
    log = (
        "level=fatal msg=oops\nproxy http://svc:S3NTINEL@p:1 refused\n"
        f"K3S_TOKEN=S3NTINEL --token S3NTINEL --token=S3NTINEL K10{'0f' * 32}::server:S3NTINEL\n"
    )
    nas.write("/state/containers/k3s/log", log)
    done = read(nas)
    assert "level=fatal msg=oops" in done.err
    assert "http://xxxxx:xxxxx@p:1 refused" in done.err
    assert "S3NTINEL" not in done.err + done.out


def test_a_nas_without_docker_is_one_clear_error(nas: FakeNas) -> None:
    nas.path("/etc/config/qpkg.conf").unlink()
    done = read(nas)
    assert done.status == 1
    assert "this NAS is none of the known platforms (truenas " in done.err
    assert "nas-k3s:platform" in done.err


# ---- what was handed out, and what is renewed

RENEWED = WHOLE.replace("Q0VSVA==", "TkVX")
HANDED_OUT = "/etc/rancher/k3s/nas-k3s-handed-out"


def renew(nas: FakeNas, reason: str, after: str = RENEWED) -> Done:
    nas.write("/state/renewed.yaml", after)
    nas.write("/state/on_restart", "cp /state/renewed.yaml /state/k3s.yaml\n")
    return read(nas, mode=f"wait '{reason}'", timeout="5")


def test_what_was_handed_out_is_recorded_beside_the_kubeconfig(nas: FakeNas) -> None:
    start(nas)
    nas.path("/etc/rancher/k3s").mkdir(parents=True)
    read(nas)
    assert nas.read(HANDED_OUT) == f"{sum_of(WHOLE)}\n"
    read(nas, mode="wait")
    nas.write("/state/k3s.yaml", RENEWED)
    read(nas, mode="wait")
    assert nas.read(HANDED_OUT) == f"{sum_of(WHOLE)}\n"


def test_a_record_that_cannot_be_written_is_told_and_the_kubeconfig_handed_out(
    nas: FakeNas,
) -> None:
    start(nas)
    done = read(nas)
    assert (done.status, done.out) == (0, WHOLE)
    assert "a renewed certificate will not be noticed" in done.err


def test_k3s_restarts_when_the_certificate_that_is_due_is_still_there(nas: FakeNas) -> None:
    start(nas)
    done = renew(nas, f"the certificate {sum_of(WHOLE)} has an end")
    assert (done.status, done.out) == (0, "")
    assert nas.read("/state/restarted") == "k3s\n"
    assert "k3s has renewed its certificates" in done.err


@pytest.mark.parametrize("reason", ["none", "", "the certificate 0123 has an end"])
def test_k3s_does_not_restart_for_what_is_done_already(nas: FakeNas, reason: str) -> None:
    start(nas)
    assert renew(nas, reason).status == 0
    assert not nas.path("/state/restarted").exists()


def test_a_kubeconfig_that_is_not_there_restarts_nothing(nas: FakeNas) -> None:
    start(nas, cat="#!/bin/sh\nexit 1\n")
    assert read(nas, mode=f"wait '{sum_of('')}'").status == 1
    assert not nas.path("/state/restarted").exists()


def test_a_restart_that_renews_nothing_is_told(nas: FakeNas) -> None:
    start(nas)
    done = renew(nas, sum_of(WHOLE), after=WHOLE)
    assert done.status == 0
    assert "k3s started and renewed nothing: check the clock of the NAS" in done.err


def test_a_restart_that_fails_is_one_clear_error(nas: FakeNas) -> None:
    start(nas)
    nas.write("/state/no_restart", "no space left on device")
    done = renew(nas, sum_of(WHOLE))
    assert done.status == 1
    assert "k3s did not restart: no space left on device" in done.err
    assert "docker start k3s on the NAS" in done.err


# ---- a k3s that ends at every start

# Ten seconds pass with each look at it.
FAST_CLOCK = """date() {
  read ticks </state/ticks 2>/dev/null || ticks=0
  echo $((ticks + 1)) >/state/ticks
  echo ${ticks}0
}
"""
KUBELET = (
    'E1125 17:00:04.739626   16516 run.go:72] "command failed" err="failed to parse kubelet flag: '
    'invalid argument \\"abc\\" for \\"--max-pods\\" flag"'
)
SERVER = 'time="2026-11-25T17:00:00Z" level=fatal msg="flag provided but not defined: -nope"'


def ending(nas: FakeNas, log: str, *, restarts: str = "1", status: str = "restarting") -> None:
    start(nas)
    nas.write("/state/containers/k3s/status", f"{status}\n")
    nas.write("/state/containers/k3s/restarts", f"{restarts}\n")
    nas.write("/state/containers/k3s/log", f"starting\n{log}\nlevel=info msg=bye\n")


@pytest.mark.parametrize(
    ("log", "line", "setting"),
    [
        (KUBELET, '"command failed" err="failed to parse kubelet flag', "nas-k3s:kubeletArgs"),
        (SERVER, '"flag provided but not defined: -nope"', "nas-k3s:serverArgs"),
    ],
)
def test_arguments_that_k3s_does_not_take_end_the_wait_with_its_line_and_the_setting(
    nas: FakeNas, log: str, line: str, setting: str
) -> None:
    ending(nas, log)
    done = read(nas, timeout="100")
    assert (done.status, done.out) == (1, "")
    assert f"error: k3s ends at every start: {line}" in done.err
    assert f"  -> correct {setting} or write what stood there before" in done.err


def test_after_a_change_of_the_image_the_way_back_is_told_too(nas: FakeNas) -> None:
    ending(nas, KUBELET)
    nas.write("/state/containers/k3s/places", "/var/lib/rancher/k3s /data\n")
    nas.write(
        "/data/nas-k3s-version", "before=v1.34.3\nbefore_image=docker.io/rancher/k3s:v1.34.3\n"
    )
    assert "pulumi config set nas-k3s:k3sVersion v1.34.3" in read(nas, timeout="100").err


@pytest.mark.parametrize(
    ("log", "fix"),
    [
        ("level=fatal msg=oops", "docker logs k3s on the NAS says more"),
        ("level=fatal msg=no space left on device", "make room on the volume of Docker's data"),
    ],
)
def test_other_ends_are_waited_for_until_they_are_many(nas: FakeNas, log: str, fix: str) -> None:
    ending(nas, log, restarts="7")
    # Restarts of earlier days are none of this wait.
    assert "did not come up within 4 s" in read(nas, timeout="4").err
    count = "/state/containers/k3s/restarts"
    grows = f"#!/bin/sh\nread n <{count}\necho $((n + 1)) >{count}\nexit 1\n"
    nas.write("/state/containers/k3s/status", "running\n")
    nas.inside("k3s", "cat", grows)
    done = nas.run(
        "kubeconfig.sh",
        "read",
        {**SAMPLES["kubeconfig.sh"], "READY_TIMEOUT": "100000"},
        before=FAST_CLOCK,
    )
    assert done.status == 1
    assert f"error: k3s ends at every start: {log}" in done.err
    assert fix in done.err


def test_at_the_deadline_a_known_line_says_what_to_do(nas: FakeNas) -> None:
    ending(nas, "level=fatal msg=no space left on device", status="running")
    nas.write("/state/kube/readyz", "no")
    done = read(nas)
    assert "the API is not ready: no; its log says: level=fatal msg=no space left" in done.err
    assert "  -> make room on the volume of Docker's data" in done.err
