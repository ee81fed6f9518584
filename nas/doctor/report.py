"""A diagnosis as people and as machines read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from nas import doc_pages
from nas.doctor.model import Finding, Verdict
from nas.doctor.tree import CHECKS, SECTIONS, Diagnosis
from nas.messages import Language, text

VERSION = 1
"""Of the JSON document: raised when a member is taken away or changes its meaning."""
WIDTH = 110
"""Columns where the output is no terminal."""

_STYLES: Mapping[Verdict, str] = {
    "ok": "green",
    "warning": "yellow",
    "bad": "bold red",
    "unknown": "magenta",
}


def question(check: str, lang: Language) -> str:
    return text(f"doctor.{check}.question", lang)


def seen(finding: Finding, lang: Language) -> str:
    """The evidence, in one or two lines."""
    values = dict(finding.values)
    if need := _need(finding):
        values["question"] = question(need, lang)
    return text(f"doctor.{finding.leaf}.seen", lang, **values)


def fix(finding: Finding, lang: Language) -> str:
    """What to do, without the commands."""
    what = text(f"doctor.{finding.leaf}.fix", lang, **finding.values)
    if finding.number is None:
        return what
    return text("doctor.report.numbered", lang, number=finding.number, what=what)


def as_json(stack: str, found: Diagnosis, seconds: float, lang: Language) -> dict[str, Any]:
    """The document of `--json`; docs/troubleshooting.md describes it."""
    return {
        "version": VERSION,
        "stack": stack,
        "verdict": found.verdict,
        "exitCode": found.exit_code,
        "primary": found.primary,
        "leaf": None if found.primary is None else found.findings[found.primary].leaf,
        "path": [{"check": one, "verdict": found.findings[one].verdict} for one in found.path],
        "checks": [
            {
                "id": check.id,
                "section": check.section,
                "question": question(check.id, lang),
                **_finding(found.findings[check.id], lang),
                "because": found.causes.get(check.id),
            }
            for check in CHECKS
        ],
        "seconds": round(seconds, 1),
    }


def _finding(finding: Finding, lang: Language) -> dict[str, Any]:
    mend = None
    if finding.has_fix:
        mend = {
            "text": fix(finding, lang),
            "number": finding.number,
            "commands": [{"on": one.on, "run": one.run} for one in finding.commands],
        }
    return {
        "verdict": finding.verdict,
        "leaf": finding.leaf,
        "seen": seen(finding, lang),
        "fix": mend,
    }


def show(console: Console, stack: str, found: Diagnosis, lang: Language) -> None:
    """The tree, the way through it, and what to mend first."""
    console.print(_tree(stack, found, lang))
    console.print()
    if found.primary is None:
        key = "doctor.report.well" if found.verdict == "ok" else "doctor.report.cannot-tell"
        console.print(Text(text(key, lang), _STYLES[found.verdict]))
        return
    console.print(Text(text("doctor.report.path", lang)))
    for depth, check in enumerate(found.path):
        step = Text("  " * (depth + 1) + question(check, lang) + " ")
        console.print(step + _mark(found.findings[check].verdict, lang), soft_wrap=True)
    console.print()
    first = found.findings[found.primary]
    head = text("doctor.report.first", lang, leaf=first.leaf, what=seen(first, lang))
    console.print(Text(head, _STYLES[first.verdict]), soft_wrap=True)
    console.print(Text(fix(first, lang)), soft_wrap=True)
    for command in first.commands:
        where = text(f"doctor.report.on-{command.on}", lang)
        # Not wrapped: it is copied from here.
        console.print(Text(f"  {where}  {command.run}"), soft_wrap=True)
    _others(console, found, lang)
    more = text("doctor.report.more", lang, page=doc_pages.DOCTOR[lang])
    console.print(Text(more), soft_wrap=True)


def _others(console: Console, found: Diagnosis, lang: Language) -> None:
    bad = [check for check, one in found.findings.items() if one.verdict == "bad"]
    others = [check for check in bad if check != found.primary and check not in found.causes]
    follow = [check for check in bad if check in found.causes]
    for key, checks in (("also", others), ("follow", follow)):
        if checks:
            names = ", ".join(found.findings[check].leaf for check in checks)
            console.print(Text(text(f"doctor.report.{key}", lang, leaves=names)), soft_wrap=True)


def _mark(verdict: Verdict, lang: Language) -> Text:
    return Text(f"[{text(f'doctor.report.{verdict}', lang)}]", _STYLES[verdict])


def _tree(stack: str, found: Diagnosis, lang: Language) -> Tree:
    tree = Tree(Text(text("doctor.report.title", lang, stack=stack)))
    for section in SECTIONS:
        branch = tree.add(Text(text(f"doctor.section-{section}.title", lang), "bold"))
        checks = [check.id for check in CHECKS if check.section == section]
        # Without SSH nearly all wait for the same answer: one line, and not thirty, says so.
        waiting = Counter(need for check in checks if (need := _first_need(check, found)))
        for check in checks:
            need = _first_need(check, found)
            if need is None or waiting[need] == 1:
                branch.add(_line(check, found, lang))
            elif need in waiting:
                many = {"count": waiting.pop(need), "question": question(need, lang)}
                line = _mark("unknown", lang) + Text(" ")
                branch.add(line.append(text("doctor.report.waiting", lang, **many)))
    return tree


def _need(finding: Finding) -> str | None:
    """The check that has to be answered before this one can be asked."""
    return str(finding.values["check"]) if finding.leaf == "unknown-needs" else None


def _first_need(check: str, found: Diagnosis) -> str | None:
    """The check that was asked and all the others wait for, one behind the other."""
    need = _need(found.findings[check])
    return need and (_first_need(need, found) or need)


def _line(check: str, found: Diagnosis, lang: Language) -> Text:
    finding = found.findings[check]
    line = _mark(finding.verdict, lang) + Text(f" {question(check, lang)} ")
    line.append(seen(finding, lang), "dim" if finding.verdict == "ok" else "")
    if check in found.causes:
        cause = found.findings[found.causes[check]].leaf
        line.append(" " + text("doctor.report.because", lang, leaf=cause), "italic")
    return line
