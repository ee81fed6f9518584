"""The errors that a user reads: each names the setting, its value and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nas import doc_pages
from nas.proxy import mask_credentials

NAMESPACE = "nas-k3s"
"""The Pulumi project's name, hence the namespace of each config key."""

NOT_SHOWN = "[not shown]"
"""Stands for a value that may be a secret although its setting is none."""


@dataclass(frozen=True)
class Problem:
    """One thing to change before anything runs.

    Attributes:
        key: config key without its namespace, e.g. `proxy`.
        value: the value as it may be shown: secrets are masked by whoever makes the problem.
        why: what is wrong with it, a clause without a full stop.
        fix: what to write or do instead.
        is_setting: False for what is no config key, such as the stack's name.
    """

    key: str
    value: str | None
    why: str
    fix: str
    is_setting: bool = True

    def __str__(self) -> str:
        shown = "is not set" if self.value is None else f"= {self.value}"
        name = f"{NAMESPACE}:{self.key}" if self.is_setting else self.key
        return f"{name} {shown}\n    {self.why}\n    -> {self.fix}"


class RefusedError(Exception):
    """Raised before anything is changed, with every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        pages = ", ".join(dict.fromkeys(map(_page, self.problems)))
        super().__init__(f"{self._head()}\n{lines}\n  see {pages}")

    def _head(self) -> str:
        count = len(self.problems)
        if not all(one.is_setting for one in self.problems):
            return "1 thing is in the way:" if count == 1 else f"{count} things are in the way:"
        need = "1 setting needs" if count == 1 else f"{count} settings need"
        return f"{need} a change before anything runs:"


def _page(problem: Problem) -> str:
    if not problem.is_setting:
        return doc_pages.COMMANDS
    key = re.split(r"[\[.]", problem.key)[0]
    return doc_pages.OF_SETTING.get(key, doc_pages.SETTINGS)


def config_path(steps: Iterable[int | str]) -> str:
    """A path as `pulumi config set --path` takes it, e.g. `noProxy[0]` or
    `registries.mirrors["docker.io"]`; credentials in a key are masked."""

    def step(part: int | str) -> str:
        if isinstance(part, int):
            return f"[{part}]"
        return f'["{mask_credentials(part)}"]' if re.search(r"[^\w-]", part) else f".{part}"

    return "".join(map(step, steps)).removeprefix(".")


def set_command(key: str, value: str = "", *, secret: bool = False) -> str:
    """The command that writes a setting, for the `fix` of a problem; without a value it asks."""
    flag = "--secret " if secret else ""
    behind = f" {value}" if value else ""
    return f"pulumi config set {flag}{NAMESPACE}:{key}{behind}"
