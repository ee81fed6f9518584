"""The network picture: who reaches what, through which proxy, with what the doctor found.

Two stages pull images: the Docker daemon, by the proxy of its own configuration, the k3s image; and
containerd inside k3s, by the proxy of the container's environment, everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nas.messages import Language, text
from nas.page.svg import box, cut, line, picture, words

Mark = Literal["ok", "warning", "bad", "unknown"]
SIGNS: Mapping[Mark, str] = {"ok": "✓", "warning": "!", "bad": "✕", "unknown": "?"}
WORST_FIRST: tuple[Mark, ...] = ("bad", "unknown", "warning", "ok")

PLACES: Mapping[str, tuple[str, ...]] = {
    "ssh": ("ssh", "account"),
    "nas": ("clock", "memory", "disk"),
    "daemon": ("docker", "docker-path", "daemon"),
    "stage-1": ("daemon-config", "daemon-proxy"),
    "proxy": ("firewall", "proxy", "proxy-login"),
    "registry": ("registries", "tls"),
    "start": ("pull", "image"),
    "k3s": ("ports", "logs", "container", "certificates", "restart-policy"),
    "stage-2": ("env",),
    "bypass": ("no-proxy",),
    "api": ("operator-proxy", "api"),
    "cluster": ("node", "pods", "dns", "smoke"),
}
"""Place of the picture -> the doctor's checks that are about it."""

WIDTH, HEIGHT = 1160.0, 560.0
SIZE = 13.0


@dataclass(frozen=True)
class View:
    """What the picture shows. Nothing in it is a secret.

    Attributes:
        daemon_config: where the daemon's proxy is written, or empty.
        proxy: `host:port`, or empty without one.
        scope: the setting proxyScope.
        registries: what images are pulled from.
        no_proxy: what is reached without the proxy by k3s.
        marks: check -> verdict; empty when nothing was looked at.
    """

    nas: str
    api_port: int
    container: str
    daemon_config: str
    proxy: str
    scope: str
    registries: tuple[str, ...]
    no_proxy: tuple[str, ...]
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def mark(self, place: str) -> Mark | None:
        """The worst of what was found there."""
        found = {self.marks[check] for check in PLACES[place] if check in self.marks}
        return next((mark for mark in WORST_FIRST if mark in found), None)


def network(view: View, lang: Language) -> str:
    """The picture of one stack."""
    return picture(
        WIDTH,
        HEIGHT,
        text("timeline.page.network", lang),
        [_ARROWS, *_frames(view, lang), *_ways(view, lang), *_boxes(view, lang)],
    )


_ARROWS = "".join(
    f'<marker id="arrow-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    f'markerHeight="8" orient="auto"><path class="tip {kind}" d="M0,0.5 L7.5,4 L0,7.5 Z"/></marker>'
    for kind in ("plain", "ok", "warning", "bad", "unknown")
)


def _frames(view: View, lang: Language) -> Iterator[str]:
    yield box(250, 30, 500, 500, "frame", 12)
    yield words(268, 56, f"NAS {view.nas}", "head")
    yield _sign(view, "nas", 728, 50)
    yield box(275, 262, 450, 246, "frame inner", 10)
    yield words(291, 286, text("timeline.page.container", lang, name=view.container), "head")
    yield _sign(view, "k3s", 703, 281)


