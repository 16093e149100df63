"""``mantissa sources``: the configured sources, and whether they work. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .coverage import show_coverage
from .describe import describe_source
from .drift import show_drift
from .list_sources import list_sources
from .table import show_table
from .test import test_sources


@click.group("sources", cls=Group)
def command() -> None:
    """List, test and describe the configured sources, and show what drifts; what is installed for which."""


for each in (list_sources, test_sources, describe_source, show_drift, show_table, show_coverage):
    command.add_command(each)
