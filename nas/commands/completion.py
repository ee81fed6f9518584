"""`python -m nas completion`: what a shell needs to complete this program's commands."""

from __future__ import annotations

from importlib import resources

import click

SHELLS = ("bash", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and names of stacks.

    In ~/.bashrc or ~/.zshrc, with the place of this checkout:

    \b
      eval "$(cd ~/nas-k3s && .venv/bin/python -m nas completion bash)"
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """The script for one of SHELLS."""
    return (resources.files("nas") / "completion" / f"{shell}.sh").read_text(encoding="utf-8")