def _boxes(view: View, lang: Language) -> Iterator[str]:
    yield from _node(
        20,
        84,
        168,
        96,
        text("timeline.page.shell", lang),
        (
            "export HTTP_PROXY=…",
            text("timeline.page.shell-note", lang),
        ),
    )
    yield from _node(20, 396, 168, 76, "pulumi, kubectl", (text("timeline.page.you", lang),))
    yield from _node(
        275,
        84,
        230,
        104,
        "Docker daemon",
        (
            view.daemon_config or text("timeline.page.no-config", lang),
            f'"proxies": {view.proxy}' if view.proxy else text("timeline.page.no-proxy", lang),
            text("timeline.page.daemon-note", lang),
        ),
    )
    yield _sign(view, "daemon", 489, 100)
    yield from _node(
        295,
        304,
        210,
        84,
        "containerd",
        (
            _environment(view),
            text("timeline.page.containerd-note", lang),
        ),
    )
    yield from _node(
        295,
        408,
        410,
        84,
        text("timeline.page.cluster", lang),
        (text("timeline.page.cluster-note", lang),),
    )
    yield _sign(view, "cluster", 689, 424)
    if view.proxy:
        yield from _node(822, 176, 150, 84, text("timeline.page.proxy", lang), (view.proxy,))
        yield _sign(view, "proxy", 956, 192)
    shown = view.registries[:3]
    yield from _node(1016, 160, 128, 116, text("timeline.page.registries", lang), shown)
    entries = view.no_proxy[:4]
    more = len(view.no_proxy) - len(entries)
    rest = (text("timeline.page.more", lang, count=more),) if more > 0 else ()
    title = text("timeline.page.bypass", lang)
    yield from _node(822, 372, 322, 62 + 18 * len(entries), title, (*entries, *rest))


def _environment(view: View) -> str:
    if not view.proxy or view.scope == "none":
        return "HTTP_PROXY: –"
    prefix = "" if view.scope == "all" else "CONTAINERD_"
    return f"{prefix}HTTP_PROXY={view.proxy}"


def _ways(view: View, lang: Language) -> Iterator[str]:
    yield from _way(view, "ssh", [(188, 112), (275, 112)], "ssh", lang)
    yield line([(188, 158), (230, 158)], "way off")
    yield words(233, 163, "✕", "off")
    yield from _way(view, "start", [(390, 188), (390, 262)], "docker run -e HTTP_PROXY", lang)
    yield from _way(view, "api", [(188, 440), (295, 440)], f"https :{view.api_port}", lang)
    yield from _way(view, "bypass", [(705, 450), (822, 450)], "NO_PROXY", lang)
    inside = bool(view.proxy) and view.scope != "none"
    first = [(505, 136), (785, 136), (785, 204), (822, 204)]
    second = [(505, 346), (785, 346), (785, 236), (822, 236)]
    if not view.proxy:
        first = [(505, 136), (785, 136), (785, 190), (1016, 190)]
    if not inside:
        second = [(505, 346), (800, 346), (800, 320), (1080, 320), (1080, 276)]
    yield from _way(view, "stage-1", first, "timeline.page.stage-1", lang)
    yield from _way(view, "stage-2", second, "timeline.page.stage-2", lang)
    if view.proxy:
        yield from _way(view, "registry", [(972, 218), (1016, 218)], "", lang)


def _way(
    view: View, place: str, points: Sequence[tuple[float, float]], label: str, lang: Language
) -> Iterator[str]:
    mark = view.mark(place)
    kind = mark or "plain"
    yield line(points, f"way {kind}").replace("/>", f' marker-end="url(#arrow-{kind})"/>')
    (x1, y1), (x2, y2) = points[0], points[1]
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    if label.startswith("timeline."):
        label = text(label, lang)
    vertical = x1 == x2
    if label and vertical:
        yield words(x + 16, y + 4.5, label, "small")
    elif label:
        yield words(x, y - 14, label, "small", "middle")
    yield _sign(view, place, x, y)


def _sign(view: View, place: str, x: float, y: float) -> str:
    mark = view.mark(place)
    if mark is None:
        return ""
    return (
        f'<g class="sign {mark}"><circle cx="{x:.1f}" cy="{y:.1f}" r="9.5"/>'
        f"{words(x, y + 4.5, SIGNS[mark], 'signed', 'middle')}</g>"
    )


def _node(
    x: float, y: float, width: float, height: float, title: str, lines: tuple[str, ...]
) -> Iterator[str]:
    yield box(x, y, width, height, "node", 8)
    yield words(x + 12, y + 24, cut(title, width - 44, SIZE + 1), "title")
    for index, content in enumerate(lines):
        yield words(x + 12, y + 46 + index * 18, cut(content, width - 22, SIZE - 1), "small")
