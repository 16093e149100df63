"""``mantissa rules show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import facts, print_json, say
from mantissa_core.cli.schedules import schedule_documents

from .chosen import logsource, one_document, rule_document

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules import Rule
    from mantissa_core.detect.sql_rules import SqlRule


@click.command("show", cls=Command)
@click.argument("rule_id", metavar="ID")
@pass_session
def show_rule(session: Session, rule_id: str) -> None:
    """Show a rule and its text. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        rule = one_document(runtime.rules, rule_id)
        schedule = schedule_documents(runtime).get(rule.id)
        failing = next((each for each in runtime.failing.all() if each.rule == rule.id), None)
    if session.json:
        told = {"description": rule.description, "schedule": schedule, "failing": failing, "text": rule.text}
        print_json({**rule_document(rule), **told})
        return
    facts(
        [
            ("id", rule.id),
            ("title", rule.title),
            ("severity", str(rule.severity)),
            *_about(rule),
            *_running(schedule),
            ("failing", f"{failing.failures} times since {failing.since}: {failing.error}" if failing else ""),
            ("file", rule.source),
            ("warnings", "; ".join(rule.warnings)),
        ]
    )
    say()
    say(rule.text.rstrip())


def _running(schedule: dict[str, Any] | None) -> list[tuple[str, Any]]:
    if schedule is None:
        return []
    window = f", window {schedule['window']}" if schedule["window"] else ""
    last = f"{schedule['last_executed']}, {schedule['rows']} rows" if schedule["last_executed"] else ""
    return [
        ("schedule", f"{schedule['schedule_expression']}{window}" + ("" if schedule["enabled"] else ", disabled")),
        ("last executed", last),
        ("next run", schedule["next_run"]),
        ("last error", schedule["error"]),
    ]


def _about(rule: Rule | Correlation | SqlRule) -> list[tuple[str, Any]]:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.sql_rules import SqlRule

    if isinstance(rule, SqlRule):
        return [("tables", rule.tables), ("fires above", f"{rule.threshold} rows"), ("alerts by", rule.group_by)]
    if not isinstance(rule, Correlation):
        return [("log source", logsource(rule)), ("fields", rule.touched), ("alerts by", rule.group_by)]
    return [
        ("correlation", str(rule.kind)),
        ("of rules", tuple(rule.ids.values())),
        ("grouped by", rule.group_by),
        ("timespan", str(rule.timespan)),
    ]
