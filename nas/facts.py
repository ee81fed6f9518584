"""Facts: what the NAS is, read once over SSH by `scripts/facts.sh`, which changes nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from nas import fact_lines
from nas.fact_lines import DockerNetwork, Listener, Network, Route, Space, last, values_of
from nas.proxy_way import Way, WayQuestion, variables_of
from nas.remote_script import launched, render
from nas.settings import Settings, platform_variables
from nas.ssh import SshTarget

DEADLINE = 60.0
"""Seconds for the whole round trip; a NAS that sleeps takes a while to answer."""

OTHER_RUN_PATIENCE = 2
"""Seconds of them in which another run that is at work on the NAS may end."""

PULL_PROBE_TIMEOUT = 8
"""Seconds for the daemon's question to the image's registry, which nobody waits for longer."""

STACK_LABEL = "nas-k3s.stack"
"""Label of the k3s container: the stack that it belongs to."""
ENV_LABEL = "nas-k3s.env"
"""Label of the container: `NAME:md5,...` of the environment that it was made with."""

PAUSES = (0.5, 1.5, 3.0)
"""Seconds between tries when sshd hangs up before the login."""


@dataclass(frozen=True)
class Facts:
    """One NAS at one moment. Empty or None: not readable, or there is none.

    Attributes:
        uid, user: the account of SSH, which need not be the one that read this.
        sudo: `root` (needs none), `free`, `password` (took ours), or why there is none: `absent`,
            `needed`, `wrong`, `sudoers`, `tty`, `broken`; empty when not told.
        docker_access: how that account gets at Docker's socket: `direct`, `sudo` or `none`.
        socket: owner, group and mode of the socket.
        address: the address of the NAS that the SSH connection reached.
        http_proxy, https_proxy, no_proxy: what the running daemon uses; credentials are masked by
            Docker.
        dockerd_flags: proxy options on the running dockerd's command line, without dashes.
        proxy_file: the file that the proxy is written to.
        put: fingerprint of what stands there for the proxy, by whoever's hand.
        applied_put, applied_proxy, applied_no_proxy: what our last run left behind, if there was
            one and its record is still there.
        data_directory: the setting without symbolic links, where the NAS has them.
        data_directory_is: `absent`, `empty`, `ours`, `other` (another stack's), `file` or
            `foreign` (it holds somebody's files).
        data_fs: file system below the cluster's data, as `stat -f` names it.
        data_mount: device and mount point below the cluster's data.
        volumes: where disks of the NAS are mounted.
        container: state of the k3s container as Docker names it (`running`, `exited`, ...).
        container_port: the port of its API.
        container_network: its network mode.
        container_publishes: ports of the NAS that lead into it, `8080/tcp`.
        container_data: volume or directory of its data.
        container_tags: references of its image.
        ran_version, ran_image: what runs on the cluster's data, or was the last to, as noted there.
        restored: the snapshot of the data that was put back last.
        snapshots: names of the snapshots of the data, the newest first.
        env_changed: variables of the container that are not what our last run gave it.
        container_proxied: whether k3s has a proxy, or its containerd has: `yes`, or empty.
        own_container: name of the container that belongs to this stack, by its label.
        cluster_data: `there` or `none`; empty: not seen.
        cluster_emptied: when the place of data that is not there was last changed, in seconds since
            the epoch.
        cluster_id: which cluster the data says it is.
        kubeconfig: checksum of the certificates in the kubeconfig that k3s wrote.
        applied_kubeconfig: that of the one which our last run handed out.
        client_certificate: the client's certificates in it, PEM in base64.
        listeners: those who hold ports that we need.
        routes: what the NAS reaches without its default gateway.
        docker_networks: Docker's networks; docker_pools: where it takes new ones from, if the
            owner has set that.
        cgroup_memory: whether there are limits of memory: `yes` or `no`.
        kernel_lacks: features that the kernel's config says it does not have.
        kernel_may_lack: features that no module was found for.
        cpus: number of processors.
        container_flags: flag of k3s without dashes -> value, of those that its data depends on.
        made_with: the same of data that is there, with or without a container.
        token: fingerprint of the token that the cluster's data is encrypted with.
        running: number of running containers.
        no_restart_policy: running containers that Docker would not start again by itself.
        docker_space: of the file system below Docker's data.
        directory_space: of that below `dataDirectory`, None where that is not set.
        memory, memory_free: in KiB; free is what programs can still have.
        skew: seconds that its clock is ahead of this machine's.
        applied_time: when our last run noted what it left for the daemon's proxy.
        container_created: when Docker made the k3s container, as it writes times.
        measured: when a timeline was measured last.
        way: the way of an image through the proxy.
        image_missing: what the registry says that has no such image as the stack's.
        other_run: process of another run that was at work on the NAS meanwhile: what is told of
            Docker and its containers may be of a moment in the middle of it.
    """

    uid: int | None = None
    user: str = ""
    sudo: str = ""
    docker_access: str = ""
    socket: str = ""
    hostname: str = ""
    kernel: str = ""
    machine: str = ""
    time: int | None = None
    address: str = ""
    cgroup: int | None = None
    platform: str = ""
    docker: str = ""
    docker_on_path: str = ""
    config: str = ""
    engine: str = ""
    data_root: str = ""
    data_directory: str = ""
    data_directory_is: str = ""
    data_fs: str = ""
    data_mount: str = ""
    volumes: tuple[str, ...] = ()
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    dockerd_flags: tuple[str, ...] = ()
    proxy_file: str = ""
    put: str = ""
    applied_put: str = ""
    applied_proxy: str = ""
    applied_no_proxy: str = ""
    container: str = ""
    container_port: int | None = None
    container_network: str = ""
    container_publishes: tuple[str, ...] = ()
    container_data: str = ""
    container_tags: tuple[str, ...] = ()
    ran_version: str = ""
    ran_image: str = ""
    restored: str = ""
    snapshots: tuple[str, ...] = ()
    env_changed: tuple[str, ...] = ()
    container_proxied: str = ""
    own_container: str = ""
    cluster_data: str = ""
    cluster_emptied: int | None = None
    cluster_id: str = ""
    kubeconfig: str = ""
    applied_kubeconfig: str = ""
    client_certificate: str = ""
    listeners: tuple[Listener, ...] = ()
    routes: tuple[Route, ...] = ()
    docker_networks: tuple[DockerNetwork, ...] = ()
    docker_pools: tuple[Network, ...] = ()
    cgroup_memory: str = ""
    kernel_lacks: tuple[str, ...] = ()
    kernel_may_lack: tuple[str, ...] = ()
    cpus: int | None = None
    container_flags: Mapping[str, str] = field(default_factory=dict)
    made_with: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    running: int | None = None
    no_restart_policy: tuple[str, ...] = field(default=())
    docker_space: Space | None = None
    directory_space: Space | None = None
    memory: int | None = None
    memory_free: int | None = None
    skew: float | None = None
    applied_time: int | None = None
    container_created: str = ""
    measured: int | None = None
    way: Way = field(default_factory=Way)
    image_missing: str = ""
    other_run: int | None = None

    @property
    def ports_taken(self) -> tuple[int, ...]:
        """TCP ports that we need and something listens on."""
        taken = (one.port for one in self.listeners if one.protocol == "tcp")
        return tuple(dict.fromkeys(taken))


@dataclass(frozen=True)
class Unreadable:
    """Why there are no facts.

    Attributes:
        kind: `host-key` and `login` are faults of the config; `away` is a NAS that is off or
            out of reach; `tool` is a machine without an ssh program.
        reason: one line for the user.
        so_far: what the NAS had said when the time was over.
    """

    kind: Literal["host-key", "login", "away", "tool"]
    reason: str
    so_far: str = ""


def label_variables(stack: str) -> dict[str, str]:
    """Shell variables of the labels by which scripts know the stack's container."""
    return {"STACK_LABEL": f"{STACK_LABEL}={stack}", "ENV_LABEL": ENV_LABEL}


def parse_facts(text: str, question: WayQuestion | None = None) -> Facts:
    """Reads the lines of facts.sh; unknown names are left out.

    Args:
        question: what the proxy was asked; to be judged once.
    """
    values = values_of(text)

    def one(name: str) -> str:
        return last(values, name)

    def every(name: str) -> list[str]:
        return values.get(name, [])

    def number(name: str) -> int | None:
        return int(one(name)) if one(name).isdecimal() else None

    return Facts(
        uid=number("uid"),
        user=one("user"),
        sudo=one("sudo"),
        docker_access=one("docker_access"),
        socket=one("socket"),
        hostname=one("hostname"),
        kernel=one("kernel"),
        machine=one("machine"),
        time=number("time"),
        address=one("address"),
        cgroup=number("cgroup"),
        platform=one("platform"),
        docker=one("docker"),
        docker_on_path=one("docker_on_path"),
        config=one("config"),
        engine=one("engine"),
        data_root=one("data_root"),
        data_directory=one("data_directory"),
        data_directory_is=one("data_directory_is"),
        data_fs=one("data_fs"),
        data_mount=one("data_mount"),
        volumes=tuple(every("volume")),
        http_proxy=one("http_proxy"),
        https_proxy=one("https_proxy"),
        no_proxy=one("no_proxy"),
        dockerd_flags=tuple(every("dockerd_flag")),
        proxy_file=one("proxy_file"),
        put=one("put"),
        applied_put=one("applied_put"),
        applied_proxy=one("applied_proxy"),
        applied_no_proxy=one("applied_no_proxy"),
        container=one("container"),
        container_port=number("container_port"),
        container_network=one("container_network"),
        container_publishes=tuple(every("container_publishes")),
        container_data=one("container_data"),
        container_tags=tuple(every("container_tag")),
        ran_version=one("ran_version"),
        ran_image=one("ran_image"),
        restored=one("ran_restored"),
        snapshots=tuple(every("snapshot")),
        env_changed=tuple(every("env_changed")),
        container_proxied=one("container_proxied"),
        own_container=one("own_container"),
        cluster_data=one("cluster_data"),
        cluster_emptied=number("cluster_emptied"),
        cluster_id=one("cluster_id"),
        kubeconfig=one("kubeconfig"),
        applied_kubeconfig=one("applied_kubeconfig"),
        client_certificate=one("client_certificate"),
        listeners=fact_lines.listeners(every("listener")),
        routes=fact_lines.routes(every("route"), every("route6")),
        docker_networks=fact_lines.docker_networks(every("docker_network")),
        docker_pools=fact_lines.networks(every("docker_pool")),
        cgroup_memory=one("cgroup_memory"),
        kernel_lacks=tuple(every("kernel_lacks")),
        kernel_may_lack=tuple(every("kernel_may_lack")),
        cpus=number("cpus"),
        container_flags=_flags(every("container_flag")),
        made_with=_flags(every("made_with")),
        token=one("token"),
        running=number("running"),
        no_restart_policy=tuple(every("no_restart_policy")),
        docker_space=fact_lines.space(one("docker_space")),
        directory_space=fact_lines.space(one("directory_space")),
        memory=number("memtotal"),
        memory_free=number("memavailable"),
        applied_time=number("applied_time"),
        container_created=one("container_created"),
        measured=number("measured"),
        way=Way()
        if question is None
        else question.judge(one("way"), one("way_answer"), one("way_tls")),
        image_missing=one("image_missing"),
        other_run=number("other_run"),
    )


def _flags(lines: Sequence[str]) -> dict[str, str]:
    parts = [line.removeprefix("--").partition("=") for line in lines]
    return {flag: value for flag, _, value in parts}


def ssh_command(target: SshTarget, command: str) -> list[str]:
    """The argv that runs `command` on the NAS."""
    return [
        "ssh",
        "-T",
        *target.options,
        "-p",
        str(target.port),
        "-l",
        target.user,
        "--",
        target.host,
        command,
    ]


def read_facts(
    settings: Settings,
    target: SshTarget,
    ports: Sequence[int],
    deadline: float = DEADLINE,
    question: WayQuestion | None = None,
    patience: float = OTHER_RUN_PATIENCE,
) -> Facts | Unreadable:
    """One read-only SSH round trip. Never raises for a NAS that is off or refuses us.

    Args:
        ports: whose listeners to tell, TCP and UDP.
        question: what to ask the proxy; None: nothing, and no registry for the image either.
        patience: seconds in which another run that is at work on the NAS may end.
    """
    script = render(
        "facts.sh",
        {
            **platform_variables(settings),
            "CONTAINER": settings.container_name,
            **label_variables(settings.stack),
            "DATA_PLACE": settings.places[0],
            "ETC_PLACE": settings.places[1],
            "PORTS": " ".join(map(str, ports)),
            "DATA_DIRECTORY": settings.data_directory or "",
            "STACK": settings.stack,
            "IMAGE": "" if question is None else settings.image,
            "PULL_PROBE_TIMEOUT": str(PULL_PROBE_TIMEOUT),
            "OTHER_RUN_PATIENCE": str(int(patience)),
            **(variables_of(None) if question is None else question.variables),
        },
    )
    before = time.time()
    said = ask(target, "sh -s facts", launched(script, settings.sudo_password), deadline)
    if isinstance(said, Unreadable):
        return said
    found = parse_facts(said, question)
    return replace(found, skew=_skew(found.time, before, time.time()))


def _skew(there: int | None, before: float, after: float) -> float | None:
    """How far `there`, whole seconds, lies outside of the time in which it was asked for."""
    if there is None:
        return None
    return max(0.0, there - after) or min(0.0, there + 1 - before)


def ask(target: SshTarget, command: str, stdin: str, deadline: float) -> str | Unreadable:
    """Standard output of a read-only command on the NAS. Never raises for a NAS that is off."""
    command_line = ssh_command(target, command)
    until = time.monotonic() + deadline
    so_far = ""
    for pause in (*PAUSES, None):
        left = until - time.monotonic()
        try:
            done = subprocess.run(
                command_line, input=stdin, capture_output=True, text=True, timeout=left, check=False
            )
        except FileNotFoundError:
            return Unreadable("tool", "there is no ssh program on this machine; install OpenSSH")
        except subprocess.TimeoutExpired as late:
            # Bytes, whatever was asked for.
            so_far = late.stdout.decode(errors="replace") if isinstance(late.stdout, bytes) else ""
            break
        if done.returncode == 0:
            return done.stdout
        if pause is None or not _is_busy(done.stderr) or time.monotonic() + pause >= until:
            return _why(target, done.stderr, done.returncode)
        time.sleep(pause)
    return Unreadable(
        "away",
        f"no answer from {target.host}:{target.port} within {deadline:.0f} s",
        so_far,
    )


def _is_busy(stderr: str) -> bool:
    """Whether sshd hung up before the login, as it does when MaxStartups others are logging in."""
    return any(
        words in stderr
        for words in ("kex_exchange_identification", "Connection reset by", "Connection closed by")
    )


def _why(target: SshTarget, stderr: str, status: int) -> Unreadable:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else f"ssh ended with status {status}"
    where = f"{target.host}:{target.port}"
    if "HOST IDENTIFICATION HAS CHANGED" in stderr or "Host key verification failed" in stderr:
        return Unreadable("host-key", f"the host key of {where} is not the one that was pinned")
    if "Permission denied" in stderr or "Too many authentication failures" in stderr:
        return Unreadable("login", f"{where} does not let {target.user} in: {last}")
    if "Connection refused" in stderr:
        return Unreadable("away", f"{where} refused the connection: no SSH service listens there")
    if "banner exchange" in stderr or "invalid characters" in stderr or _is_busy(stderr):
        return Unreadable(
            "away", f"no SSH there: {where} is open but does not speak SSH, or is busy ({last})"
        )
    if any(words in stderr for words in _SILENCE):
        return Unreadable("away", f"no answer from {where}: {last}")
    return Unreadable("away", f"{where}: {last}")


_SILENCE = ("timed out", "No route to host", "Network is unreachable", "Host is down")
