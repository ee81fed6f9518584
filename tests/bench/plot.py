"""The picture of the page: one group of bars for each case, an SVG without any script or font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tests.bench.stats import Spread

WIDTH = 860
_LEFT, _TOP, _BAR, _GAP, _AXIS = 150, 46, 15, 16, 34
_TICKS = 6
_COLORS = ("#9aa5b1", "#e0a458", "#2f6fb0")
_STYLE = (
    "text{font:12px sans-serif;fill:#24292f}.q{fill:#57606a}"
    "@media(prefers-color-scheme:dark){text{fill:#d0d7de}.q{fill:#8b949e}}"
)

Bars = Mapping[str, Spread | None]
"""Name of a bar -> its figure; None: there is none."""


def plot(title: str, unit: str, groups: Mapping[str, Bars], names: Sequence[str]) -> str:
    """The SVG's text.

    Args:
        groups: label of a group -> its bars.
        names: the bars in their order, each with a colour of its own; at most three.
    """
    figures = [bar for bars in groups.values() for bar in bars.values() if bar is not None]
    step = tick(max((figure.most for figure in figures), default=1.0))
    most = step * _TICKS
    scale = (WIDTH - _LEFT - 60) / most
    colors = dict(zip(names, _COLORS, strict=False))
    shown: list[str] = []
    y = _TOP
    for label, bars in groups.items():
        present = [(name, bars[name]) for name in names if bars.get(name) is not None]
        middle = y + len(present) * _BAR / 2 + 4
        shown.append(_text(_LEFT - 10, middle, label, 'text-anchor="end"'))
        for name, figure in present:
            assert figure is not None
            shown += _bar(y, figure, scale, colors[name], f"{label}, {name}", unit)
            y += _BAR
        y += _GAP
    height = y + _AXIS
    grid = [_grid(_LEFT + step * number * scale, y, step * number) for number in range(_TICKS + 1)]
    legend = [
        f'<rect x="{_LEFT + 150 * index}" y="24" width="10" height="10" fill="{colors[name]}"/>'
        + _text(_LEFT + 150 * index + 16, 33, name)
        for index, name in enumerate(names)
    ]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        _text(_LEFT, 16, title),
        *legend,
        *grid,
        *shown,
        _text(WIDTH - 10, y + 28, unit, 'text-anchor="end" class="q"'),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def tick(most: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten of which so many hold `most`."""
    step = 0.001
    while True:
        for factor in (1, 2, 5):
            if step * factor * _TICKS >= most:
                return step * factor
        step *= 10


def _bar(y: float, figure: Spread, scale: float, color: str, what: str, unit: str) -> list[str]:
    width = figure.middle * scale
    least, most = _LEFT + figure.least * scale, _LEFT + figure.most * scale
    line = y + _BAR / 2 - 1
    said = f"{what}: {figure.middle:.2f} {unit} ({figure.least:.2f} to {figure.most:.2f})"
    return [
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{width:.1f}" height="{_BAR - 2}" fill="{color}">'
        f"<title>{escape(said)}</title></rect>",
        f'<path d="M{least:.1f} {line:.1f}H{most:.1f}" stroke="#57606a" stroke-width="1.5"/>',
        _text(max(most, _LEFT + width) + 6, y + _BAR - 4, f"{figure.middle:.1f}"),
    ]


def _grid(x: float, bottom: float, value: float) -> str:
    return f'<path d="M{x:.1f} {_TOP - 6}V{bottom}" stroke="#8c959f" stroke-opacity=".3"/>' + _text(
        x, bottom + 14, f"{value:g}", 'text-anchor="middle" class="q"'
    )


def _text(x: float, y: float, text: str, attributes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {attributes}>{escape(text)}</text>'
