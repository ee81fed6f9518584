"""The page: well-formed pictures in both languages, live marks, nothing that is loaded."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nas.doctor.evidence import Case
from nas.doctor.tree import CHECKS, Diagnosis, diagnose
from nas.messages import LANGUAGES, Language
from nas.page.document import Page, document
from nas.page.gantt import GROUPS, gantt
from nas.page.live import Look, view_of
from nas.page.network import PLACES, SIGNS, View, network
from nas.page.svg import breadth, cut, cut_path
from nas.stack_file import StackConfig
from nas.timeline import EXPECTED, STAGES, Stage, read_stages
from tests.unit import doctor_samples as doctor
from tests.unit.samples import CONFIG
from tests.unit.test_timeline import DAEMON, MEASURED, PULL

BOTH = pytest.mark.parametrize("lang", LANGUAGES)
STAGE_TIMES = read_stages(DAEMON, PULL, MEASURED)
SVG = "{http://www.w3.org/2000/svg}"
PROXY_GONE = {"proxy": "refused", "environment": {}, "sums": {}}


def config(**changes: str) -> StackConfig:
    merged = {**CONFIG, **doctor.CONFIG, **changes}
    return StackConfig(
        "nas88", Path("Pulumi.nas88.yaml"), {k: v for k, v in merged.items() if v}, {}
    )


def page(
    case: Case | None = None, stages: tuple[Stage, ...] | None = STAGE_TIMES, **changes: str
) -> Page:
    found = None if case is None else diagnose(case)
    look = None if case is None or found is None else Look(case, found)
    when = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
    return Page("nas88", view_of(config(**changes), look), stages, found, when)


def texts(svg: str) -> list[str]:
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def bars(svg: str, kind: str) -> list[tuple[float, float]]:
    """Left edge and breadth of the bars of one panel, in the order of the rows."""
    return [
        (float(node.attrib["x"]), float(node.attrib["width"]))
        for node in ET.fromstring(svg).iter(f"{SVG}rect")
        if node.attrib["class"].startswith(f"bar {kind}")
    ]


def marks(svg: str) -> Mapping[str, int]:
    """How often each sign stands in a picture."""
    kinds = [
        node.attrib["class"].removeprefix("sign ")
        for node in ET.fromstring(svg).iter(f"{SVG}g")
        if node.attrib.get("class", "").startswith("sign ")
    ]
    return {kind: kinds.count(kind) for kind in set(kinds)}


# ---- the timeline


def test_every_stage_has_a_section_and_an_expected_time() -> None:
    assert set(GROUPS) == set(EXPECTED) == set(STAGES)


@BOTH
def test_both_panels_have_a_bar_a_stage_each_in_its_own_scale(lang: Language) -> None:
    svg = gantt(STAGE_TIMES, lang)
    expected, measured = bars(svg, "expected"), bars(svg, "measured")
    assert len(expected) == len(measured) == len(STAGES)
    pull = STAGES.index("pull-image")
    # 80 of 250 seconds, and 43 of 100.
    left, right = min(x for x, _ in measured), max(x + width for x, width in measured)
    assert measured[pull][1] / (right - left) == pytest.approx(0.43, abs=0.001)
    left, right = min(x for x, _ in expected), max(x + width for x, width in expected)
    assert expected[pull][1] / (right - left) == pytest.approx(0.32, abs=0.001)
    assert [x for x, _ in measured] == sorted(x for x, _ in measured)
    shown = texts(svg)
    assert {"en": "43 s", "zh": "43 秒"}[lang] in shown
    assert {"en": "80 s", "zh": "80 秒"}[lang] in shown


@BOTH
def test_what_did_not_run_is_told_in_its_row(lang: Language) -> None:
    svg = gantt(read_stages("", PULL, MEASURED), lang)
    assert len(bars(svg, "measured")) == len(STAGES) - 3
    assert texts(svg).count({"en": "not run", "zh": "未执行"}[lang]) == 3


def test_a_timeline_in_which_nothing_ran_or_all_took_no_time_is_still_a_picture() -> None:
    assert bars(gantt([Stage(name) for name in STAGES], "en"), "measured") == []
    (bar,) = bars(gantt([Stage("ready", 5.0, 5.0)], "en"), "measured")
    assert bar[1] > 0


@pytest.mark.parametrize("total", [0.4, 3.0, 28.0, 250.0, 3600.0, 90000.0])
def test_the_grid_has_few_lines_whatever_the_scale(total: float) -> None:
    svg = gantt([Stage("ready", 0.0, total)], "en")
    grid = [n for n in ET.fromstring(svg).iter(f"{SVG}polyline") if n.attrib["class"] == "grid"]
    # Six of them are the expected panel's.
    assert 1 <= len(grid) - 6 <= 11


# ---- the network picture


def test_every_check_of_the_doctor_has_its_place_in_the_picture() -> None:
    placed = [check for checks in PLACES.values() for check in checks]
    assert sorted(placed) == sorted(check.id for check in CHECKS)


@BOTH
def test_all_that_works_is_marked_so_and_nothing_else(lang: Language) -> None:
    assert marks(network(page(doctor.well()).view, lang)) == {"ok": len(PLACES)}


def test_without_a_look_there_are_no_marks() -> None:
    assert marks(network(page().view, "en")) == {}


def test_each_place_shows_the_worst_of_its_checks() -> None:
    view = page().view
    for place, checks in PLACES.items():
        for verdict in SIGNS:
            seen = replace(view, marks={**dict.fromkeys(checks, "ok"), checks[-1]: verdict})
            assert seen.mark(place) == verdict
    assert replace(view, marks={"proxy": "bad", "firewall": "unknown"}).mark("proxy") == "bad"


def test_a_proxy_that_is_gone_and_a_missing_variable_are_marked_where_they_are() -> None:
    view = page(doctor.with_nas(doctor.well(), **PROXY_GONE)).view
    assert (view.mark("proxy"), view.mark("stage-2")) == ("bad", "bad")
    assert (view.mark("ssh"), view.mark("daemon"), view.mark("registry")) == ("ok", "ok", "unknown")


@BOTH
def test_the_picture_names_the_proxy_and_what_goes_past_it(lang: Language) -> None:
    shown = texts(network(page(doctor.well(), noProxy="registry.lan").view, lang))
    assert "192.168.31.198:7222" in shown
    assert '"proxies": 192.168.31.198:7222' in shown
    assert "HTTP_PROXY=192.168.31.198:7222" in shown
    assert "https :6443" in shown
    assert any(line.endswith("etc/docker.json") for line in shown)


@BOTH
def test_the_picture_says_the_network_and_how_the_proxy_is_written(lang: Language) -> None:
    view = page(doctor.well(), networkMode="bridge", nodeIp="").view
    drop_in = "/etc/systemd/system/docker.service.d/zz-nas-k3s-proxy.conf"
    shown = " ".join(texts(network(replace(view, daemon_config=drop_in), lang)))
    assert "bridge" in shown
    assert "host network" not in shown
    assert "HTTP_PROXY=192.168.31.198:7222" in shown
    assert '"proxies"' not in shown


def ways(view: View) -> str:
    return network(view, "en")


def test_where_k3s_does_not_use_the_proxy_its_way_goes_past_it() -> None:
    through, past = page(proxyScope="all").view, page(proxyScope="none").view
    assert ways(through) != ways(past)
    assert "HTTP_PROXY: –" in texts(ways(past))
    assert "CONTAINERD_HTTP_PROXY=192.168.31.198:7222" in texts(
        ways(page(proxyScope="images").view)
    )


def test_without_a_proxy_there_is_none_in_the_picture() -> None:
    shown = texts(ways(page(proxy="", proxyUser="", proxyPassword="").view))
    assert "HTTP proxy" not in shown
    assert "no proxy" in shown


# ---- the page


class _Reader(HTMLParser):
    """Collects tags and checks that they are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.loads += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "data")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> _Reader:
    reader = _Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


