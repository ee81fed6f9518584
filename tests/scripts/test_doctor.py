"""doctor.sh under BusyBox ash: it reads, changes nothing, and says nothing that is secret."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from nas.daemon_routes import fingerprint
from nas.doctor.evidence import Container, OnNas, PortUser, Waiting, parse_on_nas
from tests.scripts.fake_nas import FakeNas
from tests.scripts.rendered import SAMPLES
from tests.unit.certificates import certificate

PROXY = "http://nas:S3NTINEL%40@192.168.31.198:7222"
ENV = f"""PATH=/bin
K3S_TOKEN=S3NTINEL
HTTP_PROXY={PROXY}
NO_PROXY=localhost,10.42.0.0/16
CONTAINERD_HTTP_PROXY=http://u:S3N/TINEL@h:1
"""
SOCKETS = """  sl  local_address rem_address   st tx_queue tr tm->when retrnsmt uid timeout inode
   0: 00000000:192B 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 777 1
   1: 00000000:280A 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 888 1
"""
HUB = "registry-1.docker.io:443"
ANSWERS = {
    "readyz": "ok",
    "node": "True|KubeletReady|is posting|v1.34.4+k3s1",
    "pods": "kube-system|coredns-1|Running|coredns:1||\nkube-system|smoke|Succeeded|b:1||\n"
    "default|web-0|Pending|nginx:9|ImagePullBackOff|Back-off pulling S3NTINEL\n"
    "default|new-0|Pending\n",
    "events": "2026-11-25T10:00:00Znull|default|new-0|FailedCreatePodSandBox|failed to pull\n",
    "deployment-coredns": "1",
    "jobs": "1|;",
}


def doctor(nas: FakeNas, *, before: str = "", **variables: str) -> tuple[OnNas, str]:
    done = nas.run("doctor.sh", "facts", {**SAMPLES["doctor.sh"], **variables}, before=before)
    assert done.status == 0, done.err
    assert "S3NTINEL" not in (done.out + done.err).replace("pulling S3NTINEL", "")
    return parse_on_nas(done.out), done.out


@pytest.fixture
def up(nas: FakeNas) -> FakeNas:
    """A NAS with a k3s that runs."""
    nas.k3s(**ANSWERS)
    nas.write(
        "/state/containers/k3s/state",
        "running|0|false|2|2026-11-25T09:30:00.5Z|always|host|41|\n",
    )
    nas.write("/state/containers/k3s/env", ENV)
    nas.write("/state/containers/k3s/log", "level=info\nlevel=fatal msg=--token S3NTINEL\nlast\n")
    pem = base64.encodebytes(certificate(days=30)).decode()
    chain = f"-----BEGIN CERTIFICATE-----\n{pem}-----END CERTIFICATE-----\n"
    nas.inside("k3s", "sh", f"#!/bin/sh\ncat <<'E'\nfile a.crt\n{chain}{chain}E\n")
    nas.write("/proc/net/tcp", SOCKETS)
    return nas


NSLOOKUP = "nslookup() { [ $2 = 10.43.0.10 ]; }\n"


def test_everything_of_a_nas_that_works_is_read(up: FakeNas) -> None:
    found, _ = doctor(up, before=NSLOOKUP)
    assert found.done
    assert found.container == Container("running", 0, False, 2, "always", "host", "")
    assert (found.image, found.pull, found.proxy) == (True, "ok", "open")
    assert found.connects == dict.fromkeys(
        (HUB, "ghcr.io:443"), "HTTP/1.1 200 Connection established"
    )
    assert found.direct == {"registry.lan:5000": "open"}
    assert (found.api, found.coredns, found.smoke, found.lookup) == ("ok", 1, "1|;", "ok")
    assert found.node == ("True", "KubeletReady", "is posting", "v1.34.4+k3s1")
    assert found.ports == (PortUser(6443, False), PortUser(10250, False))
    assert {name: one.issuer for name, one in found.certificates.items()} == {"a.crt": "k3s-ca"}


def test_a_pod_that_waits_is_read_with_its_reason_or_that_of_its_event(up: FakeNas) -> None:
    found, _ = doctor(up)
    assert found.waiting == (
        Waiting(
            "default/web-0", "Pending", "nginx:9", "ImagePullBackOff", "Back-off pulling S3NTINEL"
        ),
        Waiting("default/new-0", "Pending", "", "FailedCreatePodSandBox", "failed to pull"),
    )


def test_the_last_event_of_a_pod_counts_by_whatever_name_it_has_its_time(up: FakeNas) -> None:
    """The scheduler writes eventTime and no lastTimestamp."""
    up.write(
        "/state/kube/events",
        "null2026-11-25T09:40:00.123456Z|default|new-0|FailedScheduling|0/1 nodes\n"
        "2026-11-25T10:00:00Znull|default|new-0|FailedCreatePodSandBox|x509\n"
        "null2026-11-25T09:50:00.123456Z|default|new-0|FailedScheduling|0/1 nodes\n",
    )
    assert doctor(up)[0].waiting[-1].reason == "FailedCreatePodSandBox"


def test_an_event_from_before_the_start_of_the_container_is_no_cause(up: FakeNas) -> None:
    up.write(
        "/state/kube/events",
        "null2026-11-25T09:29:59.123456Z|default|new-0|FailedScheduling|0/1 nodes\n",
    )
    assert doctor(up)[0].waiting[-1].reason == ""


def test_the_environment_is_read_without_what_is_secret_in_it(up: FakeNas) -> None:
    found, out = doctor(up)
    assert found.environment == {
        "HTTP_PROXY": "http://xxxxx:xxxxx@192.168.31.198:7222",
        "NO_PROXY": "localhost,10.42.0.0/16",
        "CONTAINERD_HTTP_PROXY": "http://xxxxx:xxxxx@h:1",
    }
    assert found.sums["HTTP_PROXY"] == fingerprint(PROXY)
    assert "K3S_TOKEN" not in out
    assert "level=fatal msg=--token [secret]" in found.log


def test_the_line_that_names_a_wrong_argument_is_read_whatever_follows(up: FakeNas) -> None:
    line = 'E1125 17:00:04.7 16516 run.go:72] err="failed to parse kubelet flag: unknown flag: --x"'
    up.write(
        "/state/containers/k3s/log", "\n".join([line, *[f"level=error {n}" for n in range(900)]])
    )
    assert line in doctor(up)[0].log


def test_the_proxy_is_asked_with_the_stacks_login(up: FakeNas) -> None:
    doctor(up)
    assert "Proxy-Authorization: Basic bmFzOlMzTlRJTkVM" in up.read("/state/proxy_request")


def test_reading_changes_nothing(up: FakeNas) -> None:
    def everything() -> dict[str, bytes]:
        # What the fakes themselves note down is not the NAS.
        return {
            str(path): path.read_bytes()
            for path in up.root.rglob("*")
            if path.is_file()
            and not path.is_symlink()
            and "dev" not in path.parts
            and path.name not in ("proxy_request", "asked")
        }

    before, folders = everything(), sorted(up.path("/tmp").iterdir())
    doctor(up)
    assert everything() == before
    assert sorted(up.path("/tmp").iterdir()) == folders
    assert not up.path("/state/kube/deleted").exists()


def test_a_proxy_that_is_down_refuses_and_no_registry_is_asked(up: FakeNas) -> None:
    up.path("/state/proxy_answer").unlink()
    found, _ = doctor(up, DIRECT="")
    assert (found.proxy, found.connects) == ("refused", {})


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("nc: timed out", "silent"),
        ("nc: can't connect to remote host (10.0.0.1): No route to host", "unreachable"),
        ("nc: can't connect to remote host (10.0.0.1): Network is unreachable", "unreachable"),
        ("nc: bad address 'proxy.lan'", "unknown-name"),
        ("nc: something else", "nc: something else"),
    ],
)
def test_what_nc_says_is_understood(up: FakeNas, said: str, answer: str) -> None:
    up.script("/usr/bin/nc", f'#!/bin/sh\necho "{said}" >&2\nexit 1\n')
    assert doctor(up)[0].proxy == answer


def test_a_nas_without_nc_says_so_and_the_daemon_is_asked_all_the_same(up: FakeNas) -> None:
    up.path("/usr/bin/nc").unlink()
    found, _ = doctor(up)
    assert (found.nc, found.proxy, found.pull) == (False, "", "ok")


@pytest.mark.parametrize(
    ("message", "hop"),
    [
        ("proxyconnect tcp: tls: first record does not look like a TLS handshake", "tls-proxy"),
        ("Get https://h/v2/: Proxy Authentication Required", "login"),
        ("proxyconnect tcp: dial tcp 1.2.3.4:7222: connect: connection refused", "proxy"),
        ("x509: certificate signed by unknown authority", "tls"),
        ("dial tcp: lookup registry-1.docker.io: no such host", "lookup"),
        ("Get https://h/v2/: Forbidden", "registry"),
        ("dial tcp 1.2.3.4:443: i/o timeout", "silent"),
        # What it says when our question ends before its own.
        ("context canceled", "silent"),
        ("manifest unknown", "ok"),
    ],
)
def test_the_hop_that_fails_for_the_daemon_is_told(up: FakeNas, message: str, hop: str) -> None:
    up.write("/state/reply", f'HTTP/1.0 500 Internal\r\n\r\n{{"message":"{message}"}}\n')
    found, _ = doctor(up)
    assert (found.pull, found.pull_message) == (hop, message)


def test_what_was_read_is_told_of_a_docker_that_dies_of_the_question(up: FakeNas) -> None:
    up.write("/state/dies", "")
    found, _ = doctor(up)
    assert (found.pull, found.proxy, found.image) == ("unknown", "open", True)


def test_without_a_container_the_rest_is_read(nas: FakeNas) -> None:
    nas.write("/state/no_image", "")
    found, _ = doctor(nas)
    assert (found.absent, found.container, found.image, found.api) == (True, None, False, "")
    assert (found.pull, found.done, found.ports) == ("ok", True, ())


def test_with_the_daemon_down_the_proxy_is_asked_still(up: FakeNas) -> None:
    up.path("/state/up").unlink()
    found, _ = doctor(up)
    assert (found.absent, found.container, found.pull, found.proxy) == (False, None, "", "open")


def test_an_api_that_does_not_answer_is_quoted_and_nothing_else_is_asked_of_it(
    up: FakeNas,
) -> None:
    up.path("/state/kube/readyz").unlink()
    found, _ = doctor(up)
    assert (found.api, found.node) == ("The connection to the server was refused", ())


def test_a_docker_that_hangs_ends_with_the_budget_and_what_was_read_is_told(up: FakeNas) -> None:
    up.inside("k3s", "kubectl", "#!/bin/sh\nexec sleep 60\n")
    began = time.monotonic()
    found, _ = doctor(up, BUDGET="3", before=NSLOOKUP)
    assert time.monotonic() - began < 25
    assert found.container is not None
    assert found.api != "ok"


def test_without_room_for_notes_it_says_so(up: FakeNas) -> None:
    done = up.run("doctor.sh", "facts", SAMPLES["doctor.sh"], read_only=["/tmp"])
    assert done.status == 0
    assert not parse_on_nas(done.out).scratch


def listens(nas: FakeNas, pid: int, inode: int, space: str, program: str) -> None:
    """A process has that socket, in a process namespace."""
    nas.write(f"/proc/{pid}/comm", f"{program}\n")
    for link, target in (("fd/3", f"socket:[{inode}]"), ("ns/pid", f"pid:[{space}]")):
        file: Any = nas.path(f"/proc/{pid}/{link}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)


def test_what_listens_is_found_by_its_socket_and_told_from_k3s(up: FakeNas) -> None:
    listens(up, 41, 777, "own", "k3s")
    listens(up, 50, 888, "nas", "nginx")
    found, _ = doctor(up)
    assert found.ports == (PortUser(6443, True, "k3s", "41"), PortUser(10250, False, "nginx", "50"))


def test_what_k3s_opens_while_it_is_looked_at_is_nobody_elses(up: FakeNas) -> None:
    *first, late = SOCKETS.splitlines()
    up.write("/proc/net/tcp", "\n".join(first) + "\n")
    listens(up, 41, 777, "own", "k3s")
    meanwhile = f"ls() {{ busybox ls \"$@\"; echo '{late}' >>/proc/net/tcp; }}\n"
    found, _ = doctor(up, before=meanwhile)
    assert found.ports == (PortUser(6443, True, "k3s", "41"),)


RULES = """-P OUTPUT ACCEPT
-A INPUT -s 192.168.31.198/32 -j DROP
-A OUTPUT -d 192.168.31.198/32 -p tcp -m tcp --dport 7222 -j REJECT
-A OUTPUT -d 192.168.31.198/32 -j ACCEPT
-A OUTPUT -d 192.168.31.19/32 -j DROP
-A OUTPUT -p tcp -m tcp --dport 72 -j DROP
"""


@pytest.mark.parametrize(
    ("tables", "version", "read"),
    [("nat\nfilter\n", "legacy", True), ("nat\n", "legacy", False), ("", "nf_tables", True)],
)
def test_rules_about_the_proxy_are_read_and_no_table_is_loaded_for_it(
    up: FakeNas, tables: str, version: str, read: bool
) -> None:
    up.write("/proc/net/ip_tables_names", tables)
    up.script(
        "/usr/sbin/iptables",
        f'#!/bin/sh\nif [ "$1" = -V ]; then echo "iptables v1 ({version})"; exit; fi\n'
        f"echo asked >>/state/iptables\ncat <<'E'\n{RULES}E\n",
    )
    rules = doctor(up)[0].rules
    assert rules == (tuple(RULES.splitlines()[1:3]) if read else ())
    assert up.path("/state/iptables").exists() == read
