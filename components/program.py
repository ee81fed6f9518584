"""The program of one stack: the five components and what they hand to each other."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pulumi
import pulumi_command as command

from components.cluster_access import ClusterAccess
from components.cluster_ready import ClusterReady
from components.daemon_proxy import DaemonProxy
from components.k3s_server import K3sServer
from components.nas_command import Nas
from components.remote_docker import RemoteDocker
from components.stack_config import show_warnings
from nas.errors import RefusedError
from nas.facts import read_facts
from nas.plan import Plan, make_plan, needed_ports
from nas.preflight import check_operator_proxy, check_reachable
from nas.settings import load_settings, platform_variables
from nas.ssh import SshTarget, ssh_target


def deploy(stack: str, config: Mapping[str, str]) -> None:
    """Reads, decides, acts.

    Raises:
        RefusedError: before any resource exists.
    """
    settings = load_settings(stack, config)
    target = ssh_target(settings)
    target.write_known_hosts()
    facts = read_facts(settings, target, needed_ports(settings))
    problems = [
        *check_reachable(target, facts, preview=pulumi.runtime.is_dry_run()),
        *check_operator_proxy(settings.host, os.environ),
    ]
    if problems:
        raise RefusedError(problems)
    plan = make_plan(settings, facts)
    show_warnings(plan.warnings)
    build(plan, target)


def build(plan: Plan, target: SshTarget) -> None:
    """Realises a plan: each arrow of the graph is a real dependency."""
    settings = plan.settings
    nas = commands(plan, target)
    remote_docker, before_k3s = build_docker(plan, nas)
    server = K3sServer(
        "k3s",
        {
            "nas": nas,
            "docker": remote_docker.provider,
            "image": plan.image,
            "container_name": settings.container_name,
            "node_name": plan.node_name,
            "command": plan.command,
            "env": plan.env,
            "registries_yaml": plan.registries_yaml,
            "ca_certificates": plan.ca_certificates,
            "data_volume": plan.data_volume,
            "etc_volume": plan.etc_volume,
            "stack": settings.stack,
            "drift": plan.container_drift,
            "keep_data": settings.keep_data,
            "pull_timeout": settings.pull_timeout,
        },
        pulumi.ResourceOptions(depends_on=before_k3s),
    )
    access = ClusterAccess(
        "cluster",
        {
            "nas": nas,
            "container_name": settings.container_name,
            "container_id": server.container.id,
            "image": plan.image,
            "names": plan.kubeconfig,
            "cluster_identifier": plan.cluster_identifier,
            "timeout": settings.ready_timeout,
        },
        pulumi.ResourceOptions(depends_on=[server]),
    )
    ClusterReady(
        "ready",
        {
            "nas": nas,
            "kubernetes": access.provider,
            "container": server.container,
            "container_id": server.container.id,
            "container_name": settings.container_name,
            "node_name": plan.node_name,
            "kubelet_version": plan.kubelet_version,
            "components": plan.components,
            "cluster_domain": settings.cluster_domain,
            "smoke_image": settings.smoke_image,
            "pull_hint": plan.pull_hint,
            "timeout": settings.ready_timeout,
        },
        pulumi.ResourceOptions(depends_on=[access]),
    )
    _export(plan, access)


def commands(plan: Plan, target: SshTarget) -> Nas:
    """The NAS as the components see it."""
    settings = plan.settings
    return Nas(
        target,
        platform_variables(settings),
        settings.sudo_password,
        command.Provider("nas-commands"),
    )


def build_docker(plan: Plan, nas: Nas) -> tuple[RemoteDocker, list[pulumi.Resource]]:
    """The part below the cluster: Docker, reachable and behind the proxy; and what to wait for."""
    settings = plan.settings
    remote_docker = RemoteDocker("docker", {"nas": nas, "drift": plan.path_drift})
    before_k3s: list[pulumi.Resource] = [remote_docker]
    if plan.daemon is not None:
        daemon_proxy = DaemonProxy(
            "daemon-proxy",
            {
                "nas": nas,
                "proxy": plan.daemon,
                "image": plan.image,
                "registry": plan.registry,
                "restart": settings.restart_daemon,
                "timeout": settings.daemon_timeout,
                "keep": settings.keep_daemon_proxy,
                "drift": plan.daemon_drift,
            },
            pulumi.ResourceOptions(depends_on=[remote_docker]),
        )
        before_k3s.append(daemon_proxy)
    return remote_docker, before_k3s


def _export(plan: Plan, access: ClusterAccess) -> None:
    pulumi.export("kubeconfig", access.kubeconfig)
    pulumi.export("endpoint", plan.kubeconfig.server)
    pulumi.export("context", plan.kubeconfig.name)
    pulumi.export("nodeName", plan.node_name)
    pulumi.export("image", plan.image)
