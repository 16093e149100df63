"""``mantissa alerts timeline``: what happened, and what was done about it, in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, plural, print_json, table

from .present import the_alert

if TYPE_CHECKING:
    from mantissa_core.model import Alert
    from mantissa_core.runtime import Runtime

Line = tuple[datetime, str, str]
"""When (UTC), who or what, and what happened."""


@click.command("timeline", cls=Command)
@click.argument("alert_id", metavar="ALERT")
@pass_session
def alert_timeline(session: Session, alert_id: str) -> None:
    """Show what happened to an alert: its signals, its messages, its steps and verdicts.

    ALERT is the beginning of an id.
    """
    with session.runtime() as runtime:
        alert = the_alert(runtime, alert_id)
        lines = sorted(_lines(runtime, alert))
    if session.json:
        print_json([{"at": at, "by": by, "what": what} for at, by, what in lines])
    else:
        table(["WHEN (UTC)", "BY", "WHAT"], [(moment(at), by, what) for at, by, what in lines], fixed=["WHEN (UTC)"])


def _lines(runtime: Runtime, alert: Alert) -> Iterator[Line]:
    yield alert.first_seen, alert.rule_name, "first event"
    if alert.last_seen != alert.first_seen:
        yield alert.last_seen, alert.rule_name, f"last event of {plural(alert.count, 'signal')}"
    yield alert.created, "mantissa", "alert opened"
    for attempt in runtime.outbox.attempts(alert.id):
        said = {"delivered": "told", "retry": "not reached, tried again", "failed": "not told"}[attempt["status"]]
        yield datetime.fromisoformat(attempt["timestamp"]), attempt["integration_id"], said
    for entry in runtime.lifecycle.history(alert.id):
        yield entry.at, entry.by, _done(entry.action) + (f": {entry.note}" if entry.note else "")


def _done(action: str) -> str:
    """``acknowledge`` → ``acknowledged``; verdicts as they are."""
    return action if action.startswith("verdict") else f"{action.removesuffix('e')}ed"
