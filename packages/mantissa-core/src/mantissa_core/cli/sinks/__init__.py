"""``mantissa sinks``: the destinations of alerts. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .add import add_sink
from .canary import run_canary
from .health import show_health
from .list_sinks import list_sinks
from .remove import remove_sink
from .switch import disable_sink, enable_sink
from .test import test_sink


@click.group("sinks", cls=Group)
def command() -> None:
    """Set up, list, test and remove destinations of alerts, and show how they are."""


for each in (list_sinks, add_sink, test_sink, show_health, run_canary, enable_sink, disable_sink, remove_sink):
    command.add_command(each)
