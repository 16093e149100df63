"""``mantissa plugins``: what is installed, and whether what is configured works."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import entry_points

import click

from mantissa_core import catalog

from .command import Group, Session, pass_session
from .exit_codes import Exit
from .output import print_json
from .plain_table import plain_table


@click.group("plugins", cls=Group)
def command() -> None:
    """List and check installed plugins."""


@command.command("list")
@click.option("--kind", help="Only this kind: collectors, alert_sinks, …")
@pass_session
def list_plugins(session: Session, kind: str | None) -> None:
    """List every installed plugin by kind, without importing any.

    Nothing runs because it is installed: mantissa.toml names a plugin under a label.
    """
    found = [each for each in _installed() if kind in (None, each.group.removeprefix("mantissa."))]
    if session.json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        (each.group.removeprefix("mantissa."), each.name, f"{each.distribution} {each.version}", each.target)
        for each in found
    ]
    plain_table(["KIND", "NAME", "FROM", "CODE"], rows)


def _installed() -> Iterator[catalog.Installed]:
    for group in sorted(entry_points().groups):
        if group.startswith("mantissa."):
            yield from catalog.installed(group)


@command.command("doctor")
@pass_session
@click.pass_context
def doctor(ctx: click.Context, session: Session) -> None:
    """Start every configured plugin and ask it whether it could work now.

    Exit code 1 where one cannot; the table says why.
    """
    from .checks import check_plugins, show

    with session.runtime() as runtime:
        results = list(check_plugins(runtime))
    show(session, results)
    ctx.exit(Exit.OK if all(each.ok for each in results) else Exit.FINDINGS)
