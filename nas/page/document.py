"""The page as one HTML file: no script, nothing that is loaded, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib import resources

from nas.doctor.model import Finding
from nas.doctor.report import fix, question, seen
from nas.doctor.tree import Diagnosis
from nas.messages import Language, text
from nas.page.gantt import GROUPS, gantt
from nas.page.network import SIGNS, View, network
from nas.timeline import Stage, span

_STYLE = (resources.files("nas") / "page" / "style.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Page:
    """What the page is about.

    Attributes:
        stages: the timeline, None when no `up` has measured one.
        found: what the doctor found, secrets masked; None when nobody looked.
        looked: when, by this machine's clock.
    """

    stack: str
    view: View
    stages: Sequence[Stage] | None
    found: Diagnosis | None
    looked: datetime


def document(page: Page, lang: Language) -> str:
    """The whole file."""
    title = text("timeline.page.title", lang, stack=page.stack)
    parts = [
        "<!doctype html>",
        f'<html lang="{"zh-CN" if lang == "zh" else "en"}">',
        '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>\n{_STYLE}</style></head>",
        f"<body><main><header><h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(_when(page, lang))}</p></header>',
        *(_banner(page.found, lang) if page.found else ()),
        *_timeline(page, lang),
        *_picture(page, lang),
        *(_checks(page.found, lang) if page.found else ()),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _when(page: Page, lang: Language) -> str:
    parts = [text("timeline.page.nas", lang, nas=page.view.nas)]
    whole = None if page.stages is None else span(page.stages)
    if whole is not None:
        time = datetime.fromtimestamp(whole[1], UTC)
        parts.append(text("timeline.page.up-ended", lang, time=f"{time:%Y-%m-%d %H:%M:%S}"))
    if page.found is not None:
        time = page.looked.astimezone(UTC)
        parts.append(text("timeline.page.looked", lang, time=f"{time:%Y-%m-%d %H:%M:%S}"))
    return " · ".join(parts)


def _banner(found: Diagnosis, lang: Language) -> Iterator[str]:
    verdict = found.verdict
    yield f'<section class="banner {verdict}">'
    if found.primary is None:
        key = "timeline.page.well" if verdict == "ok" else "timeline.page.cannot-tell"
        yield f"<p>{escape(text(key, lang))}</p></section>"
        return
    first = found.findings[found.primary]
    sign = SIGNS[first.verdict]
    yield f'<h2 class="{first.verdict}"><b>{sign}</b> {escape(seen(first, lang))}</h2>'
    yield f"<p>{escape(fix(first, lang))}</p>"
    yield from _commands(first, lang)
    yield "</section>"


def _commands(finding: Finding, lang: Language) -> Iterator[str]:
    for command in finding.commands:
        where = text(f"doctor.report.on-{command.on}", lang)
        yield (
            f'<p class="command"><span class="soft">{escape(where)}</span> '
            f"<code>{escape(command.run)}</code></p>"
        )


def _timeline(page: Page, lang: Language) -> Iterator[str]:
    yield f"<section><h2>{escape(text('timeline.page.gantt', lang))}</h2>"
    key = "timeline.page.gantt-note" if page.stages else "timeline.page.no-timeline"
    yield f'<p class="soft">{escape(text(key, lang))}</p>'
    stages = page.stages or [Stage(name) for name in GROUPS]
    yield f'<div class="wide">{gantt(stages, lang)}</div></section>'


def _picture(page: Page, lang: Language) -> Iterator[str]:
    yield f"<section><h2>{escape(text('timeline.page.network', lang))}</h2>"
    yield f'<p class="soft">{escape(text("timeline.page.network-note", lang))}</p>'
    yield f'<div class="wide">{network(page.view, lang)}</div>'
    if page.found is not None:
        yield '<p class="legend">'
        for verdict, sign in SIGNS.items():
            label = escape(text(f"timeline.page.{verdict}", lang))
            yield f'<span class="{verdict}"><b>{sign}</b>{label}</span>'
        yield "</p>"
    yield "</section>"


def _checks(found: Diagnosis, lang: Language) -> Iterator[str]:
    trouble = {check: one for check, one in found.findings.items() if one.verdict != "ok"}
    fine = {check: one for check, one in found.findings.items() if one.verdict == "ok"}
    if trouble:
        yield f"<section><h2>{escape(text('timeline.page.trouble', lang))}</h2><table>"
        for check, finding in trouble.items():
            yield from _row(check, finding, lang)
        yield "</table></section>"
    if fine:
        summary = text("timeline.page.fine", lang, count=len(fine))
        yield f"<section><details><summary>{escape(summary)}</summary><table>"
        for check, finding in fine.items():
            yield from _row(check, finding, lang)
        yield "</table></details></section>"


def _row(check: str, finding: Finding, lang: Language) -> Iterator[str]:
    verdict = finding.verdict
    name = escape(text(f"timeline.page.{verdict}", lang))
    yield (
        f'<tr><td><b class="{verdict}" title="{name}">{SIGNS[verdict]}</b></td>'
        f"<td>{escape(question(check, lang))}</td><td>{escape(seen(finding, lang))}"
    )
    if finding.has_fix:
        yield f"<br>{escape(fix(finding, lang))}"
        yield from _commands(finding, lang)
    yield "</td></tr>"
