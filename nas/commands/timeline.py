"""`python -m nas timeline`: how long the stages of the last `up` took, as text or as a page."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from nas.cli import StoppedError
from nas.commands.options import language_option, stack_option
from nas.messages import Language, text
from nas.page.document import Page, document
from nas.page.live import look, view_of
from nas.pulumi_program import PulumiError
from nas.stack_file import project_root, read_stack
from nas.stack_outputs import read_timeline
from nas.timeline import Stage
from nas.timeline_text import as_text

DEADLINE = 90.0
"""Seconds for a look at the NAS."""


@click.command()
@stack_option
@language_option
@click.option(
    "--html",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a page with the timeline and the network picture; it needs no network.",
)
@click.option(
    "--live/--no-live",
    default=True,
    show_default=True,
    help="Whether the page says what works on the NAS at this moment.",
)
def command(stack: str, lang: Language, file: Path | None, live: bool) -> None:
    """Show how long each stage of the last `up` took, beside what was expected."""
    root = project_root()
    config = read_stack(stack, root)
    stages = _stages(stack, root, needed=file is None)
    if file is None:
        if stages is None:
            raise StoppedError(text("timeline.no-up", lang, stack=config.stack))
        click.echo(as_text(stages, lang, expected=True))
        return
    seen = look(config, os.environ, DEADLINE) if live else None
    page = Page(
        stack=config.stack,
        view=view_of(config, seen),
        stages=stages,
        found=None if seen is None else seen.found,
        looked=datetime.now(UTC),
    )
    try:
        file.write_text(document(page, lang), encoding="utf-8")
    except OSError as error:
        raise StoppedError(f"{file}: {error.strerror}") from None
    click.echo(text("timeline.written", lang, file=file))


def _stages(stack: str, root: Path, *, needed: bool) -> tuple[Stage, ...] | None:
    try:
        return read_timeline(stack, root)
    except PulumiError as error:
        if needed:
            raise StoppedError(str(error)) from None
        click.echo(str(error), err=True)
        return None
