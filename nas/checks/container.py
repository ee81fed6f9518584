"""Whose the container of the planned name is."""

from __future__ import annotations

import json

from nas.errors import Problem, set_command
from nas.facts import Facts
from nas.settings import Settings


def check_container(settings: Settings, facts: Facts) -> list[Problem]:
    """A name that is not that of the stack's container, or is that of another's."""
    name, own = settings.container_name, facts.own_container
    shown = json.dumps(name)
    if own and own != name:
        return [
            Problem(
                "containerName",
                shown,
                f"is not the name of this stack's container on the NAS, {own}, whose data is named "
                "after it",
                f"write {own}, or `pulumi destroy` before you change it",
            )
        ]
    if facts.container and not own:
        room = (
            "go on with the stack that made it, since a NAS carries one cluster; or, if nobody "
            f"needs it any more, make room: docker rm -f {name} (its volumes stay)"
        )
        # Where there is data already, another name would be an empty cluster.
        if facts.cluster_data != "there":
            room = f"{set_command('containerName', f'k3s-{settings.stack}')}, or {room}"
        why = "is the name of a container on the NAS that this stack did not make"
        return [Problem("containerName", shown, why, room)]
    return []
