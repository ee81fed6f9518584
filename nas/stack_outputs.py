"""What a stack exported, read from Pulumi's state."""

from __future__ import annotations

import json
from pathlib import Path

from nas.pulumi_program import PulumiError, ask_pulumi
from nas.timeline import Stage, from_line


def read_timeline(stack: str, root: Path) -> tuple[Stage, ...] | None:
    """The stack's timeline; None when no `up` has measured one yet.

    Raises:
        PulumiError: when the outputs cannot be read.
    """
    # Without the secrets, which nobody needs here.
    answer = ask_pulumi(root, "stack", "output", "--json", "--stack", stack)
    try:
        outputs = json.loads(answer)
        text = outputs.get("timeline")
        return None if text is None else from_line(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise PulumiError(f"the stack's outputs cannot be read: {error}") from None
