"""ClusterAccess: an API that answers, also from here, and its kubeconfig."""

from __future__ import annotations

import shlex
from typing import TypedDict

import pulumi
from pulumi_command import local

from components.drift_mark import drift_mark
from components.here import PYTHON
from components.nas_command import Nas, ScriptArgs
from nas import reach
from nas.kubeconfig import KubeconfigNames, rewrite

REACH_TIMEOUT = 30
"""Seconds until the API has to answer here, once it does so on the NAS."""


class ClusterAccessArgs(TypedDict):
    """Inputs of `ClusterAccess`."""

    nas: Nas
    """How the NAS is reached."""
    container_name: str
    """Name of the k3s container."""
    container_id: pulumi.Input[str]
    """Identity of that container: another one is waited for."""
    host: str
    """Host of the API, as seen from here."""
    port: int
    """Port of the API, likewise."""
    image: str
    """Its image: another one may bring another kubeconfig, so it is read again."""
    names: KubeconfigNames
    """Server and names of the kubeconfig that is handed out."""
    cluster_identifier: pulumi.Input[str]
    """Which cluster it is: another one has another kubeconfig."""
    drift: str | None
    """What others or time did to the cluster's certificates, with the time it was seen."""
    stopped: str | None
    """That the container does not run, with the time it was seen: it is then started."""
    stop_grace: int
    """Seconds that k3s gets to stop where it has to restart."""
    timeout: int
    """Seconds until k3s has to answer."""


class ClusterAccess(pulumi.ComponentResource):
    """Waits for k3s, also from here, reads its kubeconfig and rewrites it for use from outside the
    NAS."""

    kubeconfig: pulumi.Output[str]
    """The kubeconfig, YAML, one context. A secret."""
    restarts: pulumi.Output[str]
    """Why the container was started last, beside its making."""

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
        self.restarts = drift_mark(f"{name}-stopped", args["stopped"], self)
        step: ScriptArgs = {
            "script": "kubeconfig.sh",
            "variables": variables,
            "create": "wait",
            # It may restart k3s, and wait before and after that.
            "timeout": 2 * args["timeout"] + args["stop_grace"] + 150,
        }
        answers = args["nas"].script(
            f"{name}-api",
            {
                **step,
                "reason": mark,
                "shown": {"container": args["container_id"], "stopped": self.restarts},
            },
            pulumi.ResourceOptions(parent=self),
        )
        # The NAS may have a firewall of its own.
        where = shlex.join([args["host"], str(args["port"]), str(REACH_TIMEOUT)])
        local.Command(
            f"{name}-reach",
            create=pulumi.Output.concat(
                f"{PYTHON} -m {reach.MODULE} {where}\n# container: ", args["container_id"]
            ),
            add_previous_output_in_env=False,
            logging=local.Logging.STDERR,
            opts=pulumi.ResourceOptions(
                parent=self, provider=args["nas"].provider, depends_on=[answers]
            ),
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
        self.register_outputs({"endpoint": names.server, "context": names.name})
