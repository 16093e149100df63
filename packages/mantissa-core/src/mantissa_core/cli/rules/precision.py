"""``mantissa rules precision``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import number, plural, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.alert.verdicts import Precision
    from mantissa_core.detect.rules.rule_set import RuleSet


@click.command("precision", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@pass_session
def rules_precision(session: Session, which: tuple[str, ...]) -> None:
    """Say what analysts made of each rule's alerts: true positives, false positives, benign ones.

    RULE is the beginning of an id; without one, every rule that opened an alert is listed, most alerts first. The
    precision is true / (true + false), with the range that so few verdicts leave open; NONE counts alerts without one.
    """
    with session.runtime() as runtime:
        rules, found = runtime.rules, runtime.verdicts.precision()
    chosen = [each for each in found if not which or each.rule.startswith(which)]
    if which and not chosen:
        raise click.UsageError(f"{', '.join(which)}: no rule with such an id opened an alert")
    if session.json:
        print_json([precision_document(each) for each in chosen])
        return
    counted = ["ALERTS", "TRUE", "FALSE", "BENIGN", "NONE"]
    rows = [
        (each.rule[:8], _title(each, rules), *map(number, (each.alerts, each.true, each.false, each.benign)),
         number(each.unjudged), precision_text(each))
        for each in chosen
    ]  # fmt: skip
    if rows:
        table(["ID", "TITLE", *counted, "PRECISION"], rows, right=counted, fixed=["ID"])
        say()
    judged = sum(each.alerts - each.unjudged for each in chosen)
    say(f"{plural(sum(each.alerts for each in chosen), 'alert')}, {judged} with a verdict")


def precision_document(each: Precision) -> dict[str, Any]:
    """A rule's precision as JSON."""
    return {
        "rule": each.rule,
        "alerts": each.alerts,
        "true_positive": each.true,
        "false_positive": each.false,
        "benign": each.benign,
        "no_verdict": each.unjudged,
        "precision": each.share,
        "likely": each.likely,
    }


def precision_text(each: Precision) -> str:
    """``67 % of 3 (21 to 94 %)``."""
    if each.share is None or each.likely is None:
        return ""
    low, high = each.likely
    return f"{each.share:.0%} of {each.decided} ({low:.0%} to {high:.0%})".replace("%", " %")


def _title(each: Precision, rules: RuleSet) -> str:
    rule = rules.get(each.rule)
    return rule.title if rule else "(not loaded)"
