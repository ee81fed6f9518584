"""ClusterAccess: the kubeconfig, and a Kubernetes provider made from it."""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from components.drift_mark import drift_mark
from components.nas_command import Nas, ScriptArgs
from nas.kubeconfig import KubeconfigNames, rewrite


class ClusterAccessArgs(TypedDict):
    """Inputs of `ClusterAccess`."""

    nas: Nas
    """How the NAS is reached."""
    container_name: str
    """Name of the k3s container."""
    container_id: pulumi.Input[str]
    """Identity of that container: another one is waited for."""
    image: str
    """Its image: another one may bring another kubeconfig, so it is read again."""
    names: KubeconfigNames
    """Server and names of the kubeconfig that is handed out."""
    cluster_identifier: pulumi.Input[str]
    """Stays the same as long as the cluster does; another one replaces every object in it."""
    drift: str | None
    """What others or time did to the cluster's certificates, with the time it was seen."""
    stop_grace: int
    """Seconds that k3s gets to stop where it has to restart."""
    timeout: int
    """Seconds until k3s has to answer."""


class ClusterAccess(pulumi.ComponentResource):
    """Waits for k3s, reads its kubeconfig and rewrites it for use from outside the NAS."""

    kubeconfig: pulumi.Output[str]
    """The kubeconfig, YAML, one context. A secret."""
    provider: kubernetes.Provider
    """Kubernetes provider of the cluster."""

    def __init__(
        self, name: str, args: ClusterAccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:ClusterAccess", name, None, opts)
        names = args["names"]
        variables = {
            "CONTAINER": args["container_name"],
            "IMAGE": args["image"],
            "READY_TIMEOUT": str(args["timeout"]),
            "STOP_GRACE": str(args["stop_grace"]),
        }
        mark = drift_mark(f"{name}-drift", args["drift"], self)
        step: ScriptArgs = {
            "script": "kubeconfig.sh",
            "variables": variables,
            "create": "wait",
            # It may restart k3s, and wait before and after that.
            "timeout": 2 * args["timeout"] + args["stop_grace"] + 150,
        }
        # The provider looks at the cluster once, when it is configured: not before it answers.
        answers = args["nas"].script(
            f"{name}-api",
            {**step, "reason": mark, "shown": {"container": args["container_id"]}},
            pulumi.ResourceOptions(parent=self),
        )
        # Apart from it, so that the kubeconfig stays known when only the container changes.
        file = args["nas"].script(
            f"{name}-kubeconfig",
            {
                **step,
                "create": "read",
                "shown": {
                    "image": args["image"],
                    "cluster": args["cluster_identifier"],
                    "drift": mark,
                },
                "secret_output": True,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[answers]),
        )
        text: pulumi.Input[str] = file.stdout
        self.kubeconfig = pulumi.Output.secret(text).apply(lambda yaml: rewrite(yaml, names))
        self.provider = kubernetes.Provider(
            f"{name}-provider",
            kubeconfig=self.kubeconfig,
            cluster_identifier=args["cluster_identifier"],
            # The data, and with it our objects, can outlive the stack.
            upsert_existing_objects=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[answers]),
        )
        self.register_outputs({"endpoint": names.server, "context": names.name})
