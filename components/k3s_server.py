"""K3sServer: k3s as a container of the NAS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TypedDict

import pulumi
import pulumi_docker as docker

from components.drift_mark import drift_mark, remembered
from components.nas_command import Nas
from nas import data_place, registries
from nas.checks.image import ADVICE
from nas.cluster_data import ClusterIdentifier
from nas.daemon_routes import fingerprint
from nas.errors import RefusedError
from nas.facts import ENV_LABEL, STACK_LABEL, label_variables
from nas.published_ports import PublishedPort
from nas.remote_script import script_source

SNAPSHOTS = 3
"""How many snapshots of the data are kept on the NAS."""
PAUSE_LIMIT = 30
"""Seconds for which the old server may be paused: the lease of a node ends after 40."""
CA_PATH = "/etc/ssl/certs/nas-k3s-extra-ca.pem"
"""Go programs read every file of this directory beside the system's bundle."""

_TARGETS = ("/var/lib/rancher/k3s", "/etc/rancher")
_PARTS = ("data", "etc")


class K3sServerArgs(TypedDict):
    """Inputs of `K3sServer`."""

    nas: Nas
    """How the NAS is reached."""
    docker: docker.Provider
    """Docker provider of the NAS."""
    image: str
    """Image reference with a tag or digest."""
    image_version: str
    """Version of k3s that its tag tells, or empty."""
    image_setting: str
    """The config key that says which image it is."""
    restore_snapshot: str
    """Snapshot of the data that is put back before the container starts, or empty."""
    container_name: str
    """Name of the container."""
    node_name: str
    """Name of the node, and host name of the container."""
    command: Sequence[str]
    """Arguments of k3s."""
    made_with: Mapping[str, str]
    """Flags of k3s that its data depends on, which are noted there."""
    asks_image: bool
    """Whether the image is asked about them before it runs: some are the owner's."""
    env: Mapping[str, str]
    """Environment. A secret: it may hold the proxy's password and the token."""
    registries_yaml: str
    """Content of registries.yaml. A secret: it may hold passwords."""
    ca_certificates: str
    """Additional CA certificates in PEM form, or empty."""
    registry_files: Mapping[str, str]
    """Path in the container -> content of what registries.yaml names. Secrets."""
    network_mode: str
    """`host` or `bridge`."""
    ports: Sequence[PublishedPort]
    """What Docker publishes on the NAS."""
    places: tuple[str, str]
    """Docker volumes of /var/lib/rancher/k3s and of /etc/rancher, which holds the node's password;
    or directories on the NAS instead."""
    place_certain: bool
    """Whether that is how the NAS itself names them."""
    data_directory: str | None
    """Where those directories are."""
    memory: int | None
    """Megabytes that the container may take."""
    cpus: str | None
    """Processors that it may take, with a decimal place."""
    stop_grace: int
    """Seconds between SIGTERM and SIGKILL: without it the provider kills at once, and SQLite may
    be in the middle of a write."""
    cluster_identifier: ClusterIdentifier
    """Which cluster the data is."""
    stack: str
    """Name of the stack, kept as a label of the container."""
    drift: str | None
    """What others did to the container, with the time it was seen: it is then made anew."""
    keep_data: bool
    """Whether destroy leaves the data on the NAS."""
    pull_timeout: int
    """Seconds for pulling the image."""


