"""RemoteDocker: the Docker of the NAS, reachable over SSH."""

from __future__ import annotations

from typing import TypedDict

import pulumi
import pulumi_docker as docker

from components.drift_mark import drift_mark
from components.nas_command import Nas


class RemoteDockerArgs(TypedDict):
    """Inputs of `RemoteDocker`."""

    nas: Nas
    """How the NAS is reached."""
    lock_timeout: int
    """Seconds until another run on this NAS has to end."""
    drift: str | None
    """What others changed since the last run, with the time it was seen."""


class RemoteDocker(pulumi.ComponentResource):
    """Finds docker on the NAS, puts it on the PATH of SSH commands, and gives a provider for it.

    `docker -H ssh://` runs `docker` by name on the far side, and on a NAS it is not on the PATH of
    SSH commands (docker/cli#3045). Destroy removes the wrapper; a docker that was there stays.
    """

    provider: docker.Provider
    """Docker provider whose resources live on the NAS."""
    ready: pulumi.Resource
    """Depend on it to use docker on the NAS."""

    def __init__(
        self, name: str, args: RemoteDockerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:RemoteDocker", name, None, opts)
        nas = args["nas"]
        self.ready = nas.script(
            f"{name}-path",
            {
                "script": "docker-path.sh",
                "variables": {"LOCK_TIMEOUT": str(args["lock_timeout"])},
                "create": "apply",
                "shown": {"drift": drift_mark(f"{name}-drift", args["drift"], self)},
                "delete": "remove",
                "timeout": args["lock_timeout"] + 60,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.provider = docker.Provider(
            f"{name}-provider",
            host=nas.target.url,
            ssh_opts=list(nas.target.options),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.ready]),
        )
        self.register_outputs({"host": nas.target.url})
