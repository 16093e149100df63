"""``mantissa routes``: which alerts go where. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .add import add_route
from .list_routes import list_routes
from .test import test_routes


@click.group("routes", cls=Group)
def command() -> None:
    """List the routes of alerts, say where an alert would go, and add routes in plain words."""


for each in (list_routes, test_routes, add_route):
    command.add_command(each)
