"""What a check is, and what it finds. Texts are keys of the catalogue, `catalogue/doctor.yaml`.

A check `ID` asks `doctor.ID.question`. What it finds is a leaf: `doctor.LEAF.seen` is the evidence
and `doctor.LEAF.fix` what to do; the leaf of a check that is fine is `ID-ok`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from nas.doctor.evidence import Case

Verdict = Literal["ok", "warning", "bad", "unknown"]
EXIT_CODES: Mapping[Verdict, int] = {"ok": 0, "warning": 1, "bad": 2, "unknown": 3}


@dataclass(frozen=True)
class Command:
    """One line of a fix: run on this machine (`here`) or on the NAS."""

    on: Literal["here", "nas"]
    run: str


@dataclass(frozen=True)
class Finding:
    """The answer of one check.

    Attributes:
        leaf: what was found; for `unknown`, why it could not be checked.
        values: placeholders of its texts. They hold no secret.
        commands: the fix as commands, empty where the fix is no command.
        number: of Fix 1 (the daemon's proxy), 2 (HTTP_PROXY) and 3 (NO_PROXY).
    """

    verdict: Verdict
    leaf: str
    values: Mapping[str, object] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    number: int | None = None

    @property
    def has_fix(self) -> bool:
        return self.verdict in ("warning", "bad")


@dataclass(frozen=True)
class Check:
    """One node of the tree.

    Attributes:
        id: stable, for machines too.
        section: of the tree for people.
        judge: decides from the evidence alone.
        under: the node that leads here in the decision tree, empty for the first.
        needs: checks without whose yes this one cannot be asked.
        after: checks whose trouble explains trouble here.
    """

    id: str
    section: str
    judge: Callable[[Case], Finding]
    under: str = ""
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def ok(check: str, /, **values: object) -> Finding:
    """Nothing to mend."""
    return Finding("ok", f"{check}-ok", values)


def unknown(why: str, /, **values: object) -> Finding:
    """Could not be asked, because of `why`: a leaf of its own."""
    return Finding("unknown", f"unknown-{why}", values)
