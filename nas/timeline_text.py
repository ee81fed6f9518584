"""The timeline as text: a Gantt chart for a terminal, readable without colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from nas.messages import Language, text
from nas.timeline import EXPECTED, Stage, span

WIDTH = 40
"""Columns of the bars."""


def as_text(stages: Sequence[Stage], lang: Language, *, expected: bool = False) -> str:
    """One line a stage: name, duration, bar. What did not run has no bar.

    With `expected`, the duration that was expected stands behind the one that was measured.
    """
    names = {stage.name: text(f"timeline.stage.{stage.name}", lang) for stage in stages}
    broad = max(map(columns, names.values()))
    whole = span(stages)
    lines = []
    for stage in stages:
        name = names[stage.name] + " " * (broad - columns(names[stage.name]))
        if whole is None or stage.start is None or stage.end is None:
            took, bar = text("timeline.not-run", lang), ""
        else:
            took, bar = duration(stage.end - stage.start, lang), _bar(stage, whole)
        start, end = EXPECTED[stage.name]
        beside = _beside(end - start, lang) if expected else ""
        lines.append(f"{name}  {_right(took)}{beside}  {bar}".rstrip())
    if whole is not None:
        total = text("timeline.total", lang)
        took = duration(whole[1] - whole[0], lang)
        gap = " " * (broad - columns(total))
        beside = _beside(max(end for _, end in EXPECTED.values()), lang) if expected else ""
        lines.append(f"{total}{gap}  {_right(took)}{beside}")
    return "\n".join(lines)


def _right(shown: str) -> str:
    return " " * (8 - columns(shown)) + shown


def _beside(seconds: float, lang: Language) -> str:
    return f"  ({text('timeline.expected', lang)} {duration(seconds, lang)})".ljust(18)


def duration(seconds: float, lang: Language) -> str:
    """Seconds for people."""
    number = f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}"
    return text("timeline.seconds", lang, number=number)


def columns(shown: str) -> int:
    """Columns of a terminal that a text takes: two for a Chinese character."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in shown)


def _bar(stage: Stage, whole: tuple[float, float]) -> str:
    assert stage.start is not None
    assert stage.end is not None
    scale = WIDTH / max(whole[1] - whole[0], 1e-9)
    left = min(round((stage.start - whole[0]) * scale), WIDTH - 1)
    right = min(max(round((stage.end - whole[0]) * scale), left + 1), WIDTH)
    return " " * left + "█" * (right - left)
