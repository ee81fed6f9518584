"""The k3s stand-in's own Go tests; its behaviour as a cluster is seen by the other tests here."""

from __future__ import annotations

import ipaddress
import json
import random
import subprocess
from pathlib import Path

from tests.lab import paths, toolchain
from tests.lab.gobuild import find_go, go_environment
from tests.unit.go_no_proxy import GoNoProxy

MODULE = paths.GO_MODULES / "k3s"
ENTRIES = (
    *("10.42.0.0/16", "10.42.3.9/16", "10.1.*", "192.168.31.0/255.255.255.0", "0.0.0.0/0"),
    *("fd00:42::/56", "::ffff:10.42.0.0/112", "::ffff:0:0/64", "fe80::1%eth0", "[fd00::9]"),
    *("192.168.31.88", "192.168.31.88:10250", "[fd00::9]:10250", "fd00::9", "010.42.0.1"),
    *(".svc", "svc", "*.svc", "*svc", ".cluster.local", "Cluster.Local", ".cluster.local:443"),
    *("nas", "nas:10250", ".nas", "*.nas.lan", "nas.lan.", "localhost", "127.0.0.0/8", "::1"),
    *("", " ", " nas.lan ", ":443", "a:b:c", "*:443", "http://nas.lan", "1.2.3", "nas lan"),
)
HOSTS = (
    *("10.42.0.0", "10.42.255.255", "10.43.0.1", "10.1.2.3", "192.168.31.88", "192.168.31.255"),
    *("::ffff:10.42.0.7", "::ffff:a2a:7", "fd00:42::", "fd00:42:0:ff::1", "fd00:42:0:100::1"),
    *("fd00::9", "FD00::9", "fe80::1", "127.0.0.1", "::1", "8.8.8.8", "localhost", "a.localhost"),
    *("web.default.svc", "svc", "xsvc", "a.SVC", "web.default.svc.cluster.local", "nas.lan."),
    *("cluster.local", "CLUSTER.local", "nas", "NAS", "a.nas", "nas.lan", "a.nas.lan", "1.2.3"),
)


def no_proxy_cases(seed: int = 20) -> list[dict[str, object]]:
    """Lists and targets with the reference's answer: every pair of entry and host, and mixtures."""
    chosen = random.Random(seed)
    lists = [*ENTRIES, *(",".join(chosen.sample(ENTRIES, 4)) for _ in range(60)), "nas,*"]
    blocks = ipaddress.ip_network("10.42.0.0/15"), ipaddress.ip_network("fd00:42::/52")
    hosts = [*HOSTS, *(str(block[chosen.randrange(2**16)]) for block in blocks for _ in range(8))]
    return [
        {
            "NoProxy": no_proxy,
            "Host": host,
            "Port": port,
            "Proxied": GoNoProxy(no_proxy).uses_proxy(host, port),
        }
        for no_proxy in lists
        for host in hosts
        for port in (443, 10250)
    ]


def test_the_go_tests_of_the_stand_in_pass(tmp_path: Path) -> None:
    cases = tmp_path / "cases.json"
    cases.write_text(json.dumps(no_proxy_cases()))
    # First the program itself: the tests then find nearly all of their packages compiled.
    toolchain.ensure(["k3s"])
    target = next(target for target in toolchain.TARGETS if target.name == "k3s")
    done = subprocess.run(
        [find_go("1.24").command, "test", "-vet=off", *target.compiling, "./..."],
        cwd=MODULE,
        env={**go_environment(cgo=False), "NO_PROXY_CASES": str(cases)},
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for package in ("datastore", "servicelb", "deploy", "proxyenv"):
        assert f"ok  \tnas-k3s.lab/k3s/internal/{package}" in done.stdout
