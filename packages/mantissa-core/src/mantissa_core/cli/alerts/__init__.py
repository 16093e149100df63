"""``mantissa alerts``: what was found, and what people do about it. One file for each subcommand."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Group

from .list_alerts import list_alerts
from .present import alert_document, alert_table, short_id, show_evidence
from .redeliver import redeliver
from .show import show_alert
from .stats import alert_stats
from .steps import acknowledge, reopen, resolve, suppress
from .timeline import alert_timeline
from .verdict import judge_alert

__all__ = ["alert_document", "alert_table", "command", "short_id", "show_evidence"]


@click.group("alerts", cls=Group)
def command() -> None:
    """List, show, judge and settle alerts, and deliver them again."""


for each in (
    list_alerts,
    show_alert,
    alert_timeline,
    alert_stats,
    acknowledge,
    resolve,
    suppress,
    reopen,
    judge_alert,
    redeliver,
):
    command.add_command(each)
