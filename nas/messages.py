"""The catalogue: every message of the commands, in each language.

A message's key is `AREA.NAME...`; `catalogue/AREA.yaml` maps it to one text per language, with
placeholders as `str.format` knows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import yaml

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_CATALOGUE = resources.files("nas") / "catalogue"


def language(wanted: str | None, environment: Mapping[str, str]) -> Language:
    """The language to speak: the one that was asked for, else the one of the environment.

    Of the variables the first that is set counts, in the order of POSIX.
    """
    named = wanted or next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)),
        "",
    )
    return "zh" if named.lower().startswith("zh") else "en"


def text(key: str, lang: Language, **values: object) -> str:
    """One message with its placeholders filled.

    Raises:
        KeyError: for a key that is not in the catalogue, or a placeholder without a value.
    """
    return area(key.partition(".")[0])[key][lang].format(**values)


@cache
def area(name: str) -> Mapping[str, Mapping[Language, str]]:
    """All messages of one area: key -> language -> text.

    Raises:
        KeyError: when there is no such area.
    """
    file = _CATALOGUE / f"{name}.yaml"
    if not file.is_file():
        raise KeyError(name)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    messages: Mapping[str, Mapping[Language, str]] = yaml.load(
        file.read_text(encoding="utf-8"), loader
    )
    return messages
