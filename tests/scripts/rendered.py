"""Sample variables for every script that is rendered, as the components give them."""

from __future__ import annotations

from collections.abc import Mapping

from nas.remote_script import script_source

SAMPLES: Mapping[str, Mapping[str, str]] = {
    "cluster-id.sh": {
        "PLATFORM": "auto",
        "DATA_PLACE": "k3s-data",
        "ETC_PLACE": "k3s-etc",
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
        "DATA_PLACE": "k3s-data",
        "ETC_PLACE": "k3s-etc",
        "PORTS": "6443 10250",
        "DATA_DIRECTORY": "",
        "STACK": "nas88",
    },
    "host-cleanup.sh": {
        "PLATFORM": "auto",
        "IMAGE": "docker.io/rancher/k3s:v1.34.4-k3s1",
        "CONTAINER": "k3s",
        "CLEANUP": script_source("host-cleanup-inside.sh"),
        "PLACES": "k3s-data k3s-etc",
        "KEEP": "yes",
    },
    "kubeconfig.sh": {
        "PLATFORM": "auto",
        "CONTAINER": "k3s",
        "READY_TIMEOUT": "2",
        "STOP_GRACE": "1",
    },
}
