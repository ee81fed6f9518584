"""The troubleshooting tree: its checks, from causes to consequences, and what follows from them.

docker pull works?  no -> proxy in the daemon's config?  no -> Fix 1
                                                         yes -> proxy, firewall, registry
                    yes -> k3s runs?  no -> ports, its log
                           pods ImagePullBackOff?  HTTP_PROXY in the container?  no -> Fix 2
                                                   NO_PROXY in it?               no -> Fix 3
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from nas.checks.proxy import refused_obstacle
from nas.doctor import judge_cluster as cluster
from nas.doctor import judge_nas as nas
from nas.doctor import judge_pull as pull
from nas.doctor.evidence import Case
from nas.doctor.model import EXIT_CODES, Check, Finding, Verdict, unknown

SECTIONS = ("nas", "docker", "pull", "k3s", "cluster")

_SPACE = ("disk", "memory")
_FITS = ("kernel", "storage", "networks")
_PROXY = ("clock", "firewall", "proxy", "proxy-login", "registries", "tls")
_K3S = ("ports", "logs", "container")

CHECKS: tuple[Check, ...] = (
    Check("operator-proxy", "nas", nas.operator_proxy),
    Check("ssh", "nas", nas.ssh),
    Check("account", "nas", nas.account, "ssh", ("ssh",)),
    Check("clock", "nas", nas.clock, "ssh", ("ssh",)),
    Check("memory", "nas", nas.memory, "ssh", ("ssh",)),
    Check("docker", "docker", nas.docker, "account", ("ssh",)),
    Check("daemon", "docker", nas.daemon, "docker", ("account", "docker")),
    Check("disk", "nas", nas.disk, "daemon", ("daemon",)),
    Check("kernel", "nas", nas.kernel, "daemon", ("daemon",)),
    Check("storage", "nas", nas.storage, "daemon", ("daemon",)),
    Check("networks", "nas", nas.networks, "daemon", ("daemon",)),
    Check("daemon-config", "pull", pull.daemon_config, "pull", ("daemon",)),
    Check(
        "daemon-proxy", "pull", pull.daemon_proxy, "daemon-config", ("daemon",), ("daemon-config",)
    ),
    Check("firewall", "pull", pull.firewall, "daemon-proxy", ("ssh",)),
    Check("proxy", "pull", pull.proxy, "daemon-proxy", ("ssh",), ("firewall",)),
    Check("proxy-login", "pull", pull.proxy_login, "proxy", ("proxy",)),
    Check("registries", "pull", pull.registries, "proxy-login", ("proxy", "proxy-login")),
    Check("tls", "pull", pull.tls, "registries", ("registries",), ("clock",)),
    Check(
        "pull",
        "pull",
        pull.pull,
        "daemon",
        ("daemon",),
        (*_SPACE, "daemon-config", "daemon-proxy", *_PROXY),
    ),
    Check("image", "pull", pull.image, "pull", ("daemon",)),
    Check("ports", "k3s", cluster.ports, "container", ("daemon",)),
    Check(
        "logs", "k3s", cluster.logs, "container", ("daemon",), (*_SPACE, *_FITS, "clock", "ports")
    ),
    Check(
        "container",
        "k3s",
        cluster.container,
        "pull",
        ("daemon",),
        (*_SPACE, *_FITS, "image", "ports", "logs"),
    ),
    Check("certificates", "k3s", cluster.certificates, "container", ("container",), ("clock",)),
    Check("restart-policy", "k3s", cluster.restart_policy, "container", ("daemon",)),
    Check("env", "k3s", cluster.environment, "pods", ("daemon",)),
    Check("no-proxy", "k3s", cluster.no_proxy, "env", ("env",)),
    Check(
        "api",
        "cluster",
        cluster.api,
        "container",
        ("container",),
        (*_SPACE, "clock", *_K3S, "certificates"),
    ),
    Check(
        "node",
        "cluster",
        cluster.node,
        "api",
        ("api",),
        (*_SPACE, "clock", *_PROXY, "env", "no-proxy", "api"),
    ),
    Check(
        "pods",
        "cluster",
        cluster.pods,
        "container",
        ("api",),
        (*_SPACE, *_PROXY, "pull", "env", "no-proxy", "node"),
    ),
    Check(
        "dns",
        "cluster",
        cluster.dns,
        "node",
        ("api",),
        # Without its image CoreDNS waits, whatever Kubernetes says of its pod.
        (*_SPACE, *_PROXY, "pull", "env", "no-proxy", "node", "pods"),
    ),
    Check("smoke", "cluster", cluster.smoke, "pods", ("api",), ("env", "no-proxy", "pods", "dns")),
    Check("docker-path", "docker", nas.docker_path, "docker", ("docker",)),
)
"""In the order in which they are judged and blamed: each stands behind all that may explain it."""

_BY_ID: Mapping[str, Check] = {check.id: check for check in CHECKS}
_WORST_FIRST: tuple[Verdict, ...] = ("bad", "unknown", "warning", "ok")


@dataclass(frozen=True)
class Diagnosis:
    """The whole tree, judged.

    Attributes:
        findings: check -> what it found, in the order of CHECKS.
        primary: the check whose leaf is to be mended first, None when all is well or nothing of
            what is not well can be told.
        path: the way through the tree to the primary one, that one last.
        causes: check with trouble -> the check whose trouble explains it.
    """

    findings: Mapping[str, Finding]
    primary: str | None
    path: tuple[str, ...]
    causes: Mapping[str, str]

    @property
    def verdict(self) -> Verdict:
        """The worst of all; what could not be asked because of something bad does not count."""
        found = {finding.verdict for finding in self.findings.values()}
        return next(verdict for verdict in _WORST_FIRST if verdict in found)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def diagnose(case: Case) -> Diagnosis:
    """Asks every check that can be asked, and finds the one trouble that explains the most."""
    findings: dict[str, Finding] = {}
    for check in CHECKS:
        missing = next((need for need in check.needs if not _holds(findings[need])), None)
        findings[check.id] = (
            check.judge(case) if missing is None else unknown("needs", check=missing)
        )
    primary = _first(findings, "bad") or _first(findings, "warning")
    if primary is not None and findings[primary].commands == (nas.up(case),):
        primary = _refused(case, findings) or primary
    return Diagnosis(
        findings,
        primary,
        tuple(reversed([primary, *_above(primary)])) if primary else (),
        dict(_causes(findings)),
    )


def masked_diagnosis(found: Diagnosis, secrets: tuple[str, ...]) -> Diagnosis:
    """The same without what must not be shown, wherever it got into the evidence."""

    def masked(value: object) -> object:
        text = str(value)
        for secret in secrets:
            text = text.replace(secret, "[secret]")
        return text

    findings = {
        check: replace(finding, values={key: masked(v) for key, v in finding.values.items()})
        for check, finding in found.findings.items()
    }
    return replace(found, findings=findings)


def _holds(finding: Finding) -> bool:
    return finding.verdict in ("ok", "warning")


def _first(findings: Mapping[str, Finding], verdict: Verdict) -> str | None:
    return next((check for check, found in findings.items() if found.verdict == verdict), None)


def _refused(case: Case, findings: Mapping[str, Finding]) -> str | None:
    """The check whose trouble `up` would be refused for, which mends nothing until then."""
    obstacle = refused_obstacle(case.settings, case.known, case.daemon)
    if obstacle is None:
        return None
    leaf = (obstacle.leaf, "bad")
    return next((key for key, one in findings.items() if (one.leaf, one.verdict) == leaf), None)


def _above(check: str) -> Iterator[str]:
    while check := _BY_ID[check].under:
        yield check


def _causes(findings: Mapping[str, Finding]) -> Iterator[tuple[str, str]]:
    for check in CHECKS:
        if findings[check.id].verdict == "bad":
            cause = next((one for one in check.after if findings[one].verdict == "bad"), None)
            if cause is not None:
                yield check.id, cause
