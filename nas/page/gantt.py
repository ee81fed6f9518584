"""The timeline as SVG: what was expected, and beside it what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nas.messages import Language, text
from nas.page.svg import box, breadth, line, picture, words
from nas.timeline import EXPECTED, Stage, Times, span
from nas.timeline_text import duration

GROUPS: Mapping[str, str] = {
    "write-config": "prepare",
    "restart-daemon": "prepare",
    "verify": "image",
    "pull-image": "image",
    "start-container": "start",
    "k3s-init": "start",
    "pause": "inside",
    "coredns": "inside",
    "traefik": "inside",
    "ready": "ready",
}
"""Stage -> section of the drawing."""

WIDTH, LABELS, GAP = 1160.0, 250.0, 36.0
ROW, TOP, SIZE = 30.0, 56.0, 13.0
PANEL = (WIDTH - LABELS - GAP - 16) / 2


def gantt(stages: Sequence[Stage], lang: Language) -> str:
    """Two panels with one row a stage; each panel has its own scale."""
    whole = span(stages)
    zero = 0.0 if whole is None else whole[0]
    measured = {
        stage.name: (stage.start - zero, stage.end - zero)
        for stage in stages
        if stage.start is not None and stage.end is not None
    }
    height = TOP + ROW * len(stages) + 34
    names = [stage.name for stage in stages]
    return picture(
        WIDTH, height, text("timeline.page.gantt", lang), _parts(names, measured, lang, height)
    )


def _parts(
    names: Sequence[str], measured: Mapping[str, Times], lang: Language, height: float
) -> Iterator[str]:
    for row, name in enumerate(names):
        y = TOP + row * ROW
        if row % 2 == 0:
            yield box(0, y, WIDTH, ROW, "stripe", 0)
        yield box(0, y + 6, 5, ROW - 12, f"group-{GROUPS[name]}", 2)
        yield words(14, y + ROW / 2 + 4.5, text(f"timeline.stage.{name}", lang))
    panels = (("expected", EXPECTED), ("measured", measured))
    for index, (title, times) in enumerate(panels):
        left = LABELS + index * (PANEL + GAP)
        total = max((end for _, end in times.values()), default=0.0)
        shown = text(f"timeline.page.{title}", lang)
        if total > 0:
            shown += f" · {duration(total, lang)}"
        yield words(left, 20, shown, "head")
        yield from _panel(names, times, left, total, title, lang, height)


def _panel(
    names: Sequence[str],
    times: Mapping[str, Times],
    left: float,
    total: float,
    style: str,
    lang: Language,
    height: float,
) -> Iterator[str]:
    scale = PANEL / total if total > 0 else 0.0
    step = _step(total)
    tick = 0.0
    while total > 0 and tick <= total:
        x = left + tick * scale
        yield line([(x, TOP - 6), (x, height - 28)], "grid")
        yield words(x, TOP - 12, f"{tick:g}", "small", "middle")
        tick += step
    for row, name in enumerate(names):
        y = TOP + row * ROW
        middle = y + ROW / 2 + 4.5
        if name not in times:
            yield words(left + 6, middle, text("timeline.not-run", lang), "faint")
            continue
        start, end = times[name]
        broad = max((end - start) * scale, 3.0)
        x = min(left + start * scale, left + PANEL - broad)
        yield box(x, y + 7, broad, ROW - 14, f"bar {style} group-{GROUPS[name]}", 3)
        label = duration(end - start, lang)
        room = breadth(label, SIZE) + 8
        if x + broad + room <= left + PANEL + GAP - 6:
            yield words(x + broad + 6, middle, label, "number")
        else:
            yield words(x - 6, middle, label, "number", "end")
    yield line([(left, height - 28), (left + PANEL, height - 28)], "axis")
    yield words(left + PANEL, height - 12, text("timeline.page.axis", lang), "small", "end")


def _step(total: float) -> float:
    """Seconds between two lines of the grid: 4 to 10 of them."""
    step = 1.0
    while total / step > 10:
        for factor in (2.0, 2.5, 2.0):
            step *= factor
            if total / step <= 10:
                break
    return step
