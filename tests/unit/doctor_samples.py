"""A NAS on which all is well, as doctor reads it, and the same with things changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nas import no_proxy
from nas.certificate_reader import Certificate
from nas.daemon_proxy import plan_daemon_proxy
from nas.daemon_routes import fingerprint
from nas.doctor.evidence import Case, Container, Here, OnNas, PortUser
from nas.drift import without_credentials
from nas.fact_lines import Space
from nas.facts import Facts
from nas.proxy_way import Way
from nas.server_command import server_env
from nas.settings import Settings
from nas.ssh import SshTarget
from nas.tls_greeting import Tls
from tests.unit import samples

NOW = 1764061200.0
IP = "192.168.31.88"
PROXY = "http://192.168.31.198:7222"
MASKED = "http://xxxxx:xxxxx@192.168.31.198:7222"
PASSWORD = "S3NTINEL-p@ss"
CONFIG = {"proxyUser": "nas", "proxyPassword": PASSWORD}
HUB = "registry-1.docker.io:443"
CONNECTED = "HTTP/1.1 200 Connection established"

ROOM = Space(size=4 * 1024**4, free=1024**4, inodes=1_000_000, free_inodes=900_000)


def in_days(days: float) -> Certificate:
    """A certificate that ends then."""
    return Certificate("k3s-client-ca", datetime.fromtimestamp(NOW, UTC) + timedelta(days=days))


def well(config: dict[str, str] | None = None) -> Case:
    """A stack that is up, with nothing to mend; `config` is added to the sample's."""
    settings: Settings = samples.settings(**{**CONFIG, **(config or {})})
    daemon = plan_daemon_proxy(settings, IP)
    bypass = no_proxy.for_cluster(settings, IP)
    environment = {
        key: text for key, text in server_env(settings, bypass).items() if key.endswith("_PROXY")
    }
    written = fingerprint(daemon.proxies) if daemon else ""
    facts: Facts = samples.facts(
        docker_on_path="/usr/bin/docker",
        http_proxy=MASKED if daemon else "",
        https_proxy=MASKED if daemon else "",
        no_proxy=",".join(daemon.no_proxy) if daemon else "",
        proxy_file="/share/CACHEDEV1_DATA/.qpkg/container-station/etc/docker.json",
        put=written,
        applied_put=written,
        container="running",
        container_port=6443,
        own_container="k3s",
        skew=0.0,
        memory=8_000_000,
        memory_free=4_000_000,
        docker_space=ROOM,
        way=Way("open", HUB, CONNECTED, Tls("R11", trusted=True)),
    )
    return Case(
        settings=settings,
        target=SshTarget(IP, 22, "admin", None, samples.host_key()),
        facts=facts,
        nas=OnNas(
            done=True,
            proxy="open",
            connects={HUB: CONNECTED},
            pull="ok",
            image=True,
            container=Container("running"),
            environment={key: without_credentials(text) for key, text in environment.items()},
            sums={key: fingerprint(text) for key, text in environment.items()},
            log=("all is well",),
            ports=(PortUser(6443, True, "k3s-server", "41"),),
            api="ok",
            node=("True", "KubeletReady", "kubelet is posting ready status", "v1.34.4+k3s1"),
            coredns=1,
            smoke="1|;",
            lookup="ok",
            certificates={"server/tls/client-admin.crt": in_days(364)},
        ),
        here=Here(api="open"),
        now=NOW,
        node_name=settings.stack,
        node_ip=IP,
        kubelet_version="v1.34.4+k3s1",
        daemon=daemon,
        environment=environment,
    )


def with_facts(case: Case, **changes: Any) -> Case:
    return replace(case, facts=replace(case.known, **changes))


def with_nas(case: Case, **changes: Any) -> Case:
    return replace(case, nas=replace(case.nas, **changes))


def with_here(case: Case, **changes: Any) -> Case:
    return replace(case, here=replace(case.here, **changes))


def with_tls(case: Case, tls: Tls) -> Case:
    """The registry shows this certificate through the proxy."""
    return with_facts(case, way=replace(case.known.way, tls=tls))
