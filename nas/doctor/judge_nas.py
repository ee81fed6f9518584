"""Checks of the NAS and its Docker daemon."""

from __future__ import annotations

from nas.checks.account import check_account
from nas.checks.docker import check_docker
from nas.checks.health import Trouble, check_clock, check_disk, check_memory
from nas.checks.kernel import check_kernel, kernel_warnings
from nas.checks.limits import check_limits
from nas.checks.networks import check_host_networks, network_warnings
from nas.checks.storage import check_storage, storage_warnings
from nas.doctor.evidence import Case
from nas.doctor.model import Command, Finding, ok, unknown
from nas.errors import Problem
from nas.facts import Facts
from nas.platforms import RESTART_UNIT, platform_named
from nas.preflight import check_operator_proxy


def up(case: Case) -> Command:
    """The command that makes the NAS as the stack says."""
    return Command("here", f"pulumi up --stack {case.settings.stack}")


def on_nas(case: Case, arguments: str) -> Command:
    """A docker command; the NAS's own shell need not have docker on its PATH."""
    docker = case.facts.docker if isinstance(case.facts, Facts) else ""
    return Command("nas", f"{docker or 'docker'} {arguments}")


def unread(case: Case) -> Finding:
    """Why something is not among what was read on the NAS."""
    if not case.nas.scratch:
        return unknown("no-scratch")
    return unknown("not-read") if case.nas.done else unknown("time")


def refused(leaf: str, problem: Problem) -> Finding:
    """What `up` would refuse, with the same words."""
    shown = {"setting": problem.key, "why": problem.why, "advice": problem.fix}
    return Finding("bad", leaf, shown)


def operator_proxy(case: Case) -> Finding:
    problems = check_operator_proxy(case.settings.host, case.here.environment)
    return refused("operator-proxy-in-the-way", problems[0]) if problems else ok("operator-proxy")


def ssh(case: Case) -> Finding:
    target = case.target
    if isinstance(case.facts, Facts):
        return ok("ssh", user=target.user, host=target.host, port=target.port)
    values = {
        "user": target.user,
        "host": target.host,
        "port": target.port,
        "reason": case.facts.reason,
    }
    if case.facts.kind == "host-key" and target.host_key is None:
        return Finding("bad", "ssh-not-pinned", values)
    return Finding("bad", f"ssh-{case.facts.kind}", values)


def account(case: Case) -> Finding:
    problems = check_account(case.settings, case.known)
    if not problems:
        return ok("account", user=case.known.user, uid=case.known.uid)
    if "sudoPassword" in case.unavailable:
        return unknown("secret", setting="sudoPassword", why=case.unavailable["sudoPassword"])
    return refused("account-refused", problems[0])


def _health(check: str, known: bool, trouble: Trouble | None) -> Finding:
    if trouble is not None:
        return Finding("bad" if trouble.grave else "warning", trouble.kind, trouble.values)
    return ok(check) if known else unknown("not-read")


def clock(case: Case) -> Finding:
    return _health("clock", case.known.skew is not None, check_clock(case.known))


def memory(case: Case) -> Finding:
    return _health("memory", case.known.memory_free is not None, check_memory(case.known))


def disk(case: Case) -> Finding:
    return _health("disk", case.known.docker_space is not None, check_disk(case.known))


def docker(case: Case) -> Finding:
    problems = check_docker(case.settings, case.known)
    if not problems:
        return ok("docker", path=case.known.docker, platform=case.known.platform)
    return refused("docker-missing" if case.known.platform else "docker-platform", problems[0])


def kernel(case: Case) -> Finding:
    problems = [
        *check_kernel(case.settings, case.known),
        *check_limits(case.settings, case.known),
    ]
    return _fits("kernel", problems, kernel_warnings(case.settings, case.known))


def storage(case: Case) -> Finding:
    return _fits(
        "storage",
        check_storage(case.settings, case.known),
        storage_warnings(case.settings, case.known),
    )


def networks(case: Case) -> Finding:
    return _fits(
        "networks",
        check_host_networks(case.settings, case.known),
        network_warnings(case.settings, case.known),
    )


def _fits(check: str, problems: list[Problem], warnings: list[str]) -> Finding:
    """What `up` would refuse or warn of, with the same words."""
    if problems:
        return refused(f"{check}-refused", problems[0])
    if warnings:
        return Finding("warning", f"{check}-warned", {"what": warnings[0]})
    return ok(check)


def docker_path(case: Case) -> Finding:
    if case.known.docker_on_path:
        return ok("docker-path", path=case.known.docker_on_path)
    return Finding("warning", "docker-path-missing", commands=(up(case),))


def daemon(case: Case) -> Finding:
    if case.known.other_run is not None:
        return unknown("other-run", process=case.known.other_run)
    if case.known.engine:
        return ok("daemon", engine=case.known.engine)
    command = _restart(case)
    return Finding("bad", "daemon-down", commands=(Command("nas", command),) if command else ())


def _restart(case: Case) -> str:
    if case.settings.daemon_restart_command:
        return case.settings.daemon_restart_command
    row = platform_named(case.known.platform)
    if row is None or row.restart == "false":
        return ""
    return f"systemctl restart {row.units[0]}" if row.restart == RESTART_UNIT else row.restart
