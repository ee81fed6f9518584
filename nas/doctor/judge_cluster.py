"""Checks of the k3s container and of the cluster in it."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping

from nas.certificates import RENEW_BEFORE
from nas.checks.container import check_container
from nas.checks.ports import check_ports
from nas.daemon_routes import fingerprint
from nas.doctor.evidence import Case, Waiting
from nas.doctor.judge_nas import on_nas, refused, unread, up
from nas.doctor.judge_pull import without_proxy
from nas.doctor.model import Command, Finding, ok, unknown
from nas.errors import set_command
from nas.k3s_log import ARGUMENTS, known_fatal
from nas.proxy import is_bypassed

PULL_REASONS = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "RegistryUnavailable")
NO_SUCH_IMAGE = re.compile(r"not found|manifest unknown|InvalidImageName|couldn't parse image")


def ports(case: Case) -> Finding:
    """Whether something else listens where k3s has to."""
    if case.nas.ports is None:
        return unread(case)
    others = [user for user in case.nas.ports if not user.own]
    # Who restarts has no process at this moment; what listens is then somebody else's.
    if not others:
        named = [
            problem
            for problem in check_ports(case.settings, case.known)
            if "Kubernetes itself" in problem.why
        ]
        return refused("ports-refused", named[0]) if named else ok("ports")
    first = others[0]
    values = {"port": first.port, "program": first.program or "?", "pid": first.pid or "?"}
    return Finding(
        "bad", "ports-taken", values, (on_nas(case, f"restart {case.settings.container_name}"),)
    )


def container(case: Case) -> Finding:
    """Whether k3s runs."""
    nas, name = case.nas, case.settings.container_name
    problems = check_container(case.settings, case.known)
    if problems:
        return refused("container-refused", problems[0])
    if nas.absent:
        get = () if nas.image else (on_nas(case, f"pull {case.settings.image}"),)
        return Finding("bad", "container-absent", {"name": name}, (*get, up(case)))
    found = nas.container
    if found is None:
        return unread(case)
    values = {
        "name": name,
        "status": found.status,
        "code": found.exit_code,
        "restarts": found.restarts,
        "line": found.error or (nas.log[-1] if nas.log else "-"),
    }
    if found.status == "running":
        return ok("container", **values)
    if found.out_of_memory:
        return Finding("bad", "container-out-of-memory", values, (on_nas(case, f"start {name}"),))
    if found.status == "restarting":
        return Finding("bad", "container-restarting", values)
    if found.status == "paused":
        return Finding("bad", "container-paused", values, (on_nas(case, f"unpause {name}"),))
    return Finding("bad", "container-stopped", values, (on_nas(case, f"start {name}"),))


def logs(case: Case) -> Finding:
    """What k3s itself says, where it does not do its work."""
    nas = case.nas
    if nas.absent:
        return unknown("no-container", name=case.settings.container_name)
    if nas.container is None:
        return unread(case)
    works = nas.container.status == "running" and nas.api == "ok"
    found = known_fatal(nas.log)
    # A kubelet that ends at each start leaves the API some seconds in which it answers.
    if works and not (found and found[0] in ARGUMENTS and nas.container.restarts):
        return ok("logs")
    if found is None:
        return ok("logs-nothing-known", line=nas.log[-1] if nas.log else "-")
    leaf, line = found
    return Finding("bad", leaf, {"line": line, "name": case.settings.container_name})


def _no_container(case: Case) -> Finding:
    """What is said of a container that is not there, or that nobody came to ask for."""
    if not case.nas.absent:
        return unread(case)
    return unknown("no-container", name=case.settings.container_name)


def restart_policy(case: Case) -> Finding:
    """Whether k3s comes back after a reboot."""
    name = case.settings.container_name
    if case.nas.container is None:
        return _no_container(case)
    policy = case.nas.container.policy
    if policy in ("always", "unless-stopped"):
        return ok("restart-policy", policy=policy)
    again = on_nas(case, f"update --restart always {name}")
    return Finding("warning", "restart-policy-none", {"policy": policy or "no"}, (again,))


def environment(case: Case) -> Finding:
    """Whether the container was given HTTP_PROXY (Fix 2)."""
    settings, nas = case.settings, case.nas
    if nas.container is None:
        return _no_container(case)
    if case.daemon is None:
        return without_proxy(case, "env-none")
    wanted = {key: text for key, text in case.environment.items() if "NO_PROXY" not in key}
    if not wanted:
        if not any(_pulls_badly(pod) for pod in nas.waiting):
            return ok("env-none")
        everything = Command("here", f"{set_command('proxyScope', 'all')} --stack {settings.stack}")
        return Finding("bad", "env-scope", {}, (everything, up(case)), 2)
    values = {"names": ", ".join(wanted), "name": settings.container_name}
    missing = [key for key in wanted if key not in nas.environment]
    if missing:
        values["names"] = ", ".join(missing)
        return Finding("bad", "env-missing", values, _anew(case), 2)
    if "proxy" in case.unavailable or "proxyPassword" in case.unavailable:
        return ok("env", **values)
    if any(nas.sums.get(key) != fingerprint(text) for key, text in wanted.items()):
        return Finding("bad", "env-other", values, _anew(case), 2)
    return ok("env", **values)


def _anew(case: Case) -> tuple[Command, ...]:
    """The container is made anew by the next up; the cluster's data lies in volumes."""
    settings = case.settings
    if case.known.own_container == settings.container_name and settings.drift != "off":
        return (up(case),)
    # One that up cannot know, or is told not to look at, has its name.
    return (on_nas(case, f"rm -f {settings.container_name}"), up(case))


