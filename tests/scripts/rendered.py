"""Sample variables for every script that is rendered, as the components give them."""

from __future__ import annotations

from collections.abc import Mapping

from nas.remote_script import script_source

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "cluster-ready.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "NODE": "nas88",
        "KUBELET_VERSION": "v1.34.4+k3s1",
        "COMPONENTS": "coredns metrics-server",
        "SMOKE_NAMESPACE": "nas-k3s-smoke",
        "SMOKE_LABEL": "nas-k3s/container",
        "READY_TIMEOUT": "2",
        "PULL_HINT": "check nas-k3s:proxy",
    },
    "data-snapshot.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "DATA": "k3s-data",
        "ETC": "k3s-etc",
        "IMAGE": "docker.io/rancher/k3s:v1.34.5-k3s1",
        "VERSION": "v1.34.5-k3s1",
        "RESTORE": "",
        "KEEP": "3",
        "PAUSE_LIMIT": "5",
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
    "docker-path.sh": {"PLATFORM": "auto"},
    "facts.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "STACK_LABEL": "nas-k3s.stack=nas88",
        "PORTS": "6443 10250",
        "DATA": "k3s-data",
        "DATA_DIRECTORY": "",
        "STACK": "nas88",
    },
    "host-cleanup.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "CONTAINER": "k3s",
        "CLEANUP": script_source("host-cleanup-inside.sh"),
        "KEPT": "the data stays",
    },
    "image-check.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.5-k3s1",
        "SETTING": "k3sVersion",
        "PULL_PROBE_TIMEOUT": "3",
    },
    "kubeconfig.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "READY_TIMEOUT": "2",
    },
}
