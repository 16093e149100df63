"""``mantissa alerts stats``: how many signals became alerts and messages, and what people were spared."""

from __future__ import annotations

from dataclasses import asdict

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import plural, print_json, say, table

COUNTS = ("signals", "alerts", "notified", "repeats", "filtered", "muted")


@click.command("stats", cls=Command)
@click.option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="Today and the days before it.")
@pass_session
def alert_stats(session: Session, days: int) -> None:
    """Count signals, alerts, messages and what was suppressed, by rule and day (UTC)."""
    with session.runtime() as runtime:
        found = runtime.alert_statistics(days)
    if session.json:
        print_json([asdict(each) for each in found])
    elif found:
        rows = [(each.day, each.rule_name, *(str(getattr(each, name)) for name in COUNTS)) for each in found]
        sums = [str(sum(getattr(each, name) for each in found)) for name in COUNTS]
        heads = ["DAY (UTC)", "RULE", *(name.upper() for name in COUNTS)]
        table(heads, [*rows, ("", "all", *sums)], fixed=["DAY (UTC)"], right=heads[2:])
    else:
        say(f"No alerts and nothing suppressed in {plural(days, 'day')}.")
