"""The command line beside Pulumi's own: `python -m nas COMMAND`.

A command's module is loaded when the command is called: `--help` needs none of them.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

from nas.errors import RefusedError
from nas.messages import language, text

COMMANDS: Mapping[str, str] = {
    "init": "nas.commands.init",
    "doctor": "nas.commands.doctor",
    "timeline": "nas.commands.timeline",
    "completion": "nas.commands.completion",
}
"""Name of a command -> module whose `command` it is; `cli.<name>` of the catalogue is its line."""

COMPLETE_VARIABLE = "_NAS_COMPLETE"
"""What a shell sets when it asks for completions (scripts in nas/completion)."""


class StoppedError(click.ClickException):
    """Nothing was done, and the message says why and what to do. Status 2, as for wrong usage."""

    exit_code = 2


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, n=1)
            if near and not ctx.resilient_parsing:
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {near[0]!r}?")
            return None
        command = importlib.import_module(COMMANDS[cmd_name]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        lang = language(None, os.environ)
        with formatter.section("Commands"):
            formatter.write_dl([(name, text(f"cli.{name}", lang)) for name in COMMANDS])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        lang = language(None, os.environ)
        commands = [
            CompletionItem(name, help=text(f"cli.{name}", lang))
            for name in COMMANDS
            if name.startswith(incomplete)
        ]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RefusedError as refusal:
            raise StoppedError(str(refusal)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Commands for a k3s cluster on a NAS, beside `pulumi` itself.

    `python -m nas COMMAND --help` says more; docs/commands.md has all of them.
    """
