"""Options that several commands have."""

from __future__ import annotations

import os

import click

from nas.messages import LANGUAGES, Language, language
from nas.stack_file import project_root, stack_names


def _language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Language:
    return language(value, os.environ)


def _stacks(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in stack_names(project_root()) if name.startswith(incomplete)]


stack_option = click.option(
    "--stack",
    required=True,
    envvar="PULUMI_STACK",
    show_envvar=True,
    metavar="NAME",
    help="Name of the stack.",
    shell_complete=_stacks,
)
"""Gives the command `stack`."""

language_option = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    callback=_language,
    help="Language of the messages; without it, that of your terminal.",
)
"""Gives the command `lang`, a `Language`."""
