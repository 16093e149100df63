"""``mantissa alerts list``: the newest first."""

from __future__ import annotations

from typing import Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import SEVERITY_STYLES, plural, print_json, say

from .present import alert_document, alert_table, judged, short_id

SEVERITIES = tuple(SEVERITY_STYLES)
STATUSES = ("open", "acknowledged", "resolved", "suppressed")


@click.command("list", cls=Command)
@click.option("--rule", metavar="ID", help="Only of this rule.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--status", type=click.Choice(STATUSES), help="Only with this status.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@pass_session
def list_alerts(session: Session, rule: str | None, severity: str | None, status: Any, limit: int) -> None:
    """List alerts, newest first."""
    from mantissa_core.model import Severity

    with session.runtime() as runtime:
        found = runtime.alerts.list(
            rule=rule, severity=Severity(severity) if severity else None, status=status, limit=limit
        )
        verdicts = runtime.verdicts.get([each.id for each in found])
    if session.json:
        print_json([{**alert_document(each), "verdict": judged(verdicts.get(each.id))} for each in found])
    elif found:
        alert_table(found, verdicts)
        if not session.quiet:
            say(f"\n{plural(len(found), 'alert')}. Next: {session.command} alerts show {short_id(found[0])}")
    else:
        say("No alerts.")
