"""``mantissa rules backtest``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from mantissa_core.cli.command import Command, Session, pass_session
from mantissa_core.cli.output import SEVERITY_STYLES, facts, number, plural, print_json, say, table, width
from mantissa_core.cli.progress import progress

from .chosen import chosen_rules
from .span import span_of, span_options

if TYPE_CHECKING:
    from mantissa_core.detect.workflow.backtest import Outcome

MOST_BARS = 31
"""Bars of a chart; of more days several share one."""

WIDEST = 50
"""Characters of the longest bar."""


@click.command("backtest", cls=Command)
@click.argument("which", nargs=-1, metavar="[RULE]...")
@span_options("90d")
@pass_session
def backtest_rules(session: Session, which: tuple[str, ...], last: timedelta, until: datetime | None) -> None:
    """Say how often rules would have alerted over stored events.

    RULE is the path of a rule file or a folder of them, or the beginning of an id; without one, every rule of the
    instance is tried. Nothing is stored and nobody is told.
    """
    from mantissa_core.detect.follow.history import replay_all
    from mantissa_core.detect.workflow.backtest import backtest

    rules, log_types = chosen_rules(session, which)
    span = span_of(last, until)
    with session.runtime() as runtime:
        window = timedelta(minutes=runtime.settings.alerts.window_minutes)
        with progress(session, "Replaying"):
            outcomes = backtest(rules.sigma, replay_all(rules, runtime.lake, log_types, span), window)
    if session.json:
        print_json([_document(each) for each in outcomes])
        return
    for error in rules.broken.values():
        say(f"did not load: {error}", err=True)
    if rules.queries:
        say(f"{plural(len(rules.queries), 'SQL rule')} left out: 'mantissa query' runs their queries", err=True)
    loud = [each for each in outcomes if not each.rule.silent]
    if len(loud) == 1:
        _show_one(loud[0])
        for each in outcomes:
            if each.rule.silent:
                say(f"rests on {each.rule.title}: {plural(each.matches, 'match', 'matches')}")
    else:
        _show_all(outcomes)


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "rule": outcome.rule.id,
        "title": outcome.rule.title,
        "severity": str(outcome.rule.severity),
        "matches": outcome.matches,
        "alerts": outcome.alerts,
        "alerts_without_filters": outcome.unfiltered,
        "suppressed": dict(outcome.suppressed),
        "days": {day.isoformat(): count for day, count in outcome.days.items()},
        "users": dict(outcome.users),
        "addresses": dict(outcome.addresses),
    }


def _show_all(outcomes: Sequence[Outcome]) -> None:
    found = [each for each in outcomes if each.matches]
    rows = [
        (each.rule.id[:8], str(each.rule.severity), each.rule.title, number(each.matches), number(each.alerts))
        for each in found
    ]
    counted = ["MATCHES", "ALERTS"]
    if rows:
        table(
            ["ID", "SEVERITY", "TITLE", *counted], rows, right=counted, fixed=["ID", "SEVERITY"], styles=SEVERITY_STYLES
        )
        say()
        _bars(_summed(found))
        say()
    alerts = sum(each.alerts for each in outcomes)
    unfiltered = sum(each.unfiltered for each in outcomes)
    without = f" ({number(unfiltered)} without filters)" if any(each.suppressed for each in outcomes) else ""
    counts = f"{plural(len(outcomes), 'rule')}, {len(found)} with matches"
    say(f"{counts}: {plural(alerts, 'alert')}{without}. Nothing was stored.")


def _show_one(outcome: Outcome) -> None:
    say(f"{outcome.rule.title}: {plural(outcome.matches, 'match', 'matches')}, {plural(outcome.alerts, 'alert')}")
    if outcome.suppressed:
        told = plural(sum(outcome.suppressed.values()), "match", "matches")
        say(f"Filters suppress {told}; without them {plural(outcome.unfiltered, 'alert')}.")
    if not outcome.matches:
        return
    say()
    _bars(outcome.days)
    say()
    facts([("users", _counted(outcome.users)), ("addresses", _counted(outcome.addresses))])


def _counted(pairs: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} ({number(count)})" for name, count in pairs)


def _summed(outcomes: Sequence[Outcome]) -> Mapping[date, int]:
    days: dict[date, int] = {}
    for outcome in outcomes:
        for day, count in outcome.days.items():
            days[day] = days.get(day, 0) + count
    return days


def _bars(days: Mapping[date, int]) -> None:
    """One bar for a day, those without matches too; for several days where there are too many."""
    bars = list(_buckets(days))
    longest = max(count for _, count in bars)
    room = max(10, min(WIDEST, width() - 24))
    for day, count in bars:
        bar = "█" * (max(1, round(count / longest * room)) if count else 0)
        say(f"{day.isoformat()}  {bar} {number(count) if count else '·'}")


def _buckets(days: Mapping[date, int]) -> Iterator[tuple[date, int]]:
    first, last = min(days), max(days)
    step = -(-((last - first).days + 1) // MOST_BARS)
    counts: dict[int, int] = {}
    for day, count in days.items():
        place = (day - first).days // step
        counts[place] = counts.get(place, 0) + count
    for place in range((last - first).days // step + 1):
        yield first + timedelta(days=place * step), counts.get(place, 0)
