"""The evidence that checks judge: settings, the NAS as it was read, what is seen from here.

Everything is plain data: a check that is given the same evidence finds the same.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from nas.certificate_reader import Certificate, read_certificate
from nas.daemon_proxy import DaemonProxy
from nas.fact_lines import last, values_of
from nas.facts import Facts, Unreadable
from nas.settings import Settings
from nas.ssh import SshTarget

_OF_LISTS = frozenset(
    {"clusterCidr", "clusterDomain", "lanCidr", "noProxy", "registries", "serviceCidr"}
)


@dataclass(frozen=True)
class Container:
    """The k3s container, as `docker inspect` describes it."""

    status: str
    exit_code: int = 0
    out_of_memory: bool = False
    restarts: int = 0
    policy: str = "always"
    network: str = "host"
    error: str = ""


@dataclass(frozen=True)
class PortUser:
    """Who listens on a port; `own`: a process of the k3s container."""

    port: int
    own: bool
    program: str = ""
    pid: str = ""


@dataclass(frozen=True)
class Waiting:
    """A pod that does not run, with what its container or an event of it says."""

    name: str
    phase: str
    image: str = ""
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class OnNas:
    """What `scripts/doctor.sh` read. None or empty: could not be read, or was not reached.

    Attributes:
        done: it came to its end.
        scratch: it had room for its notes in /tmp of the NAS.
        shell_proxy: the proxy in the environment of SSH's shell, login masked.
        proxy: what a connection to the proxy came to: `open`, `refused`, `silent`, `unreachable`,
            `unknown-name`, or what nc said.
        rules: rules of the NAS's own firewall that are about the proxy.
        connects: registry -> first line of the proxy's answer to CONNECT.
        direct: host:port reached without the proxy -> as `proxy`.
        pull: hop that fails when the daemon asks for the image's manifest, `ok`, or `unknown`.
        image: whether the k3s image is in Docker's store.
        absent: there is no k3s container.
        environment: the proxy variables of the container, login masked.
        sums: their values as fingerprints.
        api: `ok` or what kubectl said.
        node: status, reason, message of its condition Ready, and kubelet's version; else one item,
            what kubectl said.
        lookup: `ok`, or what nslookup said of a name of the cluster.
    """

    done: bool = False
    scratch: bool = True
    nc: bool = True
    shell_proxy: str = ""
    proxy: str = ""
    rules: tuple[str, ...] = ()
    connects: Mapping[str, str] = field(default_factory=dict)
    direct: Mapping[str, str] = field(default_factory=dict)
    pull: str = ""
    pull_message: str = ""
    image: bool | None = None
    absent: bool = False
    container: Container | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)
    log: tuple[str, ...] = ()
    ports: tuple[PortUser, ...] | None = None
    api: str = ""
    node: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    coredns: int | None = None
    smoke: str | None = None
    lookup: str = ""
    certificates: Mapping[str, Certificate] = field(default_factory=dict)


@dataclass(frozen=True)
class Here:
    """What is seen from this machine.

    Attributes:
        api: of the Kubernetes API's port: `open`, `refused`, `silent`, or an error; empty: not
            tried.
        environment: this machine's proxy variables.
    """

    api: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One NAS at one moment.

    Attributes:
        unavailable: settings whose values are encrypted and could not be read, with the reason.
        now: this machine's clock, seconds since the epoch.
        daemon: what the Docker daemon has to be told about the proxy.
        environment: the proxy variables that the stack gives to the k3s container, in plain text.
    """

    settings: Settings
    target: SshTarget
    facts: Facts | Unreadable
    nas: OnNas
    here: Here
    now: float
    registries: tuple[str, ...] = ()
    node_name: str = ""
    node_ip: str | None = None
    kubelet_version: str = ""
    daemon: DaemonProxy | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    unavailable: Mapping[str, str] = field(default_factory=dict)

    @property
    def known(self) -> Facts:
        """The facts. Only checks that need SSH ask for them."""
        assert isinstance(self.facts, Facts)
        return self.facts

    @property
    def lists_known(self) -> bool:
        """Whether all settings could be read of which the lists of what is spared are made."""
        return _OF_LISTS.isdisjoint(self.unavailable)


def parse_on_nas(text: str) -> OnNas:
    """Reads the lines of doctor.sh, also those of a run that was cut off."""
    values = values_of(text)

    def one(name: str) -> str:
        return last(values, name)

    def pairs(name: str, separator: str = "|") -> dict[str, str]:
        found = (line.partition(separator) for line in values.get(name, []))
        return {key: value for key, _, value in found}

    hop, _, message = one("pull").partition("|")
    state = one("state")
    return OnNas(
        done="done" in values,
        scratch=one("scratch") != "none",
        nc=one("nc") != "absent",
        shell_proxy=one("shell_proxy"),
        proxy=one("proxy"),
        rules=tuple(values.get("rule", [])),
        connects=pairs("connect"),
        direct=pairs("direct"),
        pull=hop,
        pull_message=message,
        image={"present": True, "missing": False}.get(one("image")),
        absent=state == "absent",
        container=None if state in ("", "absent") else _container(state),
        environment=pairs("env", "="),
        sums=pairs("env_sum", "="),
        log=tuple(values.get("log", [])),
        ports=tuple(map(_port, values.get("port", []))) if "ports_read" in values else None,
        api=one("api"),
        node=tuple(one("node").split("|")) if one("node") else (),
        waiting=_waiting(values.get("pod", []), values.get("event", [])),
        coredns=_number(one("coredns") or "0") if one("api") == "ok" else None,
        smoke=one("smoke") if one("api") == "ok" else None,
        lookup=one("lookup"),
        certificates=_certificates(pairs("certificate")),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _container(text: str) -> Container:
    parts = [*text.split("|", 8), *[""] * 9]
    return Container(
        status=parts[0],
        exit_code=_number(parts[1]) or 0,
        out_of_memory=parts[2] == "true",
        restarts=_number(parts[3]) or 0,
        policy=parts[5],
        network=parts[6],
        error=parts[8],
    )


def _port(text: str) -> PortUser:
    port, whose, program, pid = [*text.split("|"), "", "", ""][:4]
    return PortUser(_number(port) or 0, whose == "k3s", program, pid)


def _waiting(pods: list[str], events: list[str]) -> tuple[Waiting, ...]:
    said: dict[str, tuple[str, str]] = {}
    for line in events:
        _, namespace, name, reason, message = [*line.split("|", 4), *[""] * 5][:5]
        said[f"{namespace}/{name}"] = (reason, message)
    found = []
    for line in pods:
        namespace, pod, phase, image, reason, message = [*line.split("|", 5), *[""] * 6][:6]
        name = f"{namespace}/{pod}"
        if name in said and reason in ("", "ContainerCreating", "PodInitializing"):
            reason, message = said[name]
        found.append(Waiting(name, phase, image, reason, message))
    return tuple(found)


def _certificates(texts: Mapping[str, str]) -> dict[str, Certificate]:
    found = {}
    for name, text in texts.items():
        try:
            found[name] = read_certificate(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue  # being written anew at this moment
    return found