SITUATIONS = {
    "well": page(doctor.well()),
    "broken": page(doctor.with_nas(doctor.well(), **PROXY_GONE)),
    "not looked at": page(),
    "before the first up": page(doctor.well(), stages=None),
}


@BOTH
@pytest.mark.parametrize("name", SITUATIONS)
def test_the_page_is_whole_html_that_loads_nothing_and_runs_nothing(
    name: str, lang: Language
) -> None:
    text = document(SITUATIONS[name], lang)
    reader = read(text)
    assert reader.loads == []
    assert "script" not in reader.tags
    assert not re.search(r"url\((?!#)|@import", text)
    for svg in re.findall(r"<svg .*?</svg>", text, re.DOTALL):
        ET.fromstring(svg)
    assert text.count("<svg ") == 2
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in text
    assert "prefers-color-scheme: dark" in text


def test_every_colour_of_the_page_is_there_in_light_and_in_dark() -> None:
    style = document(page(), "en").partition("<style>")[2].partition("</style>")[0]
    light, _, dark = style.partition("@media (prefers-color-scheme: dark)")
    light, dark = light.partition("}")[0], dark.partition("}")[0]
    names = [set(re.findall(r"(--[a-z]+):", part)) for part in (light, dark)]
    assert names[0] == names[1]
    assert set(re.findall(r"var\((--[a-z]+)\)", style)) == names[0]


def test_the_page_says_first_what_to_mend_first() -> None:
    broken = SITUATIONS["broken"]
    assert isinstance(broken.found, Diagnosis)
    text = document(broken, "en")
    banner = text.partition('<section class="banner bad">')[2].partition("</section>")[0]
    assert "192.168.31.198:7222" in banner
    assert "What is not well" in text
    assert "What is not well" not in document(SITUATIONS["well"], "en")


def test_no_page_holds_the_password_of_the_proxy() -> None:
    for situation in SITUATIONS.values():
        for lang in LANGUAGES:
            assert "S3NTINEL" not in document(situation, lang)


def test_whatever_a_nas_is_called_is_text_and_no_markup() -> None:
    evil = replace(page(doctor.well()).view, nas="<script>&", daemon_config="</svg><b>", proxy='"')
    text = document(replace(page(), view=evil, stack="<i>"), "en")
    assert "script" not in read(text).tags
    assert "i" not in read(text).tags


@pytest.mark.parametrize(
    ("content", "fits"), [("short", True), ("x" * 80, False), ("代理服务器" * 12, False)]
)
def test_a_text_that_is_too_long_is_cut_to_its_room(content: str, fits: bool) -> None:
    shown = cut(content, 200, 12)
    assert (shown == content) == fits
    assert breadth(shown, 12) <= 200
    assert fits or shown.endswith("…")


def test_a_path_that_is_too_long_keeps_its_end() -> None:
    path = "/share/CACHEDEV1_DATA/.qpkg/container-station/etc/docker.json"
    assert cut_path(path, 250, 12) == "…/container-station/etc/docker.json"
    assert cut_path("/etc/docker/daemon.json", 250, 12) == "/etc/docker/daemon.json"
    assert cut_path("", 250, 12) == ""
