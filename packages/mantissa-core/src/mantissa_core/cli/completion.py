"""``mantissa completion``: the script that makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .command import Command, Session, pass_session
from .output import print_json

HINTS = {
    "bash": 'eval "$(mantissa completion bash)"   # in ~/.bashrc; needs bash 4.4 or later',
    "zsh": 'eval "$(mantissa completion zsh)"    # in ~/.zshrc',
    "fish": "mantissa completion fish > ~/.config/fish/completions/mantissa.fish",
}


@click.command("completion", cls=Command)
@click.argument("shell", type=click.Choice(sorted(HINTS)))
@pass_session
def command(session: Session, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    Once, for good:
      bash   eval "$(mantissa completion bash)"   in ~/.bashrc; bash 4.4 or later
      zsh    eval "$(mantissa completion zsh)"    in ~/.zshrc
      fish   mantissa completion fish > ~/.config/fish/completions/mantissa.fish
    """
    from .app import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click has no completion for {shell}")
    script = kind(cli, {}, "mantissa", "_MANTISSA_COMPLETE").source()
    if session.json:
        print_json({"shell": shell, "script": script, "install": HINTS[shell]})
    else:
        click.echo(script)
