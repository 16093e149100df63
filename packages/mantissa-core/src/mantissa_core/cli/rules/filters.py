"""``mantissa rules filters``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import facts, number, plural, print_json, say, table

if TYPE_CHECKING:
    from mantissa_core.detect.rules.filters import Filter
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.detect.workflow.suppressed import Suppressed


@click.command("filters", cls=Command)
@click.argument("filter_id", metavar="[ID]", required=False)
@pass_session
def list_filters(session: Session, filter_id: str | None) -> None:
    """List the filters: who answers for them, until when, and how many signals they silenced.

    With an ID (its beginning is enough) one filter, with its reason and the rules that it is for.
    """
    from mantissa_core.detect.workflow.suppressed import Suppressed, suppressed

    now = datetime.now(UTC)
    with session.runtime() as runtime:
        rules, counts = runtime.rules, suppressed(runtime.lake, now)
    found = [each for each in rules.filters if each.id.startswith(filter_id or "")]
    if filter_id is not None and len(found) != 1:
        known = f"is the beginning of {len(found)} ids" if found else "names no filter that loaded"
        raise click.UsageError(f"{filter_id} {known}; 'mantissa rules filters' shows the ids")
    listed = [(each, _rules_of(each, rules), counts.get(each.id, Suppressed())) for each in found]
    if session.json:
        print_json([_document(*each, now.date()) for each in listed])
    elif filter_id is not None:
        _show_one(*listed[0], now.date())
    else:
        _show_all(listed, now.date())


def _rules_of(each: Filter, rules: RuleSet) -> list[Rule]:
    return [rule for rule in rules.rules if each in rule.filters]


def _document(each: Filter, rules: list[Rule], counts: Suppressed, today: date) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "owner": each.owner,
        "reason": each.reason,
        "expires": each.expires,
        "applies": each.applies(today),
        "rules": [rule.id for rule in rules],
        "suppressed": {"week": counts.week, "month": counts.month, "all": counts.total, "rules": dict(counts.rules)},
        "source": each.source,
        "version": each.version,
        "warnings": list(each.warnings),
    }


def _show_all(listed: list[tuple[Filter, list[Rule], Suppressed]], today: date) -> None:
    counted = ["RULES", "7 DAYS", "30 DAYS", "ALL"]
    rows = [
        (each.id[:8], each.title, each.owner, _until(each, today), len(rules),
         number(counts.week), number(counts.month), number(counts.total))
        for each, rules, counts in listed
    ]  # fmt: skip
    if rows:
        headings = ["ID", "TITLE", "OWNER", "EXPIRES", *counted]
        table(headings, rows, right=counted, fixed=["ID", "EXPIRES"])
        say()
    total = sum(counts.total for _, _, counts in listed)
    say(f"{plural(len(listed), 'filter')}, {plural(total, 'suppressed signal')}")


def _show_one(each: Filter, rules: list[Rule], counts: Suppressed, today: date) -> None:
    facts(
        [
            ("id", each.id),
            ("title", each.title),
            ("owner", each.owner or "nobody"),
            ("reason", each.reason or "none given"),
            ("expires", _until(each, today)),
            ("file", each.source),
            ("suppressed", _counted(counts)),
            ("warnings", "; ".join(each.warnings)),
        ]
    )
    say(f"\nFor {plural(len(rules), 'rule')}{':' if rules else ''}")
    for rule in rules:
        say(f"  {rule.id[:8]}  {rule.title}: {number(counts.rules[rule.id])} suppressed")


def _counted(counts: Suppressed) -> str:
    return f"{number(counts.week)} in 7 days, {number(counts.month)} in 30, {number(counts.total)} in all"


def _until(each: Filter, today: date) -> str:
    if each.expires is None:
        return "never"
    return each.expires.isoformat() if each.applies(today) else f"{each.expires.isoformat()} (expired)"