class K3sServer(pulumi.ComponentResource):
    """The k3s container, and what outlives it.

    The image is pulled and a snapshot of the data taken while an old container still runs; then the
    old one is stopped and the new one started, because both have the same name and ports.
    """

    container: docker.Container
    """The container."""
    pulled: pulumi.Output[str]
    """What the NAS said of the pull of the image, `name=value` lines."""
    cluster_identifier: pulumi.Output[str]
    """Which cluster its data is."""

    def __init__(
        self, name: str, args: K3sServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:K3sServer", name, None, opts)
        on_nas = pulumi.ResourceOptions(parent=self, provider=args["docker"])
        pull = args["nas"].script(
            f"{name}-image-pull",
            {
                "script": "image-pull.sh",
                "variables": {
                    "IMAGE": args["image"],
                    "SETTING": args["image_setting"],
                    "ADVICE": ADVICE[args["image_setting"]],
                    "PULL_TIMEOUT": str(args["pull_timeout"]),
                },
                "create": "pull",
                "shown": {"image": args["image"]},
                "timeout": args["pull_timeout"] + 60,
            },
            pulumi.ResourceOptions(parent=self),
        )
        # The provider takes the output for as secret as the script.
        self.pulled = pulumi.Output.unsecret(pull.stdout)
        image = docker.RemoteImage(
            f"{name}-image",
            name=args["image"],
            # The image outlives the container: its iptables cleans up after it.
            keep_locally=True,
            opts=pulumi.ResourceOptions.merge(
                on_nas,
                pulumi.ResourceOptions(
                    depends_on=[pull],
                    custom_timeouts=pulumi.CustomTimeouts(create=f"{args['pull_timeout']}s"),
                ),
            ),
        )
        asked = _arguments_check(name, args, self, image)
        place = remembered(f"{name}-place", None, " ".join(args["places"]), self)
        same = place.apply(partial(_same_place, args))
        mounts, last = _data(name, args, asked, on_nas, same)
        cluster = args["cluster_identifier"]
        self.cluster_identifier = remembered(f"{name}-cluster", cluster.seen, cluster.first, self)
        claim = args["nas"].script(
            f"{name}-cluster-id",
            {
                "script": "cluster-id.sh",
                "variables": {
                    **_place_variables(args),
                    "MADE_WITH": "\n".join(
                        f"{flag}={value}" for flag, value in args["made_with"].items()
                    ),
                    "CONTAINER": args["container_name"],
                    **label_variables(args["stack"]),
                },
                "create": "claim",
                "reason": self.cluster_identifier,
                "timeout": 60,
            },
            pulumi.ResourceOptions(parent=self, depends_on=[last]),
        )
        # Deleted after the container, since the container depends on it.
        network = _leftovers(name, args, self, claim)
        mark = drift_mark(f"{name}-drift", args["drift"], self)
        snapshot = _snapshot(name, args, self, network, mark)
        self.container = docker.Container(
            f"{name}-container",
            name=args["container_name"],
            image=image.image_id,
            hostname=args["node_name"],
            command=list(args["command"]),
            envs=pulumi.Output.secret(
                [f"{key}={value}" for key, value in sorted(args["env"].items())]
            ),
            labels=_labels(args),
            privileged=True,
            network_mode=args["network_mode"],
            ports=_ports(args["ports"]),
            # Not unless-stopped: a Docker that comes back after a crash stops what still runs,
            # takes that for a stop by hand, and leaves it (moby's daemon/kill.go).
            restart="always",
            mounts=mounts,
            uploads=_uploads(args),
            tmpfs={"/run": "", "/var/run": ""},
            ulimits=[docker.ContainerUlimitArgs(name="nofile", soft=65535, hard=65535)],
            # Explicit, else the daemon's own defaults come back as a change (pulumi-docker#1272).
            log_driver="json-file",
            log_opts={"max-file": "3", "max-size": "10m"},
            memory=args["memory"],
            # As much swap as the NAS has: what Docker sets by itself depends on the kernel.
            memory_swap=None if args["memory"] is None else -1,
            cpus=args["cpus"],
            destroy_grace_seconds=args["stop_grace"],
            stop_timeout=args["stop_grace"],
            must_run=True,
            opts=pulumi.ResourceOptions.merge(
                on_nas,
                pulumi.ResourceOptions(
                    depends_on=[snapshot],
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
                        _limited(args),
                        self.cluster_identifier.apply(partial(_other_cluster, cluster)),
                    ),
                ),
            ),
        )
        self.register_outputs({"image": args["image"], "container": args["container_name"]})


