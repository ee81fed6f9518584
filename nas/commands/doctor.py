"""`python -m nas doctor`: what is wrong on the NAS, and what to mend first."""

from __future__ import annotations

import json
import os
import sys
import time

import click
from rich.console import Console

from nas.commands.options import language_option, stack_option
from nas.doctor.probe import gather
from nas.doctor.report import WIDTH, as_json, show
from nas.doctor.tree import diagnose, masked_diagnosis
from nas.messages import Language
from nas.secrets import secrets_of
from nas.stack_file import read_stack

DEADLINE = 90
"""Seconds for everything."""
SHORTEST = 10
"""Seconds for the NAS, however long pulumi took to decrypt the stack's secrets."""


@click.command()
@stack_option
@language_option
@click.option("--json", "as_document", is_flag=True, help="One JSON document, for machines.")
@click.option(
    "--deadline",
    type=click.IntRange(SHORTEST, 600),
    default=DEADLINE,
    show_default=True,
    metavar="SECONDS",
    help="What cannot be asked within it is told as such.",
)
def command(stack: str, lang: Language, as_document: bool, deadline: int) -> None:
    """Walk the troubleshooting tree on the live NAS, which stays as it is.

    Exit status: 0 all is well, 1 warnings, 2 something is broken or the config is refused, 3 not
    all could be checked.
    """
    began = time.monotonic()
    config = read_stack(stack)
    left = deadline - (time.monotonic() - began)
    case = gather(config, os.environ, max(SHORTEST, left))
    found = masked_diagnosis(diagnose(case), secrets_of(case.settings))
    if as_document:
        document = as_json(config.stack, found, time.monotonic() - began, lang)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=WIDTH)
        show(console, config.stack, found, lang)
    sys.exit(found.exit_code)
