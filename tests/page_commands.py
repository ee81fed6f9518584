"""The commands that README.md and docs/*.md give to people, and which test runs each of them.

A command is a line of a fenced block of the language `sh`. tests/e2e/test_pages.py takes the text
of each out of its page and runs it; `ELSEWHERE` names those that it does not run, with the reason
and the test that shows the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.lab.paths import REPO

README = "README.md"
ON_NAS = "# on the NAS"
"""First line of a block whose commands are for a shell on the NAS."""

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*) *$")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: file below the project, e.g. `docs/access.md`.
        line: number of the line of its opening fence.
        language: behind the fence, empty for none.
        text: its lines without the block's indentation.
    """

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class PageCommand:
    """One command of a page.

    Attributes:
        text: to the letter.
        where: on this machine or on the NAS.
        block: line of the fence of its block; each block begins in the project's own folder.
    """

    page: str
    text: str
    where: Literal["here", "nas"]
    block: int


@dataclass(frozen=True)
class Elsewhere:
    """A command that is not run from its page: why, and the test that does what it does."""

    page: str
    text: str
    why: str
    test: str


def pages() -> tuple[str, ...]:
    """The English pages; those in Chinese have the same blocks, which a test of theirs sees to."""
    return (README, *sorted(f"docs/{file.name}" for file in (REPO / "docs").glob("*.md")))


def blocks(page: str, text: str | None = None) -> Iterator[Block]:
    """Every fenced block of a page, in its order.

    Raises:
        ValueError: for a block that does not end.
    """
    lines = ((REPO / page).read_text(encoding="utf-8") if text is None else text).splitlines()
    opened: tuple[int, str, str] | None = None
    content: list[str] = []
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if fence is not None and opened is None:
            opened, content = (number, fence["indent"], fence["language"]), []
        elif fence is not None and opened is not None:
            yield Block(page, opened[0], opened[2], "".join(f"{line}\n" for line in content))
            opened = None
        elif opened is not None:
            content.append(line.removeprefix(opened[1]))
    if opened is not None:
        raise ValueError(f"{page}:{opened[0]}: a block that does not end")


def headings(text: str) -> list[tuple[int, str]]:
    """Level and text of each heading of a page; a comment in a block is none."""
    found, inside = [], False
    for line in text.splitlines():
        inside ^= _FENCE.match(line) is not None
        match = re.match(r"(#+) (.*)", line)
        if match is not None and not inside:
            found.append((len(match[1]), match[2].strip()))
    return found


def anchors(text: str) -> set[str]:
    """What behind `#` leads to a heading of a page, by GitHub's rule."""
    titles = (title.lower().replace(" ", "-") for _, title in headings(text))
    return {re.sub(r"[^\w-]", "", title) for title in titles}


def commands(page: str, text: str | None = None) -> tuple[PageCommand, ...]:
    """The commands of a page in its order, lines that go on (`\\`) as one."""
    found = []
    for block in blocks(page, text):
        if block.language != "sh":
            continue
        first, _, rest = block.text.partition("\n")
        where: Literal["here", "nas"] = "nas" if first == ON_NAS else "here"
        waiting = ""
        for one in (rest if where == "nas" else block.text).splitlines():
            if one.endswith("\\"):
                waiting += f"{one}\n"
            elif waiting or (one.strip() and not one.startswith("#")):
                found.append(PageCommand(page, waiting + one, where, block.line))
                waiting = ""
    return tuple(found)


def commands_to_run(page: str) -> tuple[PageCommand, ...]:
    """Those that are not shown elsewhere."""
    others = {(one.page, one.text) for one in ELSEWHERE}
    return tuple(one for one in commands(page) if (page, one.text) not in others)


def is_test(name: str) -> bool:
    """Whether `tests/x/test_y.py::test_z` exists."""
    file, _, function = name.partition("::")
    path = REPO / file
    if not path.is_file():
        return False
    return bool(re.search(rf"^def {re.escape(function)}\(", path.read_text("utf-8"), re.MULTILINE))


_HALF_MADE = (
    "tests/e2e/test_faults.py::"
    "test_a_container_that_was_half_made_is_cleared_by_the_lines_of_the_page"
)
_NEEDS_A_KILLED_UP = "it needs an `up` that was killed; that test takes it from the page"

ELSEWHERE = (
    Elsewhere(
        README,
        "make test",
        "it is the run that this belongs to",
        "tests/unit/test_docs.py::test_ci_runs_the_command_of_the_readme",
    ),
    Elsewhere(
        "docs/commands.md",
        'eval "$(.venv/bin/python -m nas completion zsh)"',
        "the walk's shell is bash",
        "tests/unit/test_completion.py::test_a_shell_completes",
    ),
    *(
        Elsewhere("docs/reliability.md", text, _NEEDS_A_KILLED_UP, _HALF_MADE)
        for text in (
            "pulumi cancel --yes",
            "pulumi up",
            "docker rm -f k3s",
            "pulumi refresh --yes --skip-preview --clear-pending-creates",
        )
    ),
    Elsewhere(
        "docs/reliability.md",
        "pulumi refresh --parallel 1",
        "it needs an sshd that takes one login at a time",
        "tests/e2e/test_ssh.py::test_up_refresh_and_destroy_get_by_with_one_login_at_a_time",
    ),
)
