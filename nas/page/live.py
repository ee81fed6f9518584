"""What the network picture shows: the stack's settings, and what the doctor finds on the NAS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nas.doctor.evidence import Case
from nas.doctor.probe import gather
from nas.doctor.tree import Diagnosis, diagnose, masked_diagnosis
from nas.facts import Facts
from nas.image_registries import needed_registries
from nas.page.network import View
from nas.plan import planned_bypass
from nas.secrets import secrets_of
from nas.settings_reader import load_settings
from nas.stack_file import StackConfig


@dataclass(frozen=True)
class Look:
    """The NAS at one moment: `found` is without secrets."""

    case: Case
    found: Diagnosis


def look(config: StackConfig, environment: Mapping[str, str], deadline: float) -> Look:
    """Asks the NAS, which stays as it is. Never raises for one that is off.

    Raises:
        RefusedError: for a config that cannot be used.
    """
    case = gather(config, environment, deadline)
    return Look(case, masked_diagnosis(diagnose(case), secrets_of(case.settings)))


def view_of(config: StackConfig, seen: Look | None) -> View:
    """The picture's content; without a look it has no marks.

    Raises:
        RefusedError: for a config that cannot be used.
    """
    settings = load_settings(config.stack, config.config)
    facts = seen.case.facts if seen is not None and isinstance(seen.case.facts, Facts) else None
    bypass = planned_bypass(settings, facts)
    through, beside = needed_registries(settings, ",".join(bypass))
    proxy = settings.proxy_url
    return View(
        nas=settings.host,
        api_port=settings.api_port,
        container=settings.container_name,
        network_mode=settings.network_mode,
        daemon_config="" if facts is None else facts.proxy_file or facts.config,
        proxy="" if proxy is None else proxy.address,
        scope=settings.proxy_scope,
        registries=through or beside,
        no_proxy=bypass if proxy is not None else (),
        marks=(
            {}
            if seen is None
            else {check: one.verdict for check, one in seen.found.findings.items()}
        ),
    )
