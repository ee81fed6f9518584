"""Sample variables for every script that is rendered, as the components give them."""

from __future__ import annotations

from collections.abc import Mapping

from nas.checks.image import ADVICE
from nas.facts import label_variables
from nas.remote_script import render, script_source
from nas.settings import platform_variables
from tests.unit.samples import settings

LABELS = label_variables("nas88")

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "arguments-check.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.5-k3s1",
        "CONTAINER": "k3s",
        "ARGUMENTS": "server\n--node-name=nas88\n--debug",
    },
    "cluster-id.sh": {
        "PLATFORM": "auto",
        "DATA_PLACE": "k3s-data",
        "ETC_PLACE": "k3s-etc",
        "MADE_WITH": "cluster-cidr=10.42.0.0/16\nnode-name=nas88",
        "CONTAINER": "k3s",
        **LABELS,
    },
    "cluster-ready.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "NODE": "nas88",
        "KUBELET_VERSION": "v1.34.4+k3s1",
        "WORKLOADS": "deployment/coredns deployment/metrics-server",
        "ENDPOINT": "https://192.168.31.88:6443",
        "PROXY": "192.168.31.198:7222",
        "SMOKE_NAMESPACE": "nas-k3s-smoke",
        "SMOKE_LABEL": "nas-k3s/container",
        "READY_TIMEOUT": "2",
        "PULL_HINT": "check nas-k3s:proxy",
    },
    "data-snapshot.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "DATA_PLACE": "k3s-data",
        "ETC_PLACE": "k3s-etc",
        "IMAGE": "docker.io/rancher/k3s:v1.34.5-k3s1",
        "VERSION": "v1.34.5-k3s1",
        "RESTORE": "",
        "KEEP": "3",
        "PAUSE_LIMIT": "5",
        "STOP_GRACE": "1",
        **LABELS,
    },
    "daemon-proxy.sh": {
        "PLATFORM": "auto",
        "DROP_IN": "[Service]\n",
        "EXPORTS": "# begin\n# end\n",
        "PROXIES": '{"http-proxy": "http://192.168.31.198:7222"}',
        "HTTP_PROXY_SHOWN": "http://192.168.31.198:7222",
        "NO_PROXY_SHOWN": "localhost",
        "PROXY_SCHEME": "http",
        "PROXY_HOST": "192.168.31.198",
        "PROXY_PORT": "7222",
        "PROXY_AUTH": "",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "REGISTRY": "registry-1.docker.io:443",
        "REGISTRY_SPARED": "no",
        "RESTART_DAEMON": "always",
        "PULL_PROBE_TIMEOUT": "3",
        "LOCK_TIMEOUT": "4",
        "DAEMON_TIMEOUT": "5",
    },
    "data-directory.sh": {
        "PLATFORM": "auto",
        "DIRECTORY": "/share/CE_CACHEDEV3_DATA/k3s",
        "STACK": "nas88",
        "CONTAINER": "k3s",
        "KEEP": "no",
    },
    "docker-path.sh": {"PLATFORM": "auto", "LOCK_TIMEOUT": "4"},
    "doctor.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "REGISTRY": "registry-1.docker.io:443",
        "REGISTRY_SPARED": "no",
        "NODE": "nas88",
        "PROXY_SCHEME": "http",
        "PROXY_HOST": "192.168.31.198",
        "PROXY_PORT": "7222",
        "PROXY_AUTH": "Basic bmFzOlMzTlRJTkVM",
        "REGISTRIES": "registry-1.docker.io:443 ghcr.io:443",
        "DIRECT": "registry.lan:5000",
        "PORTS": "6443 10250",
        "DNS_SERVER": "10.43.0.10",
        "DNS_NAME": "kubernetes.default.svc.cluster.local",
        "SMOKE_NAMESPACE": "nas-k3s-smoke",
        "BUDGET": "20",
        "PULL_PROBE_TIMEOUT": "3",
    },
    "facts.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        **LABELS,
        "DATA_PLACE": "k3s-data",
        "ETC_PLACE": "k3s-etc",
        "PORTS": "6443 10250",
        "DATA_DIRECTORY": "",
        "STACK": "nas88",
        "OTHER_RUN_PATIENCE": "3",
        "PROXY_SCHEME": "http",
        "PROXY_HOST": "192.168.31.198",
        "PROXY_PORT": "7222",
        "PROXY_AUTH": "Basic bmFzOlMzTlRJTkVM",
        "REGISTRY": "registry-1.docker.io:443",
        "TLS_HELLO": "\\026\\003\\001",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "PULL_PROBE_TIMEOUT": "3",
    },
    "host-cleanup.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "CONTAINER": "k3s",
        "CLEANUP": script_source("host-cleanup-inside.sh"),
        "NETWORK_MODE": "host",
        "STOP_GRACE": "1",
        **LABELS,
        "PLACES": "k3s-data k3s-etc",
        "KEEP": "yes",
    },
    "kubeconfig.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "READY_TIMEOUT": "2",
        "STOP_GRACE": "1",
    },
    "image-pull.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.5-k3s1",
        "SETTING": "k3sVersion",
        "ADVICE": ADVICE["k3sVersion"],
        "PULL_TIMEOUT": "30",
    },
    "timeline.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "NODE": "nas88",
        "SMOKE_NAMESPACE": "nas-k3s-smoke",
    },
}

NO_PAGE = {"DOC_PAGE": ""}
"""Errors end with what to do, without the line about a page of docs/, which unit tests look at."""

_EVERYWHERE = platform_variables(settings()).keys()
"""What every script is given."""


def sample(script: str, variables: Mapping[str, str]) -> str:
    """The script with these variables; one that nobody gives it would have no effect."""
    unknown = variables.keys() - SAMPLES[script].keys() - _EVERYWHERE
    assert not unknown, f"{script} knows no {', '.join(sorted(unknown))}"
    return render(script, {**NO_PAGE, **variables})
