"""``mantissa rules show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import facts, print_json, say

from .chosen import logsource, one_document, rule_document

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
    if session.json:
        print_json({**rule_document(rule), "description": rule.description, "text": rule.text})
        return
    facts(
        [
            ("id", rule.id),
            ("title", rule.title),
            ("severity", str(rule.severity)),
            *_about(rule),
            ("file", rule.source),
            ("warnings", "; ".join(rule.warnings)),
        ]
    )
    say()
    say(rule.text.rstrip())


def _about(rule: Rule | Correlation) -> list[tuple[str, Any]]:
    from mantissa_core.detect.correlate.correlation import Correlation

    if not isinstance(rule, Correlation):
        return [("log source", logsource(rule)), ("fields", rule.touched), ("alerts by", rule.group_by)]
    return [
        ("correlation", str(rule.kind)),
        ("of rules", tuple(rule.ids.values())),
        ("grouped by", rule.group_by),
        ("timespan", str(rule.timespan)),
    ]
