"""``mantissa rules show``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import facts, print_json, say
from mantissa_core.detect.attributes import Stage

from .chosen import logsource, one_document, rule_document
from .stage import stage_document, stage_text, trial_document, trial_of, trial_text

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.rules import Rule


@click.command("show", cls=Command)
@click.argument("rule_id", metavar="ID")
@pass_session
def show_rule(session: Session, rule_id: str) -> None:
    """Show a rule and its text. The beginning of its ID is enough."""
    with session.runtime() as runtime:
        rule = one_document(runtime.rules, rule_id)
        placed = runtime.stages.of(rule)
        trial = trial_of(runtime, rule) if placed.stage is Stage.SHADOW else None
    if session.json:
        told = {"trial": trial_document(trial)} if trial else {}
        about = {**rule_document(rule), **stage_document(placed), **told}
        print_json({**about, "description": rule.description, "text": rule.text})
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


def _about(rule: Rule | Correlation) -> list[tuple[str, Any]]:
    from mantissa_core.detect.correlate.correlation import Correlation

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
