"""``mantissa rules show``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import facts, print_json, say
from mantissa_core.cli.schedules import schedule_documents
from mantissa_core.detect.rules.attributes import Stage

from .chosen import logsource, one_document, rule_document
from .stage import stage_document, stage_text, trial_document, trial_of, trial_text

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.sql_rules import SqlRule


@click.command("show", cls=Command)
@click.argument("rule_id", metavar="ID")
@pass_session
def show_rule(session: Session, rule_id: str) -> None:
    """Show a rule and its text. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        rule = one_document(runtime.rules.all, rule_id)
        placed, schedule = runtime.stages.of(rule), schedule_documents(runtime).get(rule.id)
        trial = trial_of(runtime, rule) if placed.stage is Stage.SHADOW else None
        failing = next((each for each in runtime.failing.all() if each.rule == rule.id), None)
    if session.json:
        told = {"trial": trial_document(trial)} if trial else {}
        about = {**rule_document(rule), **stage_document(placed), **told}
        running = {"schedule": schedule, "failing": failing}
        print_json({**about, **running, "description": rule.description, "text": rule.text})
        return
    facts(
        [
            ("id", rule.id),
            ("title", rule.title),
            ("severity", str(rule.severity)),
            ("stage", stage_text(placed)),
            ("on trial", trial_text(trial) if trial else ""),
            ("owner", rule.owner),
            *_about(rule),
            *_running(schedule),
            ("failing", f"{failing.failures} times since {failing.since}: {failing.error}" if failing else ""),
            ("file", rule.source),
            ("warnings", "; ".join(rule.warnings)),
        ]
    )
    say()
    say(rule.text.rstrip())


def _filters(rule: Rule) -> list[tuple[str, str]]:
    today = datetime.now(UTC).date()
    return [
        ("filter", f"{each.title} ({each.id[:8]}){'' if each.applies(today) else ', expired'}") for each in rule.filters
    ]


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
        return [
            ("log source", logsource(rule)),
            ("fields", rule.touched),
            ("alerts by", rule.group_by),
            *_filters(rule),
        ]
    return [
        ("correlation", str(rule.kind)),
        ("of rules", tuple(rule.ids.values())),
        ("grouped by", rule.group_by),
        ("timespan", str(rule.timespan)),
    ]
