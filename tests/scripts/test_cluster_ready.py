"""cluster-ready.sh under BusyBox ash: what it waits for, and what it says of what it saw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nas.remote_script import render
from tests.scripts.fake_nas import (
    QPKG,
    STARTED,
    Done,
    FakeNas,
    another_nas,
    daemon_down,
    docker_gone,
)
from tests.scripts.rendered import SAMPLES

HINT = SAMPLES["cluster-ready.sh"]["PULL_HINT"]
BEFORE, AFTER = "2026-11-25T09:29:59Z", "2026-11-25T09:30:07Z"
IMAGE = "docker.io/rancher/mirrored-coredns-coredns:1.13.1"
READY = {
    "node": "True|KubeletReady: kubelet is posting ready status|v1.34.4+k3s1",
    "lease": AFTER,
    "account": "serviceaccount/default",
    "deployment_coredns": "1",
    "deployment_metrics_server": "1",
    "pods_running": f"coredns-5d-x true {AFTER}\nmetrics-server-7f-y true {AFTER}\n",
    "pods_waiting": "",
    "events": "",
    "logs": "",
    "delete": "",
    "healthz": "ok",
    "internal_ip": "192.168.31.88 fd00::88 ",
    "addresses": "InternalIP 192.168.31.88, Hostname nas88, ",
    "exec": "CoreDNS-1.13.1\nlinux/amd64, go1.24",
}


def check(
    nas: FakeNas,
    workloads: str | None = None,
    timeout: str | None = None,
    **changes: str | None,
) -> Done:
    """Runs the check against a ready cluster with some answers changed; None is an error."""
    answers = {what: text for what, text in {**READY, **changes}.items() if text is not None}
    nas.k3s(**answers)
    variables = {**SAMPLES["cluster-ready.sh"], "READY_TIMEOUT": timeout or "0"}
    if workloads is not None:
        variables["WORKLOADS"] = workloads
    return nas.run("cluster-ready.sh", "check", variables)


def test_a_ready_cluster_is_told_with_what_was_seen(nas: FakeNas) -> None:
    done = check(nas)
    assert done.status == 0, done.err
    assert done.results == {
        "node_nas88": "Ready, v1.34.4+k3s1",
        "kubelet_version": "v1.34.4+k3s1",
        "node_ip": "192.168.31.88",
        "service_account_default": "serviceaccount/default",
        "coredns": "available",
        "metrics-server": "available",
        "logs": "the API server reaches the kubelet",
        "exec": "CoreDNS-1.13.1",
    }


def test_smoke_tests_of_earlier_containers_are_cleared_and_those_of_this_one_stay(
    nas: FakeNas,
) -> None:
    assert check(nas).status == 0
    deleted = nas.read("/state/kube/deleted")
    assert "-n nas-k3s-smoke delete jobs -l nas-k3s/container!=0123456789ab " in deleted


GOING = (
    "Error from server (AlreadyExists): object is being deleted: namespaces "
    '"nas-k3s-smoke" already exists\n'
)


def test_a_namespace_of_the_proof_that_is_still_going_is_waited_for(nas: FakeNas) -> None:
    nas.write("/state/kube/deleting", GOING)
    nas.write("/state/kube/on_look", "rm /state/kube/deleting\n")
    done = check(nas, timeout="20")
    assert done.status == 0, done.err
    assert "delete jobs -l" in nas.read("/state/kube/deleted")


def test_a_namespace_of_the_proof_that_does_not_go_is_told_with_what_shows_why(
    nas: FakeNas,
) -> None:
    nas.write("/state/kube/deleting", GOING)
    done = check(nas)
    assert done.status == 1
    assert f"error: there is no place for the proof: {GOING.strip()}" in done.err
    assert "kubectl describe namespace nas-k3s-smoke" in done.err


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        (
            {"node": None, "error": 'Error from server (NotFound): nodes "nas88" not found\n'},
            "node nas88 is not ready after 0 s: not registered: "
            'Error from server (NotFound): nodes "nas88" not found',
        ),
        ({"node": None}, "not registered: The connection to the server was refused"),
        (
            {"node": "False|KubeletNotReady: cni plugin not initialized|v1.34.4+k3s1"},
            "not Ready: KubeletNotReady: cni plugin not initialized",
        ),
        ({"node": "Unknown|NodeStatusUnknown: stopped|v1.34.4+k3s1"}, "not Ready: NodeStatusUnk"),
        ({"node": "|v1.34.4+k3s1"}, "not Ready"),
        (
            {"node": READY["node"].replace("v1.34.4", "v1.33.1")},
            "its kubelet is v1.33.1+k3s1 and not v1.34.4+k3s1",
        ),
        ({"lease": BEFORE}, "has not reported since the container started"),
        ({"lease": None}, "has not reported since the container started"),
        ({"lease": "OCI runtime exec failed"}, "has not reported since the container started"),
        ({"account": None}, "service account default is not ready after 0 s: The connection"),
        ({"deployment_coredns": None}, "coredns is not ready after 0 s: The connection"),
        ({"deployment_coredns": "", "pods_waiting": ""}, "it has no pod yet"),
        (
            {"pods_running": f"coredns-5d-x true {BEFORE}", "pods_waiting": "coredns-5d-x|\n"},
            "pod coredns-5d-x",
        ),
    ],
)
def test_what_is_missing_is_told_with_the_way_to_more(
    nas: FakeNas, changes: dict[str, str | None], seen: str
) -> None:
    done = check(nas, **changes)
    assert done.status == 1
    assert seen in done.err
    assert "docker logs k3s on the NAS says more; nas-k3s:readyTimeout" in done.err


TRAEFIK = (
    "job/helm-install-traefik-crd job/helm-install-traefik deployment/traefik "
    "daemonset/svclb-traefik"
)
ON = {
    "job_helm_install_traefik_crd": "1|",
    "job_helm_install_traefik": "1|",
    "deployment_traefik": "1",
    "daemonsets": "other 1 0\nsvclb-traefik-0a1b2c3d 1 1\n",
    "pods_running": f"traefik-5d-x true {AFTER}\n"
    f"svclb-traefik-0a1b2c3d-z true {AFTER}true {AFTER}\n",
}


def test_traefik_and_its_load_balancer_are_waited_for_with_the_jobs_that_install_them(
    nas: FakeNas,
) -> None:
    done = check(nas, TRAEFIK, **ON)
    assert done.status == 0, done.err
    told = {name: text for name, text in done.results.items() if "traefik" in name}
    assert told == {
        "helm-install-traefik-crd": "succeeded",
        "helm-install-traefik": "succeeded",
        "traefik": "available",
        "svclb-traefik": "available",
    }
    assert "exec" not in done.results, "there is no coredns to try it in"


CRASHING = (
    "helm-install-traefik-crd-9xk2p|docker.io/rancher/klipper-helm:v1||\n"
    "helm-install-traefik-7bq5z|docker.io/rancher/klipper-helm:v1|CrashLoopBackOff|back-off\n"
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "job_helm_install_traefik": "|",
                "pods_waiting": CRASHING,
                "logs": "+ helm install\nError: INSTALLATION FAILED: http://u:S3NTINEL@p:1\n",
            },
            [
                "helm-install-traefik is not ready after 0 s: the Job has not succeeded",
                "pod helm-install-traefik-7bq5z",
                "CrashLoopBackOff",
                "its log ends: + helm install Error: INSTALLATION FAILED: http://xxxxx",
            ],
        ),
        (
            {"job_helm_install_traefik": "|BackoffLimitExceeded: Job has reached the limit"},
            ["helm-install-traefik will not be ready: the Job failed: BackoffLimitExceeded: Job"],
        ),
        ({"job_helm_install_traefik_crd": None}, ["helm-install-traefik-crd is not ready"]),
        ({"daemonsets": "svclb-other-1 1 1\n"}, ["svclb-traefik is not ready", "none yet"]),
        ({"daemonsets": None}, ["svclb-traefik is not ready after 0 s: The connection"]),
        (
            {
                "daemonsets": "svclb-traefik-0a1b2c3d 1 0\n",
                "pods_waiting": "svclb-traefik-0a1b2c3d-z|\n",
                "events": f"{AFTER} FailedScheduling: 0/1 nodes are available: 1 node(s) didn't "
                "have free ports for the requested pod ports.\n",
            },
            ["not available; pod svclb-traefik-0a1b2c3d-z", "free ports", "into nas-k3s:disable"],
        ),
        (
            {
                "pods_running": f"traefik-5d-x true {AFTER}\n"
                f"svclb-traefik-0a1b2c3d-z true {BEFORE}\n"
            },
            ["svclb-traefik is not ready", "since the container started"],
        ),
    ],
)
def test_a_component_that_does_not_come_up_is_told_with_what_it_waits_for(
    nas: FakeNas, changes: dict[str, str | None], words: list[str]
) -> None:
    done = check(nas, TRAEFIK, **{**ON, **changes})
    assert done.status == 1
    for word in words:
        assert word in done.err
    assert "S3NTINEL" not in done.err


RESIGNED = (
    "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "
    '\\"rancher/mirrored-pause:3.6\\": failed to pull image \\"rancher/mirrored-pause:3.6\\": '
    'failed to do request: Head \\"https://registry-1.docker.io/v2/rancher/mirrored-pause/manifests/3\\"'
    ": tls: failed to verify certificate: x509: certificate signed by unknown authority"
)
CLOCK = """now() {
  clock=$(($(cat /state/clock) + 5))
  echo $clock >/state/clock
  echo $clock
  case $TRIES in
    again) printf '2026-11-25T10:%02d:00Z FailedCreatePodSandBox: ' $((clock / 15)) ;;
    *) printf '2026-11-25T10:00:00Z FailedCreatePodSandBox: ' ;;
  esac >/state/kube/events
  cat /state/message >>/state/kube/events
}
nap() { :; }
bounded() { shift; "$@"; }
"""
"""Each look at the clock is five seconds later; `again`: and a pull was tried in between."""


def wait_through(nas: FakeNas, message: str, tries: str) -> tuple[int, str]:
    """Seconds until the check gave up on CoreDNS, and what it said."""
    nas.write("/state/clock", "0")
    nas.write("/state/message", f"{message}\n")
    waiting = "coredns-5d-x|coredns:1|ContainerCreating|\n"
    nas.k3s(**{**READY, "deployment_coredns": "0", "pods_waiting": waiting})
    variables = {**SAMPLES["cluster-ready.sh"], "READY_TIMEOUT": "600", "TRIES": tries}
    text, end, _ = render("cluster-ready.sh", variables).rpartition("{ main")
    done = nas.shell("sh -s check", f"{text}{CLOCK}{end} check; exit $?; }}\n")
    assert done.status == 1
    return int(nas.read("/state/clock")), done.err


def test_a_cause_that_waiting_does_not_mend_comes_first_and_ends_the_wait(nas: FakeNas) -> None:
    took, said = wait_through(nas, RESIGNED, "again")
    assert took < 600
    assert "coredns will not be ready: x509: certificate signed by unknown authority; " in said
    assert "rancher/mirrored-pause" in said
    assert "name it in nas-k3s:caCertificatesFile" in said


def test_an_error_that_did_not_come_again_is_waited_out(nas: FakeNas) -> None:
    took, said = wait_through(nas, RESIGNED, "once")
    assert took > 600
    assert "coredns is not ready after 600 s: x509: certificate signed by" in said


def test_a_proxy_that_may_come_back_is_waited_for(nas: FakeNas) -> None:
    took, said = wait_through(nas, "failed: dial tcp 192.168.31.198:7222: refused", "again")
    assert took > 600
    assert "coredns is not ready after 600 s: dial tcp 192.168.31.198:7222: refused; " in said


PROXIED = 'Error from server: Get "https://192.168.31.88:10250/healthz": '


@pytest.mark.parametrize(
    "answer",
    [
        "Error from server (ServiceUnavailable): error trying to reach service: Forbidden",
        PROXIED + "Bad Gateway",
        PROXIED + "proxyconnect tcp: dial tcp 192.168.31.198:7222: connect: connection refused",
        "Error from server: proxy error from 127.0.0.1:6443 while dialing 192.168.31.198:7222, "
        "code 502: 502 Bad Gateway",
    ],
)
def test_an_api_server_that_asks_the_proxy_for_the_node_is_told_at_once_with_the_setting(
    nas: FakeNas, answer: str
) -> None:
    nas.write("/state/kube/healthz-error", f"{answer}\n")
    done = check(nas, healthz=None)
    assert done.status == 1
    error, advice = done.err.splitlines()[-2:]
    assert "logs will not be ready: the API server asks the proxy 192.168.31.198:7222" in error
    assert "for the node nas88" in error
    assert error.endswith("addresses of the node: InternalIP 192.168.31.88, Hostname nas88")
    assert "nas-k3s:noProxy, which goes into NO_PROXY of k3s" in advice


@pytest.mark.parametrize(
    "answer",
    [
        "Error from server (Forbidden): Forbidden (user=kube-apiserver, verb=get)",
        "Error from server: proxy error from 127.0.0.1:6443 while dialing 192.168.31.88:10250, "
        "code 502: 502 Bad Gateway",
        "Error from server (ServiceUnavailable): the server is currently unable to handle it",
    ],
)
def test_a_kubelet_or_a_tunnel_that_refuses_is_not_taken_for_the_proxy(
    nas: FakeNas, answer: str
) -> None:
    nas.write("/state/kube/healthz-error", f"{answer}\n")
    done = check(nas, healthz=None)
    assert done.status == 1
    assert "logs is not ready after 0 s: the API server does not reach the kubelet" in done.err
    assert "noProxy" not in done.err


def test_a_nas_that_does_not_find_its_own_name_asks_the_api_inside(nas: FakeNas) -> None:
    nas.write("/state/kube/no-endpoint", "Unable to connect to the server: no such host\n")
    assert check(nas).status == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("OCI runtime exec failed: exec: /coredns: no such file or directory\n", 0),
        ("error: unable to upgrade connection: container not found\n", 1),
    ],
)
def test_exec_counts_when_it_reaches_the_pod(nas: FakeNas, error: str, status: int) -> None:
    nas.write("/state/kube/exec-error", error)
    done = check(nas, exec=None)
    assert done.status == status
    if status:
        assert "exec is not ready after 0 s: no command runs in a pod of coredns" in done.err


WAITING = f"coredns-5d-x|{IMAGE}|ImagePullBackOff|Back-off pulling image\n"
EVENTS = (
    f"{AFTER} Failed: Error: ErrImagePull\n"
    f'{AFTER} Failed: Failed to pull image "{IMAGE}": dial tcp 1.2.3.4:443: no route to host\n'
    f"{AFTER} BackOff: Back-off pulling image\n"
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"pods_waiting": "other-1|x|Foo|bar\n" + WAITING, "events": EVENTS},
            ["pod coredns-5d-x", IMAGE, "ImagePullBackOff", "no route to host"],
        ),
        ({"pods_waiting": WAITING, "events": ""}, [IMAGE, "Back-off pulling image"]),
        (
            {
                "pods_waiting": "coredns-5d-x|\n",
                "events": f"null FailedCreatePodSandBox: older\n{AFTER} FailedCreatePodSandBox: "
                'failed to get sandbox image "rancher/mirrored-pause:3.6": no route to host\n',
            },
            ["pod coredns-5d-x", 'sandbox image "rancher/mirrored-pause:3.6"', "no route to host"],
        ),
    ],
)
def test_an_image_that_cannot_be_pulled_is_told_with_its_reason_and_the_setting(
    nas: FakeNas, changes: dict[str, str], words: list[str]
) -> None:
    done = check(nas, deployment_coredns="", **changes)
    assert done.status == 1
    error, advice = done.err.splitlines()[-2:]
    for word in words:
        assert word in error
    assert advice == f"nas-k3s:   -> {HINT}"


def test_no_message_holds_the_proxys_password_or_a_token(nas: FakeNas) -> None:
    reason = (
        f'{AFTER} Failed: Failed to pull image: proxyconnect "http://svc:S3NTINEL@p:1": refused '
        f"K3S_TOKEN=S3NTINEL K10{'a' * 40}::server:S3NTINEL\n"
    )
    done = check(nas, deployment_coredns="", pods_waiting=WAITING, events=reason)
    assert "xxxxx:xxxxx@p:1" in done.err
    assert "S3NTINEL" not in done.err + done.out


def test_what_becomes_ready_in_time_is_waited_for(nas: FakeNas) -> None:
    nas.k3s(**{**READY, "deployment_coredns": "0"})
    nas.inside("k3s", "kubectl", _counting(nas))
    variables = {**SAMPLES["cluster-ready.sh"], "READY_TIMEOUT": "20"}
    done = nas.run("cluster-ready.sh", "check", variables)
    assert done.status == 0, done.err
    assert int(nas.read("/state/asked")) >= 3


def _counting(nas: FakeNas) -> str:
    """A kubectl whose CoreDNS is available at the third question."""
    real = nas.read("/state/containers/k3s/bin/kubectl")
    count = (
        'case $* in *"get deployment coredns"*)\n'
        "  asked=$(($(cat /state/asked 2>/dev/null || echo 0) + 1))\n"
        "  echo $asked >/state/asked\n"
        "  [ $asked -lt 3 ] || echo 1 >/state/kube/deployment-coredns\n"
        "esac\n"
    )
    return real.replace("\nK=/state/kube\n", f"\nK=/state/kube\n{count}")


def test_an_image_of_the_users_own_may_have_any_version(nas: FakeNas) -> None:
    nas.k3s(**{**READY, "node": READY["node"].replace("v1.34.4+k3s1", "v9")})
    variables = {**SAMPLES["cluster-ready.sh"], "KUBELET_VERSION": ""}
    done = nas.run("cluster-ready.sh", "check", variables)
    assert done.results["node_nas88"] == "Ready, v9"


def test_the_start_of_the_container_is_what_docker_says(nas: FakeNas) -> None:
    assert BEFORE < STARTED < AFTER
    assert check(nas, lease=f"{STARTED}Z").status == 0


# ---- forget


def forget(nas: FakeNas) -> Done:
    return nas.run("cluster-ready.sh", "forget", SAMPLES["cluster-ready.sh"])


def test_forget_removes_the_smoke_test_only_and_waits_for_nothing(nas: FakeNas) -> None:
    nas.k3s(**READY)
    assert forget(nas) == Done(0, "", "")
    deleted = nas.read("/state/kube/deleted").splitlines()
    assert [line.split(" --")[0] for line in deleted] == ["-n nas-k3s-smoke delete jobs,pods"]
    assert all("--wait=false" in line for line in deleted)


def test_forget_puts_docker_back_on_the_path_of_a_nas_that_was_rebooted(nas: FakeNas) -> None:
    nas.k3s(**READY)
    assert not nas.path("/usr/bin/docker").exists()
    assert forget(nas).status == 0
    assert QPKG in nas.read("/usr/bin/docker")


def _cluster_dead(nas: FakeNas) -> None:
    nas.k3s()


def _container_gone(nas: FakeNas) -> None:
    nas.write("/state/containers/k3s/status", "exited")


def _tmp_full(nas: FakeNas) -> None:
    nas.path("/tmp").rmdir()


@pytest.mark.parametrize(
    "fault",
    [_cluster_dead, _container_gone, docker_gone, daemon_down, another_nas, _tmp_full],
    ids=lambda fault: fault.__name__.strip("_"),
)
def test_forget_never_fails(nas: FakeNas, fault: Callable[[FakeNas], None]) -> None:
    fault(nas)
    assert forget(nas).status == 0


def test_a_kubelet_that_ends_after_the_api_has_answered_ends_the_wait(nas: FakeNas) -> None:
    nas.k3s(**{what: text for what, text in READY.items() if what != "node"})
    nas.write("/state/containers/k3s/status", "restarting\n")
    nas.write("/state/containers/k3s/log", "kubelet exited: unknown flag: --nope\nbye\n")
    variables = {**SAMPLES["cluster-ready.sh"], "READY_TIMEOUT": "100"}
    done = nas.run("cluster-ready.sh", "check", variables)
    assert done.status == 1
    assert "error: k3s ends at every start: kubelet exited: unknown flag: --nope" in done.err
    assert "nas-k3s:kubeletArgs" in done.err
