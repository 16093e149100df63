"""``mantissa version``: what is installed, for bug reports."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import distributions, version

import click

from .command import Command, Session, pass_session
from .output import print_json

ENGINES = ("deltalake", "duckdb", "pyarrow", "pysigma")


@click.command("version", cls=Command)
@pass_session
def command(session: Session) -> None:
    """Print the versions of Mantissa Log, its plugins and its engines."""
    found = versions()
    if session.json:
        print_json(found)
        return
    width = max(map(len, found))
    for name, number in found.items():
        click.echo(f"{name:{width}}  {number}")


def versions() -> dict[str, str]:
    """Distributions by name: the core, what plugs into it, the engines, Python."""
    found = {"mantissa-core": version("mantissa-core"), **dict(sorted(_plugins()))}
    found |= {name: version(name) for name in ENGINES}
    return {**found, "python": platform.python_version(), "platform": platform.platform()}


def _plugins() -> Iterator[tuple[str, str]]:
    for each in distributions():
        if any(entry.group.startswith("mantissa.") for entry in each.entry_points):
            yield each.name, each.version