def no_proxy(case: Case) -> Finding:
    """Whether what has to go past the proxy does (Fix 3)."""
    if case.nas.container is None:
        return _no_container(case)
    name = next((key for key in case.environment if key.endswith("NO_PROXY")), "")
    if not name:
        return without_proxy(case, "env-none")
    found = case.nas.environment.get(name, "")
    if not found:
        return Finding("bad", "no-proxy-missing", {"name": name}, _anew(case), 3)
    through = [
        f"{host} ({what})" for host, what in _inside(case).items() if not is_bypassed(host, found)
    ]
    if through:
        values = {"name": name, "hosts": ", ".join(through)}
        return Finding("bad", "no-proxy-short", values, _anew(case), 3)
    wanted = case.environment[name]
    if case.lists_known and set(found.split(",")) != set(wanted.split(",")):
        # As after a change of noProxy, and after an up that ended before it came to the container.
        values = {"name": name, "list": found, "wanted": wanted}
        return Finding("warning", "no-proxy-other", values, _anew(case))
    return ok("no-proxy", name=name)


def _inside(case: Case) -> Mapping[str, str]:
    """What k3s has to reach without the proxy -> what that is."""
    settings = case.settings

    def first(block: str) -> str:
        return str(ipaddress.ip_network(block, strict=False)[1])

    hosts = {
        first(settings.cluster_cidr): "clusterCidr",
        first(settings.service_cidr): "serviceCidr",
        f"kubernetes.default.svc.{settings.cluster_domain}": "clusterDomain",
    }
    if case.node_ip:
        hosts[case.node_ip] = "nodeIp"
    return hosts


def api(case: Case) -> Finding:
    """Whether the Kubernetes API answers, on the NAS and from here."""
    nas, settings = case.nas, case.settings
    values = {
        "server": f"{settings.host}:{settings.api_port}",
        "said": nas.api,
        "here": case.here.api,
    }
    if not nas.api:
        return unread(case)
    if nas.api != "ok":
        return Finding("bad", "api-down", values)
    if case.here.api == "silent":
        return Finding("bad", "api-silent-here", values)
    if case.here.api not in ("open", ""):
        return Finding("bad", "api-fails-here", values)
    return ok("api", **values)