def _arguments_check(
    name: str, args: K3sServerArgs, parent: pulumi.Resource, image: docker.RemoteImage
) -> pulumi.Resource:
    """Asks the new image about the owner's arguments, if there are any."""
    if not args["asks_image"]:
        return image
    return args["nas"].script(
        f"{name}-arguments",
        {
            "script": "arguments-check.sh",
            "variables": {
                "IMAGE": args["image"],
                "CONTAINER": args["container_name"],
                "ARGUMENTS": "\n".join(args["command"]),
            },
            "create": "check",
            "shown": {"image": args["image"]},
            "timeout": 120,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=[image]),
    )


def _data(
    name: str,
    args: K3sServerArgs,
    image: pulumi.Resource,
    on_nas: pulumi.ResourceOptions,
    same: pulumi.Output[str],
) -> tuple[list[docker.ContainerMountArgs], pulumi.Resource]:
    """Mounts of the data, and the last of the resources that have to be there for them.

    One after the other, although they do not need each other: an sshd with few MaxStartups hangs up
    on connections that come at once (docker/compose#10117).

    Args:
        same: known once the place is the one of the first `up`.
    """
    directory = args["data_directory"]
    if directory is not None:
        made = args["nas"].script(
            f"{name}-data-directory",
            {
                "script": "data-directory.sh",
                "variables": {
                    "DIRECTORY": directory,
                    "STACK": args["stack"],
                    "CONTAINER": args["container_name"],
                    "KEEP": "yes" if args["keep_data"] else "no",
                },
                "shown": {"directory": same.apply(partial(_named, directory))},
                "create": "prepare",
                "delete": "remove",
                "timeout": 300,
            },
            pulumi.ResourceOptions(parent=on_nas.parent, depends_on=[image]),
        )
        sources: dict[str, pulumi.Input[str]] = dict(zip(_TARGETS, args["places"], strict=True))
        return _mounts("bind", sources), made
    keep = pulumi.ResourceOptions(retain_on_delete=args["keep_data"])
    last: pulumi.Resource = image
    sources = {}
    for target, part, volume in zip(_TARGETS, _PARTS, args["places"], strict=True):
        opts = pulumi.ResourceOptions.merge(keep, pulumi.ResourceOptions(depends_on=[last]))
        made_volume = docker.Volume(
            f"{name}-{part}",
            name=same.apply(partial(_named, volume)),
            opts=pulumi.ResourceOptions.merge(on_nas, opts),
        )
        sources[target] = made_volume.name
        last = made_volume
    return _mounts("volume", sources), last


def _same_place(args: K3sServerArgs, was: str) -> str:
    """The place, or the end of the run: preview, too, knows the one of the first `up`."""
    problem = data_place.moved(was, args["places"]) if args["place_certain"] else None
    if problem is not None:
        raise pulumi.RunError(str(RefusedError([problem])))
    return was


def _named(place: str, _same: str) -> str:
    return place


def _place_variables(args: K3sServerArgs) -> dict[str, str]:
    return dict(zip(("DATA_PLACE", "ETC_PLACE"), args["places"], strict=True))


def _snapshot(
    name: str,
    args: K3sServerArgs,
    parent: pulumi.Resource,
    after: pulumi.Resource,
    mark: pulumi.Output[str],
) -> pulumi.Resource:
    """What happens to the data before the container is replaced."""
    restore = args["restore_snapshot"]
    return args["nas"].script(
        f"{name}-snapshot",
        {
            "script": "data-snapshot.sh",
            "variables": {
                "CONTAINER": args["container_name"],
                **_place_variables(args),
                "IMAGE": args["image"],
                "VERSION": args["image_version"],
                "RESTORE": restore,
                "KEEP": str(SNAPSHOTS),
                "PAUSE_LIMIT": str(PAUSE_LIMIT),
                "STOP_GRACE": str(args["stop_grace"]),
                **label_variables(args["stack"]),
            },
            "create": "apply",
            "shown": {
                "image": args["image"],
                "drift": mark,
                **({"restore": restore} if restore else {}),
            },
            # Large data on slow disks; the server runs on meanwhile.
            "timeout": 900,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=[after]),
    )


