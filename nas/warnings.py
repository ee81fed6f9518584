"""What the user is told before anything happens, and what does not stop a run."""

from __future__ import annotations

from nas import kubelet_args
from nas.checks.data import changed_domain
from nas.checks.health import find_troubles
from nas.checks.kernel import kernel_warnings
from nas.checks.networks import network_warnings
from nas.checks.proxy import proxy_warnings
from nas.checks.storage import storage_warnings
from nas.checks.upgrade import announced, unchecked_upgrade
from nas.daemon_proxy import DaemonProxy, choice_for, daemon_differs
from nas.drift import Drift
from nas.facts import Facts, Unreadable
from nas.kubelet_flags import LINE
from nas.messages import text
from nas.other_run import at_work
from nas.registry_checks import registry_warnings
from nas.settings import Settings
from nas.versions import image_version


def find_warnings(
    settings: Settings, facts: Facts | Unreadable, daemon: DaemonProxy | None, drift: Drift
) -> tuple[str, ...]:
    """One line each."""
    if isinstance(facts, Unreadable):
        return (f"the NAS was not read ({facts.reason}): the plan is made without its facts",)
    warnings = [*registry_warnings(settings.registries), *_unknown_arguments(settings)]
    if facts.machine and facts.machine not in ("x86_64", "aarch64", "armv7l"):
        warnings.append(f"k3s has no image for {facts.machine}")
    if facts.other_run is not None:
        warnings.append(
            f"{at_work(facts.other_run)}, which `up` waits for: Docker may be in the middle of it"
        )
    elif facts.docker and not facts.engine:
        warnings.append(
            "Docker on the NAS does not answer, so nothing there can be changed: start it first"
        )
    for trouble in find_troubles(facts):
        seen = text(f"doctor.{trouble.kind}.seen", "en", **trouble.values)
        fix = text(f"doctor.{trouble.kind}.fix", "en", **trouble.values)
        warnings.append(f"{seen}: {fix}")
    warnings += kernel_warnings(settings, facts)
    warnings += storage_warnings(settings, facts)
    warnings += network_warnings(settings, facts)
    warnings += proxy_warnings(settings, facts, daemon)
    if drift:
        clauses = "; ".join(drift.clauses)
        warnings.append(f"changed on the NAS since the last up, which `up` heals: {clauses}")
    for clause in drift.renewal:
        warnings.append(f"{clause}, and the pods in the cluster with it")
    if daemon is not None and daemon_differs(facts, daemon):
        choice = choice_for(facts, daemon)
        if choice is not None and choice.notice:
            warnings.append(choice.notice)
        # What its owner wrote there by hand stays as it is.
        if choice is None or choice.route != "none":
            warnings.append(_blast_radius(settings, facts, "for its proxy"))
    if domain := changed_domain(settings, facts):
        warnings.append(
            f"clusterDomain changes: what asks for <service>.<namespace>.svc.{domain} by its whole "
            "name finds it no more"
        )
    if daemon is None and facts.applied_put:
        warnings.append(_without_proxy(settings, facts))
    warnings += announced(settings, facts)
    warnings += unchecked_upgrade(settings, facts)
    return tuple(warnings)


def _unknown_arguments(settings: Settings) -> list[str]:
    if kubelet_args.is_known(image_version(settings.image)):
        return []
    major, minor = LINE
    return [
        f"kubeletArgs[{index}] {settings.kubelet_args[index]} is no option of the kubelet of "
        f"Kubernetes {major}.{minor}: if that of {settings.image} lacks it too, k3s will not start"
        for index in kubelet_args.unknown(settings.kubelet_args)
    ]


def _may_restart(settings: Settings, facts: Facts) -> bool:
    """What the scripts ask themselves before they restart Docker."""
    if settings.restart_daemon == "when-safe":
        return not facts.no_restart_policy
    return settings.restart_daemon == "always"


def _without_proxy(settings: Settings, facts: Facts) -> str:
    """What becomes of Docker's proxy when it goes out of the config: what `keep` and `restore` of
    daemon-proxy.sh do."""
    if settings.keep_daemon_proxy:
        return (
            f"the proxy stays in {facts.proxy_file} and is yours from then on (keepDaemonProxy): "
            "no destroy takes it away"
        )
    if _may_restart(settings, facts):
        return _blast_radius(settings, facts, "to take its proxy away")
    return (
        "the proxy goes out of the config of Docker on the NAS, which runs on with it until "
        f"somebody restarts it: restartDaemon is {settings.restart_daemon}"
    )


def _blast_radius(settings: Settings, facts: Facts, why: str) -> str:
    names = ", ".join(facts.no_restart_policy)
    if not _may_restart(settings, facts):
        told = (
            f"Docker on the NAS would have to restart {why}, and restartDaemon is "
            f"{settings.restart_daemon}: `pulumi up` will be refused"
        )
        if settings.restart_daemon == "when-safe":
            told += f" for containers without a restart policy: {names}"
        return told
    count = "all" if facts.running is None else str(facts.running)
    containers = "container" if facts.running == 1 else "containers"
    told = f"Docker on the NAS will be restarted {why}: {count} running {containers} with it"
    if names:
        told += f"; started again afterwards, without a restart policy of their own: {names}"
    return told
