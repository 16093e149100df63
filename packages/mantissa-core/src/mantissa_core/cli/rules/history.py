"""``mantissa rules history``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import moment, plural, print_json, say

from .chosen import one_document
from .precision import precision_document, precision_text

if TYPE_CHECKING:
    from mantissa_core.alert.verdicts import Precision
    from mantissa_core.detect.rules.filters import Filter
    from mantissa_core.detect.rules.versions import Version

OWN = frozenset({"subject", "action", "by", "at", "before", "after"})
"""What audit entries have in common."""


@click.command("history", cls=Command)
@click.argument("rule_id", metavar="RULE")
@pass_session
def rule_history(session: Session, rule_id: str) -> None:
    """Show what became of a rule: its versions, who changed what and why, its filters, the verdicts on its alerts.

    RULE is the beginning of an id.
    """
    from mantissa_core.alert.verdicts import Precision
    from mantissa_core.detect.rules.stages import PARTITION
    from mantissa_core.detect.rules.versions import Versions
    from mantissa_core.state.audit import entries

    with session.runtime() as runtime:
        rule = one_document(runtime.rules.all, rule_id)
        versions = Versions(runtime.state).of(rule.id)
        changes = list(entries(runtime.state, PARTITION, f"rule/{rule.id}"))
        found = [each for each in runtime.verdicts.precision() if each.rule == rule.id]
    filters: Sequence[Filter] = getattr(rule, "filters", ())
    alerts = found[0] if found else Precision(rule.id, 0)
    if session.json:
        print_json(
            {
                "rule": rule.id,
                "title": rule.title,
                "versions": versions,
                "changes": changes,
                "filters": [{"id": each.id, "title": each.title, "expires": each.expires} for each in filters],
                "alerts": precision_document(alerts),
            }
        )
        return
    say(f"{rule.title} ({rule.id})\n")
    for at, line in sorted([*map(_version_line, versions), *map(_change_line, changes)]):
        say(f"{moment(at)}  {line}")
    for each in filters:
        say(f"\nFilter {each.title!r} ({each.id[:8]}), {f'until {each.expires}' if each.expires else 'for ever'}")
    say(f"\n{_alerts(alerts)}")


def _version_line(each: Version) -> tuple[datetime, str]:
    told = [f"by {each.author}" if each.author else "", f"of {each.modified}" if each.modified else "", each.source]
    return datetime.fromisoformat(each.first_seen), f"version {each.version}: {', '.join(filter(None, told))}"


def _change_line(each: Mapping[str, Any]) -> tuple[datetime, str]:
    told = [f"{name} {value}" for name, value in each.items() if name not in OWN and value not in ("", None)]
    if "before" in each and "after" in each:
        told.insert(0, f"{each['before']} to {each['after']}")
    return datetime.fromisoformat(each["at"]), f"{each['action']}: {', '.join(told)} (by {each['by']})"


def _alerts(alerts: Precision) -> str:
    if not alerts.alerts:
        return "No alerts."
    verdicts = f"{alerts.true} true, {alerts.false} false, {alerts.benign} benign, {alerts.unjudged} without a verdict"
    share = precision_text(alerts)
    return f"{plural(alerts.alerts, 'alert')}: {verdicts}" + (f"; precision {share}" if share else "")
