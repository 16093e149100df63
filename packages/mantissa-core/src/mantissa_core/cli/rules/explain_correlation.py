"""``mantissa rules explain`` of a correlation: how near each group came, over stored events or those of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mantissa_core.cli.command import Session
from mantissa_core.cli.output import moment, plural, print_json, say

if TYPE_CHECKING:
    from mantissa_core.detect.correlate.correlation import Correlation
    from mantissa_core.detect.correlate.hits import Hit
    from mantissa_core.detect.follow.history import Span
    from mantissa_core.detect.rules.rule import Rule
    from mantissa_core.detect.rules.rule_set import RuleSet
    from mantissa_core.model import Signal
    from mantissa_core.parse.log_types import LogTypes

SHOWN = 20
"""Groups that are printed; --json has all."""


def stored_signals(session: Session, rules: Sequence[Rule], log_types: LogTypes, span: Span) -> list[Signal]:
    """What the rules find in the stored events of the span."""
    from mantissa_core.detect.follow.history import replay

    with session.runtime() as runtime:
        return list(replay(rules, runtime.lake, log_types, span))


def signals_in(events: Sequence[Any], rules: Sequence[Rule], log_types: LogTypes) -> Iterator[Signal]:
    """What the rules find in these events, which are read as every log type that the rules apply to."""
    from mantissa_core.detect.follow.history import event_batches, signals_of
    from mantissa_core.detect.match.route import log_types_of

    for log_type in log_types:
        if below := [rule for rule in rules if log_type in log_types_of(rule, log_types)]:
            yield from signals_of(below, log_type, event_batches(events, log_type))


def explain_correlation(session: Session, correlation: Correlation, rules: RuleSet, signals: Sequence[Signal]) -> bool:
    """Print where every group stands; whether the correlation fires at all."""
    from mantissa_core.detect.correlate.replay import match_hit, replayed, result_hit
    from mantissa_core.detect.correlate.standing import lacks, needed, span_text, standings, summary

    hits: list[Hit] = [match_hit(each) for each in signals]
    found = list(replayed(rules.below(correlation)[1], hits))
    hits += [result_hit(signal) for each, signal in found if each is not correlation]
    fired = sum(each is correlation for each, _ in found)
    if session.json:
        print_json(
            {
                "rule": correlation.id,
                "matched": bool(fired),
                "results": fired,
                "needs": needed(correlation),
                "timespan": correlation.timespan.total_seconds(),
                "without_group": lacks(correlation, hits),
                "groups": standings(correlation, hits),
            }
        )
        return bool(fired)
    said = f"fires {plural(fired, 'time')}" if fired else "does not fire"
    say(f"{correlation.title}: {said}")
    by = f" by {', '.join(correlation.group_by)}" if correlation.group_by else ""
    say(f"  needs {needed(correlation)} within {span_text(correlation.timespan)}{by}")
    for line in summary(correlation, moment, hits, SHOWN):
        say(f"  {line}")
    return bool(fired)
