"""K3sServer: k3s as a container of the NAS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypedDict

import pulumi
import pulumi_docker as docker

from components.drift_mark import drift_mark, remembered
from components.nas_command import Nas
from nas import registries
from nas.cluster_data import ClusterIdentifier
from nas.facts import STACK_LABEL
from nas.remote_script import script_source

STOP_GRACE = 30
"""Seconds between SIGTERM and SIGKILL: without it the provider kills at once, and SQLite may be
in the middle of a write."""
CA_PATH = "/etc/ssl/certs/nas-k3s-extra-ca.pem"
"""Go programs read every file of this directory beside the system's bundle."""


class K3sServerArgs(TypedDict):
    """Inputs of `K3sServer`."""

    nas: Nas
    """How the NAS is reached."""
    docker: docker.Provider
    """Docker provider of the NAS."""
    image: str
    """Image reference with a tag or digest."""
    container_name: str
    """Name of the container."""
    node_name: str
    """Name of the node, and host name of the container."""
    command: Sequence[str]
    """Arguments of k3s."""
    env: Mapping[str, str]
    """Environment. A secret: it may hold the proxy's password and the token."""
    registries_yaml: str
    """Content of registries.yaml. A secret: it may hold passwords."""
    ca_certificates: str
    """Additional CA certificates in PEM form, or empty."""
    data_volume: str
    """Docker volume of /var/lib/rancher/k3s."""
    etc_volume: str
    """Docker volume of /etc/rancher, which holds the node's password."""
    cluster_identifier: ClusterIdentifier
    """Which cluster the data is."""
    stack: str
    """Name of the stack, kept as a label of the container."""
    drift: str | None
    """What others did to the container, with the time it was seen: it is then made anew."""
    keep_data: bool
    """Whether destroy leaves both volumes on the NAS."""
    pull_timeout: int
    """Seconds for pulling the image."""


class K3sServer(pulumi.ComponentResource):
    """The k3s container with host networking, and what outlives it.

    The image is pulled while an old container still runs; then the old one is stopped and the new
    one started, because both have the same name and ports.
    """

    container: docker.Container
    """The container; in-cluster objects are `deleted_with` it."""
    cluster_identifier: pulumi.Output[str]
    """Which cluster its data is."""

    def __init__(
        self, name: str, args: K3sServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:K3sServer", name, None, opts)
        on_nas = pulumi.ResourceOptions(parent=self, provider=args["docker"])
        keep = pulumi.ResourceOptions(retain_on_delete=args["keep_data"])
        image = docker.RemoteImage(
            f"{name}-image",
            name=args["image"],
            # The image outlives the container: its iptables cleans up after it.
            keep_locally=True,
            opts=pulumi.ResourceOptions.merge(
                on_nas,
                pulumi.ResourceOptions(
                    custom_timeouts=pulumi.CustomTimeouts(create=f"{args['pull_timeout']}s")
                ),
            ),
        )
        # One after the other, although they do not need each other: an sshd with few MaxStartups
        # hangs up on connections that come at once (docker/compose#10117).
        data = docker.Volume(
            f"{name}-data",
            name=args["data_volume"],
            opts=pulumi.ResourceOptions.merge(
                on_nas, pulumi.ResourceOptions.merge(keep, _after(image))
            ),
        )
        etc = docker.Volume(
            f"{name}-etc",
            name=args["etc_volume"],
            opts=pulumi.ResourceOptions.merge(
                on_nas, pulumi.ResourceOptions.merge(keep, _after(data))
            ),
        )
        volumes = {"/var/lib/rancher/k3s": data, "/etc/rancher": etc}
        cluster = args["cluster_identifier"]
        self.cluster_identifier = remembered(f"{name}-cluster", cluster.seen, cluster.first, self)
        claim = args["nas"].script(
            f"{name}-cluster-id",
            {
                "script": "cluster-id.sh",
                "variables": {"DATA_VOLUME": args["data_volume"]},
                "create": "claim",
                "reason": self.cluster_identifier,
                "timeout": 60,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[etc]),
        )
        # Deleted after the container, since the container depends on it.
        network = args["nas"].script(
            f"{name}-network",
            {
                "script": "host-cleanup.sh",
                "variables": {
                    "IMAGE": args["image"],
                    "CONTAINER": args["container_name"],
                    "CLEANUP": script_source("host-cleanup-inside.sh"),
                    "VOLUMES": f"{args['data_volume']} {args['etc_volume']}",
                    "KEEP": "yes" if args["keep_data"] else "no",
                },
                "create": "none",
                "delete": "remove",
                "timeout": 150,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[claim]),
        )
        mark = drift_mark(f"{name}-drift", args["drift"], self)
        self.container = docker.Container(
            f"{name}-container",
            name=args["container_name"],
            image=image.image_id,
            hostname=args["node_name"],
            command=list(args["command"]),
            envs=pulumi.Output.secret(
                [f"{key}={value}" for key, value in sorted(args["env"].items())]
            ),
            labels=[docker.ContainerLabelArgs(label=STACK_LABEL, value=args["stack"])],
            privileged=True,
            network_mode="host",
            restart="unless-stopped",
            mounts=[
                docker.ContainerMountArgs(type="volume", target=target, source=volume.name)
                for target, volume in volumes.items()
            ],
            uploads=_uploads(args),
            tmpfs={"/run": "", "/var/run": ""},
            ulimits=[docker.ContainerUlimitArgs(name="nofile", soft=65535, hard=65535)],
            # Explicit, else the daemon's own defaults come back as a change (pulumi-docker#1272).
            log_driver="json-file",
            log_opts={"max-file": "3", "max-size": "10m"},
            destroy_grace_seconds=STOP_GRACE,
            stop_timeout=STOP_GRACE,
            must_run=True,
            opts=pulumi.ResourceOptions.merge(
                on_nas,
                pulumi.ResourceOptions(
                    depends_on=[network],
                    delete_before_replace=True,
                    # The provider says it updated these and leaves the container as it was.
                    replace_on_changes=["tmpfs", "healthcheck", "init"],
                    # Computed from the image, which is unknown in preview: the tag says it.
                    # Without the container, which in-cluster objects are deleted with, those of
                    # a cluster that is no more would be asked for.
                    replacement_trigger=pulumi.Output.concat(
                        args["image"],
                        " ",
                        mark,
                        self.cluster_identifier.apply(partial(_other_cluster, cluster)),
                    ),
                ),
            ),
        )
        self.register_outputs({"image": args["image"], "container": args["container_name"]})


def _after(resource: pulumi.Resource) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions(depends_on=[resource])


def _other_cluster(cluster: ClusterIdentifier, identifier: str) -> str:
    """What another cluster adds to the container's trigger: none with data that is older than its
    identifier, whose container need not be replaced to get one."""
    return "" if identifier == cluster.first else f" {identifier}"


def _uploads(args: K3sServerArgs) -> list[docker.ContainerUploadArgs]:
    # Always there, also when empty: the file lies in a volume and an old one would stay.
    uploads = [
        docker.ContainerUploadArgs(
            file=registries.PATH,
            content=pulumi.Output.secret(args["registries_yaml"]),
            permissions="0600",
        )
    ]
    if args["ca_certificates"]:
        uploads.append(
            docker.ContainerUploadArgs(
                file=CA_PATH, content=args["ca_certificates"], permissions="0644"
            )
        )
    return uploads
