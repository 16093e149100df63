"""``mantissa routes``: which alerts go where. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .list_routes import list_routes
from .test import test_routes


@click.group("routes", cls=Group)
def command() -> None:
    """List the routes of alerts, and say where an alert would go."""


for each in (list_routes, test_routes):
    command.add_command(each)
