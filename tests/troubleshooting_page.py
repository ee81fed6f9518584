"""docs/troubleshooting.md, also in Chinese: the tree from the catalogue, the table from a run.

`python -m tests.troubleshooting_page` writes the pages; `make doctor-table` runs the e2e test
first, which then writes what it saw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nas.doctor.tree import CHECKS, SECTIONS
from nas.messages import Language, area, text
from tests import troubleshooting_zh as zh
from tests.lab.paths import REPO

FILES: Mapping[Language, Path] = {
    "en": REPO / "docs" / "troubleshooting.md",
    "zh": REPO / "docs" / "zh-CN" / "troubleshooting.md",
}
ROWS = REPO / "tests" / "e2e" / "doctor_rows.json"
WRITE_ROWS = "NAS_K3S_WRITE_DOCTOR_ROWS"
"""Variable with which the test writes ROWS instead of comparing."""


@dataclass(frozen=True)
class Row:
    """One thing that was broken in the lab.

    Attributes:
        broken: what was done to it.
        leaf: what doctor named first.
        seen: its evidence, without what is another at each run.
        fix: what the owner has to do by hand.
        commands: what doctor printed, and what was run, to the letter.
    """

    broken: str
    leaf: str
    seen: str
    fix: list[str]
    commands: list[str]


_HEAD = """# Troubleshooting

```sh
.venv/bin/python -m nas doctor --stack home
```

or `make doctor STACK=home`. It reads the NAS over SSH, walks the tree below and names the first
thing to mend, with the setting or the command. Causes are told from consequences: with the proxy
down it names the proxy, and not the pods in ImagePullBackOff behind it. It changes nothing,
restarts nothing and pulls nothing; its only traces are connections and, while it runs, a directory
of notes in /tmp of the NAS. No password is shown. It works with half of the NAS broken, and then
says what could not be checked and why.

| option | |
|---|---|
| `--lang en`, `--lang zh` | language; without it that of your terminal |
| `--json` | one document for machines |
| `--deadline SECONDS` | 90; what cannot be asked within it is told as not checked |

| exit status | |
|---|---|
| 0 | all is well |
| 1 | warnings: it works, and something will go wrong |
| 2 | something is broken, or the config is refused |
| 3 | nothing broken was found, but not all could be checked |

## The tree

```text
docker pull works?
├─ no ── proxy in the daemon's config?
│        ├─ no ── Fix 1: the daemon's proxy (nas-k3s:proxy, pulumi up)
│        └─ yes ─ loaded? proxy reachable, login accepted, registry allowed, TLS trusted? firewall?
└─ yes ─ k3s runs?
         ├─ no ── ports, disk, memory, image, and what its log says
         └─ yes ─ pods ImagePullBackOff?
                  ├─ HTTP_PROXY in the container?  no ── Fix 2 (nas-k3s:proxyScope, pulumi up)
                  ├─ NO_PROXY in it, and enough?   no ── Fix 3 (nas-k3s:noProxy, pulumi up)
                  └─ API, node, DNS, certificates, smoke test
```

Some of these checks need no cluster: clock, memory and disk are warnings of `pulumi preview` and
`pulumi up` too, and account, platform, ports and the way of the daemon's proxy are refusals there.
So is a proxy that is down, does not take the login, blocks the registry or signs its certificates
anew without `caCertificatesFile`, where a first `up`, or a restart of Docker, would founder on it;
where the cluster is there already it is a warning, since an `up` may change nothing or heal. One
that says nothing may only be slow: that is always a warning.
"""

_JSON = """
## JSON

`--json` prints one object. `version` is raised when a member is taken away or changes its meaning.

| member | |
|---|---|
| `version` | 1 |
| `stack` | its name |
| `verdict` | the worst: `ok`, `warning`, `bad`, `unknown` (not all could be checked) |
| `exitCode` | as above |
| `primary`, `leaf` | the check whose trouble comes first, and what it found; else null |
| `path` | the way through the tree to it: `check` and `verdict` of each step |
| `checks[].id`, `section`, `question` | which check it is |
| `checks[].verdict`, `leaf`, `seen` | what it found, and the evidence as a text |
| `checks[].fix` | null, or `text`, `number` (of Fix 1, 2, 3, else null) and `commands` |
| `checks[].fix.commands` | each with `on` (`here`, `nas`) and `run` |
| `checks[].because` | the check whose trouble explains this one, else null |
| `seconds` | how long it took |

