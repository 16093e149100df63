"""``mantissa alerts ack``, ``resolve``, ``suppress`` and ``reopen``: the steps of an alert's life."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import print_json, say

from .present import alert_document, the_alert

F = TypeVar("F", bound=Callable[..., Any])


def _arguments(function: F) -> F:
    """ALERT and --note."""
    noted = click.option("--note", default="", metavar="TEXT", help="Why; kept with who and when.")(function)
    return click.argument("alert_id", metavar="ALERT")(noted)


@click.command("ack", cls=Command)
@_arguments
@pass_session
def acknowledge(session: Session, alert_id: str, note: str) -> None:
    """Take an alert over: somebody is looking at it.

    ALERT is the beginning of an id. The destinations that heard of the alert hear of each of its steps.
    """
    _take(session, alert_id, "acknowledge", note)


@click.command("resolve", cls=Command)
@_arguments
@pass_session
def resolve(session: Session, alert_id: str, note: str) -> None:
    """Close an alert. What happens afterwards, and would have been part of it, reopens it."""
    _take(session, alert_id, "resolve", note)


@click.command("suppress", cls=Command)
@_arguments
@pass_session
def suppress(session: Session, alert_id: str, note: str) -> None:
    """Close an alert for good: what would have been part of it is counted, and reopens nothing."""
    _take(session, alert_id, "suppress", note)


@click.command("reopen", cls=Command)
@_arguments
@pass_session
def reopen(session: Session, alert_id: str, note: str) -> None:
    """Open an alert again that was acknowledged, resolved or suppressed."""
    _take(session, alert_id, "reopen", note)


def _take(session: Session, alert_id: str, step: str, note: str) -> None:
    from mantissa_core.alert.lifecycle import Step
    from mantissa_core.state.audit import this_user

    with session.runtime() as runtime:
        before = the_alert(runtime, alert_id)
        after = runtime.lifecycle.change(before.id, Step(step), by=this_user(), note=note)
        runtime.deliver()
    if session.json:
        print_json(alert_document(after))
    elif after.status == before.status:
        say(f"{after.summary}: {after.status} already{f', by {after.changed_by}' if after.changed_by else ''}.")
    else:
        say(f"{after.summary}: {after.status}.")
