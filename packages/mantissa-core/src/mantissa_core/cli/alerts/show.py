"""``mantissa alerts show``: all about one alert."""

from __future__ import annotations

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, print_json, say

from .present import alert_document, in_words, judged, show_details, the_alert


@click.command("show", cls=Command)
@click.argument("alert_id", metavar="ID")
@pass_session
def show_alert(session: Session, alert_id: str) -> None:
    """Show an alert with its evidence and deliveries. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        alert = the_alert(runtime, alert_id)
        attempts, verdicts = runtime.outbox.attempts(alert.id), runtime.verdicts.history(alert.id)
        rule, related = runtime.rules.get(alert.rule_id), runtime.alerts.related(alert)
    if session.json:
        from mantissa_core.alert.story import story

        document = {**alert_document(alert), "deliveries": attempts, "verdicts": [judged(each) for each in verdicts]}
        document["story"] = dict(story(alert).lines())
        print_json({**document, "related": [{"id": each.alert.id, "shares": dict(each.shares)} for each in related]})
        return
    show_details(session, alert, attempts, rule.falsepositives if rule else (), related)
    for each in verdicts:
        note = f": {each.note}" if each.note else ""
        say(f"\nVerdict: {in_words(each.verdict)}, by {each.by} at {moment(each.at)} UTC{note}")
