"""The job that all contenders do: what the program's own plan says for the lab's NAS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from nas.checks.ports import needed_ports
from nas.facts import Unreadable, read_facts
from nas.plan import make_plan
from nas.settings import Settings
from nas.settings_reader import load_settings
from nas.ssh import SshTarget, ssh_target
from tests.lab.box import Lab
from tests.lab.process import LabError
from tests.lab.project import lab_settings

STACK = "bench"
"""Name of the stack and of the node."""
FIRST, NEXT = "v1.34.4-k3s1", "v1.34.5-k3s1"
MORE_NO_PROXY = "registry.lan"


@dataclass(frozen=True)
class Wanted:
    """What differs between the cases."""

    version: str = FIRST
    no_proxy: tuple[str, ...] = ()

    def settings(self) -> dict[str, Any]:
        """As settings of the stack."""
        return {"k3sVersion": self.version, "noProxy": list(self.no_proxy), "nodeName": STACK}


@dataclass(frozen=True)
class Job:
    """One wanted state of the NAS, in the terms of whoever makes it by hand.

    `proxies` is JSON, the member of the daemon's config file; `env` and `command` are those of the
    k3s container; `places` its two volumes; `image` has its registry's name before it.
    """

    host: str
    target: SshTarget
    proxies: str
    no_proxy: str
    image: str
    version: str
    command: tuple[str, ...]
    env: dict[str, str]
    ca: str
    places: tuple[str, str]
    endpoint: str
    docker_bin: str
    docker_json: str
    restart: str


def make_job(lab: Lab, wanted: Wanted) -> Job:
    """Raises LabError when the NAS cannot be read, RefusedError when it cannot carry the job."""
    settings = _settings(lab, wanted)
    target = ssh_target(settings)
    target.write_known_hosts()
    facts = read_facts(settings, target, needed_ports(settings))
    if isinstance(facts, Unreadable):
        raise LabError(f"the NAS was not read: {facts.reason}")
    plan = make_plan(settings, facts)
    if plan.daemon is None:
        raise LabError("the lab has no proxy")
    return Job(
        host=lab.nas_host,
        target=target,
        proxies=plan.daemon.proxies,
        no_proxy=",".join(plan.daemon.no_proxy),
        image=plan.image,
        version=plan.kubelet_version,
        command=plan.command,
        env=plan.env,
        ca=plan.ca_certificates,
        places=plan.places,
        endpoint=plan.kubeconfig.server,
        docker_bin=lab.layout.docker_bin,
        docker_json=lab.docker_json,
        restart=lab.layout.restart,
    )


def _settings(lab: Lab, wanted: Wanted) -> Settings:
    given, secrets = lab_settings(lab)
    everything = {**given, **secrets, **wanted.settings()}
    texts = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in everything.items()
    }
    return load_settings(STACK, texts)
