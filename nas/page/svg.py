"""The few elements of SVG that the pictures are made of. Colours are classes, see `style.css`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nas.timeline_text import columns


def picture(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole picture; `title` is what a screen reader says of it."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{escape(title)}">\n'
        f"<title>{escape(title)}</title>\n{body}\n</svg>"
    )


def box(x: float, y: float, width: float, height: float, style: str, radius: float = 6) -> str:
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="{radius:g}"/>'
    )


def words(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(content)}</text>"
    )


def line(points: Iterable[tuple[float, float]], style: str) -> str:
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{style}" points="{way}"/>'


def breadth(content: str, size: float) -> float:
    """About how broad a text is in a font of this size."""
    return columns(content) * size * 0.56


def cut(content: str, width: float, size: float) -> str:
    """The text, shortened so that it fits."""
    if breadth(content, size) <= width:
        return content
    while content and breadth(content + "…", size) > width:
        content = content[:-1]
    return content.rstrip() + "…"


def cut_path(path: str, width: float, size: float) -> str:
    """A path, its beginning left out where it does not fit."""
    if breadth(path, size) <= width:
        return path
    parts = path.split("/")
    while len(parts) > 1 and breadth("…/" + "/".join(parts), size) > width:
        parts = parts[1:]
    return "…/" + "/".join(parts)
