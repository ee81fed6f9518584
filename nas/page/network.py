"""The network picture: who reaches what, through which proxy, with what the doctor found.

Two stages pull images: the Docker daemon, by the proxy of its own configuration, the k3s image; and
containerd inside k3s, by the proxy of the container's environment, everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nas.messages import Language, text
from nas.page.svg import box, cut, cut_path, line, picture, words

Mark = Literal["ok", "warning", "bad", "unknown"]
SIGNS: Mapping[Mark, str] = {"ok": "✓", "warning": "!", "bad": "✕", "unknown": "?"}
WORST_FIRST: tuple[Mark, ...] = ("bad", "unknown", "warning", "ok")

PLACES: Mapping[str, tuple[str, ...]] = {
    "ssh": ("ssh", "account"),
    "nas": ("clock", "memory", "disk", "kernel", "storage", "networks"),
    "daemon": ("docker", "docker-path", "daemon"),
    "stage-1": ("daemon-config", "daemon-proxy", "pull"),
    "proxy": ("firewall", "proxy", "proxy-login"),
    "registry": ("registries", "tls"),
    "start": ("image",),
    "k3s": ("ports", "logs", "container", "certificates", "restart-policy"),
    "stage-2": ("env",),
    "bypass": ("no-proxy",),
    "api": ("operator-proxy", "api"),
    "cluster": ("node", "pods", "dns", "smoke"),
}
"""Place of the picture -> the doctor's checks that are about it."""

WIDTH, HEIGHT = 1160.0, 540.0
SIZE = 13.0


@dataclass(frozen=True)
class View:
    """What the picture shows. Nothing in it is a secret.

    Attributes:
        network_mode: the setting networkMode.
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
    network_mode: str
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
        [_ARROWS, *_frames(view, lang), *_boxes(view, lang), *_ways(view, lang)],
    )


_ARROWS = "".join(
    f'<marker id="arrow-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    f'markerHeight="8" orient="auto"><path class="tip {kind}" d="M0,0.5 L7.5,4 L0,7.5 Z"/></marker>'
    for kind in ("plain", "ok", "warning", "bad", "unknown")
)


def _frames(view: View, lang: Language) -> Iterator[str]:
    yield box(234, 24, 456, 506, "frame", 12)
    yield words(254, 51, f"NAS {view.nas}", "head")
    yield _sign(view, "nas", 668, 46)
    yield box(254, 256, 416, 256, "frame inner", 10)
    yield words(272, 281, _container(view, lang), "head")
    yield _sign(view, "k3s", 648, 276)


def _container(view: View, lang: Language) -> str:
    return text("timeline.page.container", lang, name=view.container, mode=view.network_mode)


def _daemon_proxy(view: View) -> str:
    """As it stands there: a drop-in of systemd and a start script set variables."""
    if not view.daemon_config or view.daemon_config.endswith(".json"):
        return f'"proxies": {view.proxy}'
    return f"HTTP_PROXY={view.proxy}"


def _boxes(view: View, lang: Language) -> Iterator[str]:
    shell = ("export HTTP_PROXY=…", text("timeline.page.shell-note", lang))
    yield from _node(4, 76, 176, 102, text("timeline.page.shell", lang), shell)
    yield from _node(4, 404, 176, 76, "pulumi, kubectl", (text("timeline.page.you", lang),))
    daemon = (
        cut_path(view.daemon_config, 298, SIZE - 1) or text("timeline.page.no-config", lang),
        _daemon_proxy(view) if view.proxy else text("timeline.page.no-proxy", lang),
        text("timeline.page.daemon-note", lang),
    )
    yield from _node(254, 76, 320, 104, "Docker daemon", daemon)
    yield _sign(view, "daemon", 556, 93)
    containerd = (_environment(view), text("timeline.page.containerd-note", lang))
    yield from _node(274, 298, 300, 90, "containerd", containerd)
    note = (text("timeline.page.cluster-note", lang),)
    yield from _node(274, 412, 376, 80, text("timeline.page.cluster", lang), note)
    yield _sign(view, "cluster", 632, 429)
    shown = view.registries[:3]
    height = 48 + 18 * len(shown)
    title = text("timeline.page.registries", lang)
    yield from _node(856, 128 - height, 300, height, title, shown)
    if view.proxy:
        yield from _node(856, 200, 300, 72, text("timeline.page.proxy", lang), (view.proxy,))
        yield _sign(view, "proxy", 1138, 217)
    if view.no_proxy:
        entries = view.no_proxy[:4]
        more = len(view.no_proxy) - len(entries)
        rest = (text("timeline.page.more", lang, count=more),) if more > 0 else ()
        title = text("timeline.page.bypass", lang)
        height = 42 + 18 * len((*entries, *rest))
        yield from _node(856, 372, 300, height, title, (*entries, *rest))


def _environment(view: View) -> str:
    if not view.proxy or view.scope == "none":
        return "HTTP_PROXY: –"
    prefix = "" if view.scope == "all" else "CONTAINERD_"
    return f"{prefix}HTTP_PROXY={view.proxy}"


def _ways(view: View, lang: Language) -> Iterator[str]:
    yield line([(180, 154), (214, 154)], "way off")
    yield words(217, 159, "✕", "off")
    yield from _way(view, "ssh", [(180, 106), (254, 106)], "ssh")
    yield from _way(view, "start", [(414, 180), (414, 256)], "docker run -e HTTP_PROXY")
    yield from _way(view, "api", [(180, 452), (274, 452)], f"https :{view.api_port}")
    first, second = [(574.0, 128.0)], [(574.0, 344.0)]
    if view.proxy:
        first += [(806, 128), (806, 224), (856, 224)]
    else:
        first += [(806, 128), (806, 66), (856, 66)]
    if view.proxy and view.scope != "none":
        second += [(806, 344), (806, 248), (856, 248)]
    else:
        second += [(830, 344), (830, 98), (856, 98)]
    yield from _way(view, "stage-1", first, text("timeline.page.stage-1", lang))
    yield from _way(view, "stage-2", second, text("timeline.page.stage-2", lang))
    if view.proxy:
        yield from _way(view, "registry", [(1006, 200), (1006, 128)], "")
    if view.no_proxy:
        yield from _way(view, "bypass", [(650, 452), (856, 452)], "NO_PROXY")


def _way(
    view: View, place: str, points: Sequence[tuple[float, float]], label: str
) -> Iterator[str]:
    mark = view.mark(place)
    kind = mark or "plain"
    yield line(points, f"way {kind}").replace("/>", f' marker-end="url(#arrow-{kind})"/>')
    (x1, y1), (x2, y2) = points[0], points[1]
    # Past the frames, where the way is long.
    share = 0.64 if x2 - x1 > 150 else 0.5
    x, y = x1 + (x2 - x1) * share, (y1 + y2) / 2
    vertical = x1 == x2
    if label and vertical:
        yield words(x + 16, y + 4.5, label, "small label")
    elif label:
        yield words(x, y - 14, label, "small label", "middle")
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
    yield words(x + 12, y + 24, cut(title, width - 24, SIZE + 1), "title")
    for index, content in enumerate(lines):
        yield words(x + 12, y + 46 + index * 18, cut(content, width - 22, SIZE - 1), "small")
