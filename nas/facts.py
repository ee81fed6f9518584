"""Facts: what the NAS is, read once over SSH by `scripts/facts.sh`, which changes nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from nas.remote_script import launched, render
from nas.settings import Settings, platform_variables
from nas.ssh import SshTarget

DEADLINE = 60.0
"""Seconds for the whole round trip; a NAS that sleeps takes a while to answer."""

STACK_LABEL = "nas-k3s.stack"
"""Label of the k3s container: the stack that it belongs to."""

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
        data_fs: file system below Docker's data, as `stat -f` names it.
        container: state of the k3s container as Docker names it (`running`, `exited`, ...).
        container_port: the port of its API.
        own_container: name of the container that belongs to this stack, by its label.
        cluster_data: `there` or `none`; empty: not seen.
        cluster_id: which cluster the data says it is.
        kubeconfig: checksum of the certificates in the kubeconfig that k3s wrote.
        applied_kubeconfig: that of the one which our last run handed out.
        client_certificate: the client's certificates in it, PEM in base64.
        ports_taken: those of the ports we need that something listens on.
        running: number of running containers.
        no_restart_policy: running containers that Docker would not start again by itself.
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
    storage_driver: str = ""
    data_root: str = ""
    data_fs: str = ""
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
    own_container: str = ""
    cluster_data: str = ""
    cluster_id: str = ""
    kubeconfig: str = ""
    applied_kubeconfig: str = ""
    client_certificate: str = ""
    ports_taken: tuple[int, ...] = ()
    running: int | None = None
    no_restart_policy: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Unreadable:
    """Why there are no facts.

    Attributes:
        kind: `host-key` and `login` are faults of the config; `away` is a NAS that is off or
            out of reach; `tool` is a machine without an ssh program.
        reason: one line for the user.
    """

    kind: Literal["host-key", "login", "away", "tool"]
    reason: str


def parse_facts(text: str) -> Facts:
    """Reads the `name=value` lines of facts.sh; unknown names are left out."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and value:
            values.setdefault(name, []).append(value)

    def one(name: str) -> str:
        return values.get(name, [""])[-1]

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
        storage_driver=one("storage_driver"),
        data_root=one("data_root"),
        data_fs=one("data_fs"),
        http_proxy=one("http_proxy"),
        https_proxy=one("https_proxy"),
        no_proxy=one("no_proxy"),
        dockerd_flags=tuple(values.get("dockerd_flag", [])),
        proxy_file=one("proxy_file"),
        put=one("put"),
        applied_put=one("applied_put"),
        applied_proxy=one("applied_proxy"),
        applied_no_proxy=one("applied_no_proxy"),
        container=one("container"),
        container_port=number("container_port"),
        own_container=one("own_container"),
        cluster_data=one("cluster_data"),
        cluster_id=one("cluster_id"),
        kubeconfig=one("kubeconfig"),
        applied_kubeconfig=one("applied_kubeconfig"),
        client_certificate=one("client_certificate"),
        ports_taken=tuple(int(port) for port in values.get("port_taken", []) if port.isdecimal()),
        running=number("running"),
        no_restart_policy=tuple(values.get("no_restart_policy", [])),
    )


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
    settings: Settings, target: SshTarget, ports: Sequence[int], deadline: float = DEADLINE
) -> Facts | Unreadable:
    """One read-only SSH round trip. Never raises for a NAS that is off or refuses us."""
    script = render(
        "facts.sh",
        {
            **platform_variables(settings),
            "CONTAINER": settings.container_name,
            "STACK_LABEL": f"{STACK_LABEL}={settings.stack}",
            "DATA_VOLUME": settings.data_volume,
            "ETC_VOLUME": settings.etc_volume,
            "PORTS": " ".join(str(port) for port in ports),
        },
    )
    stdin = launched(script, settings.sudo_password)
    command = ssh_command(target, "sh -s facts")
    until = time.monotonic() + deadline
    for pause in (*PAUSES, None):
        left = until - time.monotonic()
        try:
            done = subprocess.run(
                command, input=stdin, capture_output=True, text=True, timeout=left, check=False
            )
        except FileNotFoundError:
            return Unreadable("tool", "there is no ssh program on this machine; install OpenSSH")
        except subprocess.TimeoutExpired:
            break
        if done.returncode == 0:
            return parse_facts(done.stdout)
        if pause is None or not _is_busy(done.stderr) or time.monotonic() + pause >= until:
            return _why(target, done.stderr, done.returncode)
        time.sleep(pause)
    return Unreadable(
        "away",
        f"no answer from {target.host}:{target.port} within {deadline:.0f} s",
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
