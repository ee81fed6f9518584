"""Whether there is a Docker that can be told of the proxy."""

from __future__ import annotations

import json

from nas.daemon_proxy import DaemonProxy, choice_for
from nas.errors import Problem
from nas.facts import Facts
from nas.platforms import platform_named
from nas.settings import Settings


def check_docker(settings: Settings, facts: Facts) -> list[Problem]:
    """Whether the NAS is one that we know, with a Docker."""
    if not facts.platform:
        return [
            Problem(
                "platform",
                json.dumps(settings.platform),
                f"does not recognise this NAS ({facts.kernel} {facts.machine})",
                "write custom, with daemonConfigFile, daemonRestartCommand and dockerPath",
            )
        ]
    if facts.docker:
        return []
    row = platform_named(facts.platform)
    install = "start Docker" if row is None else row.install
    return [
        Problem(
            "host",
            json.dumps(settings.host),
            "has no docker",
            f"{install}; dockerPath names one that lies elsewhere",
        )
    ]


def check_route(settings: Settings, facts: Facts, daemon: DaemonProxy | None) -> list[Problem]:
    """Whether there is a way to tell the daemon of the proxy."""
    choice = None if daemon is None else choice_for(facts, daemon)
    if choice is None or choice.route != "refuse":
        return []
    url = settings.proxy_url
    shown = "" if url is None else url.masked
    return [Problem("proxy", json.dumps(shown), choice.why, choice.fix)]
