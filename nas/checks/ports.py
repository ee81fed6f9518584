"""The ports that k3s takes on the NAS, and whose they are."""

from __future__ import annotations

import json

from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings

KUBELET_PORT = 10250
OTHER_PORTS = (KUBELET_PORT, 6444, 10010, 10248, 10249, 10256, 10257, 10258, 10259)
"""What k3s listens on beside its API (https://docs.k3s.io/installation/requirements)."""


def needed_ports(settings: Settings) -> tuple[int, ...]:
    """TCP ports that k3s takes on the NAS with host networking."""
    return (settings.api_port, KUBELET_PORT)


def check_ports(settings: Settings, facts: Facts) -> list[Problem]:
    """What already listens where k3s has to."""
    shown = str(settings.api_port)
    if facts.own_container and facts.own_container != settings.container_name:
        return [
            Problem(
                "containerName",
                json.dumps(settings.container_name),
                f"is not the name of this stack's container on the NAS, {facts.own_container}, "
                "whose data is named after it",
                f"write {facts.own_container}, or `pulumi destroy` before you change it",
            )
        ]
    if settings.api_port in OTHER_PORTS:
        return [
            Problem("apiPort", shown, "is a port that Kubernetes itself needs", "write e.g. 16443")
        ]
    problems = []
    for port in facts.ports_taken:
        # A container of ours explains why its own ports are taken.
        own = (None, port)
        if facts.container and (port != settings.api_port or facts.container_port in own):
            continue
        if port == settings.api_port:
            fix = "write a free one, e.g. 16443"
        else:
            fix = "stop the other Kubernetes on this NAS (Container Station can bring one)"
        problems.append(Problem("apiPort", shown, f"port {port} of the NAS is in use", fix))
    return problems