Ids and leaves stay the same in every language; the texts are in the one that was asked for.
"""

_SEEN = """
## Seen and healed

Each of these was done to a stack in [the NAS in a box](lab.md), alone. Doctor named that leaf and
no other root; then the owner's part was done and the commands that it printed were run as they
stand, there (`nas`) or here (`here`); then doctor found nothing to mend. No box has a clock of its
own: for that row doctor alone was told another time. Written by `make doctor-table`.

| what was broken | leaf | what doctor saw | healed by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Words:
    """The page's own texts in one language; the others are those of the catalogue."""

    head: str
    checks: str
    leaves: str
    json: str
    seen: str


WORDS: Mapping[Language, Words] = {
    "en": Words(
        _HEAD,
        "\n## Checks\n\n| id | question | part |\n|---|---|---|\n",
        "\n## What it can find\n\n| leaf | what is seen | what to do |\n|---|---|---|\n",
        _JSON,
        _SEEN,
    ),
    "zh": Words(zh.HEAD, zh.CHECKS, zh.LEAVES, zh.JSON, zh.SEEN),
}


def page(lang: Language = "en") -> str:
    """The page's text."""
    words = WORDS[lang]
    table = "".join(_row(row, lang) for row in rows())
    return words.head + _checks(lang) + _leaves(lang) + words.json + words.seen + table


def rows() -> list[Row]:
    """What the last run of the test has seen."""
    return [Row(**row) for row in json.loads(ROWS.read_text(encoding="utf-8"))]


def _row(row: Row, lang: Language) -> str:
    broken, seen = _said(row.broken, lang), _seen(row, lang)
    return f"| {broken} | `{row.leaf}` | {seen} | {_healed(row, lang)} |\n"


def _said(words: str, lang: Language) -> str:
    return words if lang == "en" else zh.WORDS.get(words, words)


def _seen(row: Row, lang: Language) -> str:
    """The evidence, which was seen in English: its values are put into the other language's text.

    Raises:
        ValueError: when it is not what the catalogue says now.
    """
    if lang == "en":
        return row.seen
    english, other = (area("doctor")[f"doctor.{row.leaf}.seen"][one] for one in ("en", lang))
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.*)", re.escape(english))
    match = re.fullmatch(pattern, row.seen)
    if match is None:
        raise ValueError(f"{row.leaf}: run `make doctor-table`, {row.seen!r} is seen no more")
    return other.format(**match.groupdict())


def _healed(row: Row, lang: Language) -> str:
    done = [*(_said(words, lang) for words in row.fix), *(f"`{one}`" for one in row.commands)]
    return ("，" if lang == "zh" else ", ").join(done).replace("|", "\\|")


def _checks(lang: Language) -> str:
    lines = [WORDS[lang].checks]
    for section in SECTIONS:
        title = text(f"doctor.section-{section}.title", lang)
        lines += [
            f"| `{check.id}` | {text(f'doctor.{check.id}.question', lang)} | {title} |\n"
            for check in CHECKS
            if check.section == section
        ]
    return "".join(lines)


def _leaves(lang: Language) -> str:
    """What can be wrong, with what to do; in braces what depends on the NAS."""
    messages = area("doctor")
    lines = [WORDS[lang].leaves]
    for key, fix in messages.items():
        if key.endswith(".fix"):
            leaf = key.split(".")[1]
            seen = messages[f"doctor.{leaf}.seen"][lang]
            lines.append(f"| `{leaf}` | {seen} | {fix[lang]} |\n")
    return "".join(lines)


if __name__ == "__main__":
    for language, file in FILES.items():
        file.write_text(page(language), encoding="utf-8")
