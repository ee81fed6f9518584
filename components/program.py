"""The program of one stack: the components and what they hand to each other."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import pulumi
import pulumi_command as command
import pulumi_docker as docker
import pulumi_kubernetes as kubernetes

from components.cluster_access import ClusterAccess
from components.cluster_ready import ClusterReady
from components.daemon_proxy import DaemonProxy
from components.k3s_server import K3sServer
from components.kubeconfig_file import KubeconfigFile
from components.nas_command import Nas
from components.reading import Reading
from components.remote_docker import RemoteDocker
from components.stack_config import encrypted_keys, show_warnings
from nas.checks.data import made_with
from nas.drift import marker
from nas.errors import Problem, RefusedError
from nas.facts import Facts
from nas.kubeconfig import proof_context
from nas.kubeconfig_file import Job, look_into, missing
from nas.other_run import PREVIEW_PATIENCE, check_other_run, lock_timeout
from nas.plan import Plan, make_plan
from nas.preflight import check_operator_proxy, check_reachable
from nas.secrets import plain_text_warnings
from nas.settings import platform_variables
from nas.ssh import SshTarget
from nas.timeline import is_new, measured_at, read_stages, to_line
from nas.timeline_text import as_text


def deploy(reading: Reading) -> None:
    """Decides and acts.

    Raises:
        RefusedError: before any resource exists.
    """
    _import_in_cluster()
    settings, target, preview = reading.settings, reading.target, pulumi.runtime.is_dry_run()
    patience = PREVIEW_PATIENCE if preview else lock_timeout(settings.daemon_timeout)
    facts = reading.settled(pulumi.log.info, patience)
    problems = [
        *check_reachable(target, facts, preview=preview),
        *check_other_run(settings, facts, preview=preview),
        *check_operator_proxy(settings.host, os.environ),
    ]
    if problems:
        raise RefusedError(problems)
    plan = make_plan(settings, facts)
    found = look_into(settings, plan.kubeconfig.name)
    if isinstance(found, Problem):
        raise RefusedError([found])
    show_warnings((*plain_text_warnings(settings, encrypted_keys()), *plan.warnings))
    file_drift = None
    if found is not None and settings.drift == "on":
        file_drift = marker(missing(found, facts), int(time.time()))
    build(plan, target, facts.time if isinstance(facts, Facts) else None, file_drift)


def _import_in_cluster() -> None:
    """Imports what its package only imports when it is used, while the NAS is asked."""
    _ = kubernetes.batch.v1.Job, kubernetes.core.v1.Namespace


def build(
    plan: Plan, target: SshTarget, began: int | None = None, file_drift: str | None = None
) -> None:
    """Realises a plan: each arrow of the graph is a real dependency.

    Args:
        began: the time on the NAS when this run read it; a timeline from before is not shown again.
        file_drift: what is missing in the user's kubeconfig file, with the time it was seen.
    """
    settings = plan.settings
    nas = commands(plan, target)
    below = build_docker(plan, nas)
    server = K3sServer(
        "k3s",
        {
            "nas": nas,
            "docker": below.provider,
            "image": plan.image,
            "image_version": plan.image_version,
            "image_setting": settings.image_setting,
            "restore_snapshot": settings.restore_snapshot or "",
            "container_name": settings.container_name,
            "node_name": plan.node_name,
            "command": plan.command,
            "made_with": made_with(settings),
            "asks_image": bool(settings.server_args),
            "env": plan.env,
            "registries_yaml": plan.registries_yaml,
            "ca_certificates": plan.ca_certificates,
            "registry_files": plan.registry_files,
            "network_mode": settings.network_mode,
            "ports": plan.ports,
            "places": plan.places,
            "place_certain": plan.place_certain,
            "cluster_identifier": plan.cluster_identifier,
            "data_directory": plan.data_directory,
            "memory": plan.memory,
            "cpus": plan.cpus,
            "stop_grace": settings.stop_grace,
            "stack": settings.stack,
            "drift": plan.container_drift,
            "keep_data": settings.keep_data,
            "pull_timeout": settings.pull_timeout,
        },
        pulumi.ResourceOptions(depends_on=below.ready),
    )
    access = ClusterAccess(
        "cluster",
        {
            "nas": nas,
            "container_name": settings.container_name,
            "container_id": server.container.id,
            "image": plan.image,
            "names": plan.kubeconfig,
            "cluster_identifier": server.cluster_identifier,
            "host": settings.host,
            "port": settings.api_port,
            "drift": plan.kubeconfig_drift,
            "stopped": plan.stopped_drift,
            "stop_grace": settings.stop_grace,
            "timeout": settings.ready_timeout,
        },
        pulumi.ResourceOptions(depends_on=[server]),
    )
    ready = ClusterReady(
        "ready",
        {
            "nas": nas,
            "kubeconfig": access.kubeconfig,
            "context": proof_context(settings.stack),
            "cluster_identifier": server.cluster_identifier,
            "container_id": server.container.id,
            "restarts": access.restarts,
            "container_name": settings.container_name,
            "node_name": plan.node_name,
            "kubelet_version": plan.kubelet_version,
            "workloads": plan.workloads,
            "endpoint": plan.kubeconfig.server,
            "proxy": plan.server_proxy,
            "cluster_domain": settings.cluster_domain,
            "smoke_image": settings.smoke_image,
            "pull_hint": plan.pull_hint,
            "daemon_report": below.report,
            "pulled": server.pulled,
            "since": plan.timeline_since,
            "timeout": settings.ready_timeout,
        },
        pulumi.ResourceOptions(depends_on=[access]),
    )
    stages = pulumi.Output.all(below.report, server.pulled, ready.measured).apply(
        lambda texts: _timeline(*texts, began=began)
    )
    pulumi.export("timeline", stages)

    if settings.kubeconfig_file is not None:
        KubeconfigFile(
            "kubeconfig",
            {
                "job": Job(
                    file=settings.kubeconfig_file,
                    name=plan.kubeconfig.name,
                    stack=settings.stack,
                    current=settings.kubeconfig_current,
                    kubeconfig="",
                ),
                "kubeconfig": access.kubeconfig,
                "drift": file_drift,
                "provider": nas.provider,
            },
            pulumi.ResourceOptions(depends_on=[ready]),
        )
    _export(plan, server, access, ready)


def commands(plan: Plan, target: SshTarget) -> Nas:
    """The NAS as the components see it."""
    settings = plan.settings
    return Nas(
        target,
        platform_variables(settings),
        settings.sudo_password,
        command.Provider("nas-commands"),
    )


@dataclass(frozen=True)
class BelowCluster:
    """Docker on the NAS, reachable and behind the proxy.

    Attributes:
        ready: depend on these to pull images through the proxy.
        report: what the daemon's proxy script said of its steps.
    """

    provider: docker.Provider
    ready: tuple[pulumi.Resource, ...]
    report: pulumi.Output[str]


def build_docker(plan: Plan, nas: Nas) -> BelowCluster:
    """The part below the cluster."""
    settings = plan.settings
    patience = lock_timeout(settings.daemon_timeout)
    remote_docker = RemoteDocker(
        "docker", {"nas": nas, "lock_timeout": patience, "drift": plan.path_drift}
    )
    daemon_proxy = DaemonProxy(
        "daemon-proxy",
        {
            "nas": nas,
            "proxy": plan.daemon,
            "image": plan.image,
            "registry": plan.registry,
            "restart": settings.restart_daemon,
            "timeout": settings.daemon_timeout,
            "lock_timeout": patience,
            "keep": settings.keep_daemon_proxy,
            "drift": plan.daemon_drift,
        },
        pulumi.ResourceOptions(depends_on=[remote_docker]),
    )
    return BelowCluster(remote_docker.provider, (remote_docker, daemon_proxy), daemon_proxy.report)


def _timeline(daemon: str, pull: str, measured: str, *, began: int | None) -> str:
    """The stages as they are exported; shown by the `up` that measured them."""
    stages = read_stages(daemon, pull, measured)
    when = measured_at(measured)
    fresh = when is not None and began is not None and when >= began and is_new(measured)
    if fresh and not pulumi.runtime.is_dry_run():
        pulumi.log.info(f"timeline, by the clock of the NAS:\n{as_text(stages, 'en')}")
    return to_line(stages)


def _export(plan: Plan, server: K3sServer, access: ClusterAccess, ready: ClusterReady) -> None:
    """What other stacks build on: docs/outputs.md says what each output promises."""
    settings = plan.settings
    pulumi.export("kubeconfig", access.kubeconfig)
    pulumi.export("endpoint", plan.kubeconfig.server)
    pulumi.export("context", plan.kubeconfig.name)
    pulumi.export("clusterIdentifier", server.cluster_identifier)
    pulumi.export("nodeName", plan.node_name)
    pulumi.export("nodeIp", ready.node_ip)
    pulumi.export("kubeletVersion", ready.kubelet_version)
    pulumi.export("image", plan.image)
    pulumi.export("clusterDomain", settings.cluster_domain)
    pulumi.export("clusterCidr", settings.cluster_cidr)
    pulumi.export("serviceCidr", settings.service_cidr)
