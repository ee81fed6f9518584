"""The kubelet's flags and the kinds of their values: `kubelet --help` of Kubernetes 1.34.

The values are read by Go: https://pkg.go.dev/strconv, https://pkg.go.dev/time#ParseDuration and
k8s.io/component-base/cli/flag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from nas.proxy import is_ip

LINE = (1, 34)
"""Major and minor that the table is of."""

Kind = Literal[
    "switch", "number", "duration", "address", "pairs", "thresholds", "gates", "list", "text"
]

_FLAGS: Mapping[Kind, str] = {
    "switch": """
        anonymous-auth authentication-token-webhook cgroups-per-qos contention-profiling
        cpu-cfs-quota enable-controller-attach-detach enable-debugging-handlers enable-load-reader
        enable-server exit-on-lock-contention experimental-allocatable-ignore-eviction
        fail-cgroupv1 fail-swap-on kernel-memcg-notification local-storage-capacity-isolation
        log-cadvisor-usage log-json-split-stream log-text-split-stream make-iptables-util-chains
        protect-kernel-defaults register-node rotate-certificates rotate-server-certificates
        runonce seccomp-default serialize-image-pulls storage-driver-secure
    """,
    "number": """
        application-metrics-count-limit container-log-max-files event-burst event-qps
        eviction-max-pod-grace-period healthz-port image-gc-high-threshold image-gc-low-threshold
        kube-api-burst kube-api-qps max-open-files max-pods maximum-dead-containers
        maximum-dead-containers-per-container node-status-max-images oom-score-adj pod-max-pids
        pods-per-core port read-only-port registry-burst registry-qps v
    """,
    "duration": """
        authentication-token-webhook-cache-ttl authorization-webhook-cache-authorized-ttl
        authorization-webhook-cache-unauthorized-ttl cpu-cfs-quota-period
        cpu-manager-reconcile-period eviction-pressure-transition-period file-check-frequency
        global-housekeeping-interval housekeeping-interval http-check-frequency
        log-flush-frequency minimum-container-ttl-duration minimum-image-ttl-duration
        node-status-update-frequency runtime-request-timeout storage-driver-buffer-duration
        streaming-connection-idle-timeout sync-frequency volume-stats-agg-period
    """,
    "address": "address healthz-bind-address",
    "pairs": """
        cpu-manager-policy-options eviction-minimum-reclaim eviction-soft-grace-period
        kube-reserved node-labels qos-reserved system-reserved topology-manager-policy-options
    """,
    "thresholds": "eviction-hard eviction-soft",
    "gates": "feature-gates",
    "list": """
        allowed-unsafe-sysctls cluster-dns enforce-node-allocatable manifest-url-header
        register-with-taints reserved-memory tls-cipher-suites vmodule
    """,
    "text": """
        authorization-mode boot-id-file bootstrap-kubeconfig cert-dir cgroup-driver cgroup-root
        client-ca-file cloud-provider cluster-domain config config-dir container-hints
        container-log-max-size container-runtime-endpoint containerd containerd-namespace
        cpu-manager-policy event-storage-age-limit event-storage-event-limit
        experimental-mounter-path hairpin-mode hostname-override image-credential-provider-bin-dir
        image-credential-provider-config image-service-endpoint kube-api-content-type
        kube-reserved-cgroup kubeconfig kubelet-cgroups lock-file log-json-info-buffer-size
        log-text-info-buffer-size logging-format machine-id-file manifest-url
        memory-manager-policy node-ip pod-cidr pod-infra-container-image pod-manifest-path
        provider-id reserved-cpus resolv-conf root-dir runtime-cgroups storage-driver-db
        storage-driver-host storage-driver-password storage-driver-table storage-driver-user
        system-cgroups system-reserved-cgroup tls-cert-file tls-min-version tls-private-key-file
        topology-manager-policy topology-manager-scope volume-plugin-dir
    """,
}
KINDS: Mapping[str, Kind] = {flag: kind for kind, text in _FLAGS.items() for flag in text.split()}
"""Flag without dashes -> kind of its value."""

REPEATABLE: frozenset[Kind] = frozenset({"pairs", "thresholds", "gates", "list"})
"""Kinds whose values add up; of the others, the last one that is given counts alone."""

_BOOL = r"(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)"
_DURATION = r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)"
_PAIRS = r"[^,=<]+{0}[^,]*(?:,[^,=<]+{0}[^,]*)*"
_GATE = rf"[A-Za-z0-9]+={_BOOL}"
_PATTERNS: Mapping[Kind, tuple[str, str]] = {
    "switch": (_BOOL, "true or false"),
    "number": (r"[-+]?\d+", "a whole number, e.g. 50"),
    "duration": (_DURATION, "a duration, e.g. 30s or 1m30s"),
    "pairs": (_PAIRS.format("="), "NAME=VALUE pairs with commas, e.g. cpu=500m,memory=1Gi"),
    "thresholds": (
        _PAIRS.format("<"),
        "NAME<VALUE with commas, e.g. memory.available<200Mi,nodefs.available<5%",
    ),
    "gates": (rf"{_GATE}(?:,{_GATE})*", "NAME=true or NAME=false with commas"),
}


def wanted(flag: str, value: str) -> str | None:
    """What the kubelet takes for this flag, when `value` is nothing of the kind; else None.

    Flags that are not in the table take anything.
    """
    kind = KINDS.get(flag)
    if kind == "address":
        return None if is_ip(value) else "an address, e.g. 0.0.0.0"
    if kind is None or kind not in _PATTERNS:
        return None
    pattern, example = _PATTERNS[kind]
    # No value empties what is a set.
    if (kind in REPEATABLE and not value) or re.fullmatch(pattern, value):
        return None
    return example
