"""Marks of drift: what lets preview show, and up heal, a change that others made on the NAS."""

from __future__ import annotations

import pulumi

NONE = "none"


def drift_mark(name: str, marker: str | None, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The last drift that was seen, as text for the inputs of whatever heals it.

    Without drift the mark keeps the value of the run before, so nothing changes; with drift it is
    replaced, and its new output is known in preview already. `none`: there never was any.
    """
    mark = pulumi.Stash(
        name,
        input=marker or NONE,
        opts=pulumi.ResourceOptions(
            parent=parent,
            replace_on_changes=["input"],
            ignore_changes=[] if marker else ["input"],
        ),
    )
    return pulumi.Output.from_input(mark.output).apply(str)
