"""ClusterReady: the proof that the cluster works."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TypedDict, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_command import local

from components.drift_mark import remembered
from components.here import PYTHON
from components.nas_command import Nas
from nas import provider_files
from nas.fact_lines import values_of
from nas.kubeconfig import KubeconfigNames, rewrite
from nas.smoke import SMOKE_NAMESPACE
from nas.timeline import daemon_began, key

SMOKE_LABEL = "nas-k3s/container"
"""Label of a smoke Job: the beginning of the identity of the container that it proved."""

OTHER_CHECKS = 4
"""Checks that have a deadline of their own, beside one for each workload: node, account, logs,
exec."""


class ClusterReadyArgs(TypedDict):
    """Inputs of `ClusterReady`."""

    nas: Nas
    """How the NAS is reached."""
    kubeconfig: pulumi.Input[str]
    """The kubeconfig: the smoke test takes the way that users will take. A secret."""
    context: str
    """A name that no other kubeconfig has: the provider leaves copies of its own behind."""
    cluster_identifier: pulumi.Input[str]
    """Stays the same as long as the cluster does; another one replaces every object in it."""
    container_id: pulumi.Input[str]
    """Another container is proven anew."""
    restarts: pulumi.Input[str]
    """And so is one that had to be started."""
    container_name: str
    """Name of the k3s container."""
    node_name: str
    """Name of the node that has to be Ready."""
    kubelet_version: str
    """Version that the running kubelet has to report, or empty."""
    workloads: Sequence[str]
    """What in kube-system has to work, `KIND/NAME`: deployments, jobs, daemonsets."""
    endpoint: str
    """URL of the API as users have it; logs and exec are tried there."""
    proxy: str
    """`host:port` of the proxy that all of k3s uses, or empty."""
    cluster_domain: str
    """DNS domain of the cluster, for the name that the smoke test resolves."""
    smoke_image: str
    """Image of the smoke test, with a shell and nslookup."""
    pull_hint: str
    """What to change when images cannot be pulled."""
    daemon_report: pulumi.Output[str]
    """What the script of the daemon's proxy printed. Where it ran, Docker may have restarted, and
    the container with it, which is proven anew."""
    pulled: pulumi.Input[str]
    """What the NAS said of the pull of the image, `name=value` lines."""
    since: str | None
    """When this run began, by the clock of the NAS, if the last one ended before its end."""
    timeout: int
    """Seconds for each check."""


class ClusterReady(pulumi.ComponentResource):
    """Node Ready at the version asked for, default service account, packaged components that work,
    logs and exec through the API server, and a Job whose image came through the proxy and which
    resolved a cluster name."""

    kubelet_version: pulumi.Output[str]
    """Version that the running kubelet reports, e.g. `v1.34.4+k3s1`."""
    node_ip: pulumi.Output[str]
    """Address that the node is registered with."""

    measured: pulumi.Output[str]
    """What the NAS noted about the way here, `name=value` lines; see nas/timeline.py."""

    def __init__(
        self, name: str, args: ClusterReadyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:ClusterReady", name, None, opts)
        checks = args["nas"].script(
            f"{name}-checks",
            {
                "script": "cluster-ready.sh",
                "variables": {
                    "CONTAINER": args["container_name"],
                    "NODE": args["node_name"],
                    "KUBELET_VERSION": args["kubelet_version"],
                    "WORKLOADS": " ".join(args["workloads"]),
                    "ENDPOINT": args["endpoint"],
                    "PROXY": args["proxy"],
                    "SMOKE_NAMESPACE": SMOKE_NAMESPACE,
                    "SMOKE_LABEL": SMOKE_LABEL,
                    "READY_TIMEOUT": str(args["timeout"]),
                    "PULL_HINT": args["pull_hint"],
                },
                "create": "check",
                "delete": "forget",
                "shown": {
                    "container": args["container_id"],
                    "started": args["restarts"],
                    "docker": args["daemon_report"].apply(daemon_began),
                },
                "timeout": args["timeout"] * (OTHER_CHECKS + len(args["workloads"])) + 60,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.kubelet_version = _told(checks.stdout, "kubelet_version")
        self.node_ip = _told(checks.stdout, "node_ip")
        clean = f"{PYTHON} -m {provider_files.MODULE} {shlex.quote(args['context'])}"
        clean += " 2>/dev/null || :"
        files = local.Command(
            f"{name}-files",
            create=clean,
            # A destroy runs no program that could do it.
            delete=clean,
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, provider=args["nas"].provider),
        )
        own = KubeconfigNames(args["context"], args["endpoint"])
        provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=pulumi.Output.from_input(args["kubeconfig"]).apply(
                lambda text: rewrite(text, own)
            ),
            cluster_identifier=args["cluster_identifier"],
            # The data, and with it our objects, can outlive the stack.
            upsert_existing_objects=True,
            # It looks at the cluster once, when it is configured: not before all is well.
            # And it goes before what it leaves behind is removed.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[checks, files]),
        )
        in_cluster = pulumi.ResourceOptions(parent=self, provider=provider, depends_on=[checks])
        namespace = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata={"name": SMOKE_NAMESPACE},
            # It outlives the container in the cluster's data. Destroy asks no API about it, which
            # may be dead: the script of the checks empties it where there is one that answers.
            opts=pulumi.ResourceOptions.merge(
                in_cluster, pulumi.ResourceOptions(retain_on_delete=True)
            ),
        )
        limit = pulumi.CustomTimeouts(create=f"{args['timeout']}s")
        smoke = kubernetes.batch.v1.Job(
            f"{name}-smoke",
            metadata={
                "namespace": namespace.metadata["name"],
                "labels": {SMOKE_LABEL: _short(_untied(args["container_id"]))},
            },
            spec=_smoke_job(args),
            opts=pulumi.ResourceOptions.merge(
                in_cluster,
                pulumi.ResourceOptions(
                    custom_timeouts=limit,
                    deleted_with=namespace,
                    # Another container is proven by another Job, also where the old one is
                    # gone from the state.
                    replacement_trigger=args["container_id"],
                ),
            ),
        )
        what = pulumi.Output.all(args["daemon_report"], args["pulled"], args["container_id"])
        # What an earlier run did, which ended before it was measured, is not of the one that is.
        since = remembered(f"{name}-since", args["since"], "0", self)
        timeline = args["nas"].script(
            f"{name}-timeline",
            {
                "script": "timeline.sh",
                "variables": {
                    "CONTAINER": args["container_name"],
                    "NODE": args["node_name"],
                    "SMOKE_NAMESPACE": SMOKE_NAMESPACE,
                },
                # It runs again when there is something new to measure, and only then.
                "create": pulumi.Output.concat(
                    "measure ", what.apply(lambda parts: key(*parts)), " ", since
                ),
                "timeout": 180,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[smoke]),
        )
        self.measured = timeline.stdout
        self.register_outputs({"node": args["node_name"]})


def _told(stdout: pulumi.Output[str], name: str) -> pulumi.Output[str]:
    """What a script's line `name=value` says, or nothing."""
    # The provider takes the output for as secret as the script.
    return pulumi.Output.unsecret(stdout).apply(
        lambda text: next(iter(values_of(text or "").get(name, ())), "")
    )