def node(case: Case) -> Finding:
    """Whether the node is registered and Ready, at the version asked for."""
    parts = case.nas.node
    values = {"node": case.node_name, "wanted": case.kubelet_version}
    if not parts:
        return unread(case)
    if len(parts) < 4:
        return Finding("bad", "node-missing", {**values, "said": parts[0]})
    status, reason, version = parts[0], f"{parts[1]}: {'|'.join(parts[2:-1])}", parts[-1]
    if status != "True":
        return Finding("bad", "node-not-ready", {**values, "said": reason})
    if case.kubelet_version and version != case.kubelet_version:
        return Finding("warning", "node-version", {**values, "version": version}, (up(case),))
    return ok("node", **values, version=version)


def certificates(case: Case) -> Finding:
    """When the first of k3s's certificates ends."""
    if not case.nas.certificates:
        return unread(case)
    file, first = min(case.nas.certificates.items(), key=lambda pair: pair[1].not_after)
    days = int((first.not_after.timestamp() - case.now) // 86400)
    values = {"file": file, "days": days, "end": f"{first.not_after:%Y-%m-%d}"}
    again = (on_nas(case, f"restart {case.settings.container_name}"),)
    if days < 0:
        return Finding("bad", "certificates-ended", {**values, "days": -days}, again)
    if days < RENEW_BEFORE.days:
        return Finding("warning", "certificates-near-end", values, again)
    return ok("certificates", **values)


def _pulls_badly(pod: Waiting) -> bool:
    sandbox = "sandbox" in pod.reason.lower() and "image" in pod.message
    failed = pod.reason == "Failed" and "pull" in pod.message
    return pod.reason in PULL_REASONS or sandbox or failed


def pods(case: Case) -> Finding:
    """Whether pods wait for images that do not come, or for something else."""
    if case.nas.api != "ok":
        return unread(case)
    pulling = [pod for pod in case.nas.waiting if _pulls_badly(pod)]
    # Somebody's typo in one of them must not hide what keeps the others.
    stuck = [pod for pod in pulling if not NO_SUCH_IMAGE.search(f"{pod.reason} {pod.message}")]
    if stuck:
        return Finding("bad", "pods-cannot-pull", _of(stuck[0], len(stuck)))
    if pulling:
        return Finding("warning", "pods-no-such-image", _of(pulling[0], len(pulling)))
    for pod in case.nas.waiting:
        if pod.reason not in ("", "ContainerCreating", "PodInitializing"):
            return Finding("warning", "pods-waiting", _of(pod, len(case.nas.waiting)))
    return ok("pods")


def _of(pod: Waiting, count: int) -> dict[str, object]:
    return {
        "pod": pod.name,
        "image": pod.image or "-",
        "reason": pod.reason,
        "message": pod.message or "-",
        "count": count,
    }


def dns(case: Case) -> Finding:
    """Whether CoreDNS is up and a name of the cluster resolves."""
    if "coredns" in case.settings.disable:
        return ok("dns-disabled")
    if case.nas.coredns is None:
        return unread(case)
    if case.nas.coredns == 0:
        return Finding("bad", "dns-coredns-down")
    if not case.nas.lookup:
        return unread(case)
    if case.nas.lookup != "ok":
        return Finding("bad", "dns-no-answer", {"said": case.nas.lookup})
    return ok("dns")


def smoke(case: Case) -> Finding:
    """Whether the smoke test's Job came to its end."""
    if case.nas.smoke is None:
        return unread(case)
    jobs = [job.split("|") for job in case.nas.smoke.split(";") if job]
    values = {"image": json.dumps(case.settings.smoke_image)}
    if any(job[0].isdecimal() and int(job[0]) > 0 for job in jobs):
        return ok("smoke", **values)
    if not jobs:
        return Finding("warning", "smoke-missing", values, (up(case),))
    return Finding("bad", "smoke-failed", values)
