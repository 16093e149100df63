"""``mantissa sinks``: the destinations of alerts. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .canary import run_canary
from .health import show_health


@click.group("sinks", cls=Group)
def command() -> None:
    """Show how the destinations of alerts are, and test the way to them."""


for each in (show_health, run_canary):
    command.add_command(each)