def _untied(value: pulumi.Input[str]) -> pulumi.Output[str]:
    """The same value, without what it depends on.

    Where an input depends on a resource that is replaced, the engine configures the provider
    before the replacement, in order to ask it about that: that of Kubernetes then looks at a
    cluster whose container may be gone, and takes it for unreachable until the run ends.
    """
    output = pulumi.Output.from_input(value)

    async def text() -> str:
        # Where it is unknown this is no text, and is_known says so.
        return cast(str, await output.future(with_unknowns=True))

    return pulumi.Output(set(), text(), output.is_known())


def _short(container_id: pulumi.Input[str]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(container_id).apply(lambda identity: identity[:12])


def _smoke_job(args: ClusterReadyArgs) -> kubernetes.batch.v1.JobSpecArgs:
    target = f"kubernetes.default.svc.{args['cluster_domain']}"
    return kubernetes.batch.v1.JobSpecArgs(
        backoff_limit=3,
        active_deadline_seconds=args["timeout"],
        template=kubernetes.core.v1.PodTemplateSpecArgs(
            spec=kubernetes.core.v1.PodSpecArgs(
                restart_policy="Never",
                automount_service_account_token=False,
                containers=[
                    kubernetes.core.v1.ContainerArgs(
                        name="smoke",
                        image=args["smoke_image"],
                        image_pull_policy="IfNotPresent",
                        command=["nslookup", "-type=a", target],
                    )
                ],
            )
        ),
    )
