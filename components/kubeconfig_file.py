"""KubeconfigFile: the cluster in the user's own kubeconfig, on the machine that runs Pulumi."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TypedDict

import pulumi
import pulumi_command as command
from pulumi_command import local

from components.drift_mark import drift_mark
from components.here import PYTHON
from nas.kubeconfig_file import MODULE, Job


class KubeconfigFileArgs(TypedDict):
    """Inputs of `KubeconfigFile`."""

    job: Job
    """File, names and whether it becomes current; without the kubeconfig."""
    kubeconfig: pulumi.Input[str]
    """The kubeconfig. A secret."""
    drift: str | None
    """What is missing in the file, with the time it was seen."""
    provider: command.Provider
    """The explicit provider of commands."""


class KubeconfigFile(pulumi.ComponentResource):
    """Puts the cluster into the file, leaves the rest of it alone, and takes it out on destroy."""

    def __init__(
        self, name: str, args: KubeconfigFileArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:KubeconfigFile", name, None, opts)
        job = args["job"]
        shown = f"\n# file: {job.file}\n# context: {job.name}\n# drift: "
        local.Command(
            f"{name}-entry",
            create=pulumi.Output.concat(
                f"{PYTHON} -m {MODULE} merge",
                shown,
                drift_mark(f"{name}-drift", args["drift"], self),
            ),
            # Destroy has to end, also where there is no Python environment any more.
            delete=f"{PYTHON} -m {MODULE} remove || "
            f"echo nas-k3s: warning: {job.name} stays in {shlex.quote(job.file)} >&2",
            stdin=pulumi.Output.secret(args["kubeconfig"]).apply(
                lambda text: replace(job, kubeconfig=text).to_json()
            ),
            add_previous_output_in_env=False,
            logging=local.Logging.STDERR,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=args["provider"],
                # Another file: out of the old one first.
                replacement_trigger=job.file,
                delete_before_replace=True,
            ),
        )
        self.register_outputs({"file": job.file, "context": job.name})