def _labels(args: K3sServerArgs) -> pulumi.Output[list[docker.ContainerLabelArgs]]:
    # By its label the NAS itself can tell whether the container still is the one that we made.
    made_with = ",".join(f"{key}:{fingerprint(text)}" for key, text in sorted(args["env"].items()))
    labels = {STACK_LABEL: args["stack"], **({ENV_LABEL: made_with} if made_with else {})}
    # Of a short password, a fingerprint is nearly the password.
    return pulumi.Output.secret(
        [docker.ContainerLabelArgs(label=label, value=value) for label, value in labels.items()]
    )


def _other_cluster(cluster: ClusterIdentifier, identifier: str) -> str:
    """What another cluster adds to the container's trigger: none with data that is older than its
    identifier, whose container need not be replaced to get one."""
    return "" if identifier == cluster.first else f" {identifier}"


def _limited(args: K3sServerArgs) -> str:
    # Docker changes a limit of memory in place, and takes none for no change.
    return "" if args["memory"] is None else " limited"


def _mounts(kind: str, sources: Mapping[str, pulumi.Input[str]]) -> list[docker.ContainerMountArgs]:
    return [
        docker.ContainerMountArgs(type=kind, target=target, source=source)
        for target, source in sources.items()
    ]


def _leftovers(
    name: str, args: K3sServerArgs, parent: pulumi.Resource, after: pulumi.Resource
) -> pulumi.Resource:
    """What destroy does once the container is gone.

    Two resources, one for each network mode: when the mode changes, the old one is deleted after
    the container was replaced, and takes with it what the old container left.
    """
    keeps_volumes = args["keep_data"] and args["data_directory"] is None
    on_host = args["network_mode"] == "host"
    return args["nas"].script(
        f"{name}-network" if on_host else f"{name}-bridge",
        {
            "script": "host-cleanup.sh",
            "variables": {
                "IMAGE": args["image"],
                "CONTAINER": args["container_name"],
                "CLEANUP": script_source("host-cleanup-inside.sh"),
                "NETWORK_MODE": args["network_mode"],
                "STOP_GRACE": str(args["stop_grace"]),
                **label_variables(args["stack"]),
                "PLACES": " ".join(args["places"]),
                # A directory's own script tells of it.
                "KEEP": "yes" if keeps_volumes else "no",
            },
            "delete": "remove" if on_host else "tell",
            # It may have to stop a container that somebody made anew.
            "timeout": 150 + args["stop_grace"] + 120,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=[after]),
    )


def _ports(ports: Sequence[PublishedPort]) -> list[docker.ContainerPortArgs] | None:
    if not ports:
        return None
    return [
        docker.ContainerPortArgs(
            internal=port.inside, external=port.outside, protocol=port.protocol
        )
        for port in ports
    ]


def _uploads(args: K3sServerArgs) -> list[docker.ContainerUploadArgs]:
    # Always there, also when empty: the file lies in a volume and an old one would stay.
    uploads = [
        docker.ContainerUploadArgs(
            file=registries.PATH,
            content=pulumi.Output.secret(args["registries_yaml"]),
            permissions="0600",
        )
    ]
    uploads += [
        docker.ContainerUploadArgs(
            file=file, content=pulumi.Output.secret(content), permissions="0600"
        )
        for file, content in args["registry_files"].items()
    ]
    if args["ca_certificates"]:
        uploads.append(
            docker.ContainerUploadArgs(
                file=CA_PATH, content=args["ca_certificates"], permissions="0644"
            )
        )
    return uploads
