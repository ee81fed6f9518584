"""What was seen on the NAS, kept in the stack, so that preview shows, and up heals, a change."""

from __future__ import annotations

import pulumi

NONE = "none"


def drift_mark(name: str, marker: str | None, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The last drift that was seen, as text for the inputs of whatever heals it.

    Without drift the mark keeps the value of the run before, so nothing changes; with drift it is
    replaced, and its new output is known in preview already. `none`: there never was any.
    """
    return remembered(name, marker, NONE, parent)


def remembered(
    name: str, seen: str | None, first: str, parent: pulumi.Resource
) -> pulumi.Output[str]:
    """What was seen last, known in preview too; None: nothing was, and the run before counts.

    Args:
        first: what counts where nothing was ever seen.
    """
    stash = pulumi.Stash(
        name,
        input=first if seen is None else seen,
        opts=pulumi.ResourceOptions(
            parent=parent,
            replace_on_changes=["input"],
            ignore_changes=["input"] if seen is None else [],
        ),
    )
    return pulumi.Output.from_input(stash.output).apply(str)
