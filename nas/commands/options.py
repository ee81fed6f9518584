"""Options that several commands have."""

from __future__ import annotations

import os

import click

from nas.messages import LANGUAGES, Language, language


def _language(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Language:
    return language(value, os.environ)


stack_option = click.option(
    "--stack", required=True, envvar="PULUMI_STACK", metavar="NAME", help="Name of the stack."
)
"""Gives the command `stack`."""

language_option = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    callback=_language,
    help="Language of the messages; without it, that of your terminal.",
)
"""Gives the command `lang`, a `Language`."""
