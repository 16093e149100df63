"""Up to which event time everything is there: what waits for a window's end is decided behind it.

The watermark of a set of tables is the smallest of their newest event times, less an allowance for what comes late. A
table without events does not count. An event dated in the future moves it to the present at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from mantissa_core.lake.lake import Lake

from .correlation import Correlation

LATENESS = timedelta(minutes=5)
"""How late an event may be and still count where a window must have ended."""


def newest_events(lake: Lake, tables: Iterable[str]) -> dict[str, datetime]:
    """By table the newest event time that was committed, the present at most."""
    now, known = datetime.now(UTC), set(lake.tables())
    found = {}
    for name in set(tables) & known:
        if spans := [file.span for file in lake.table(name).live() if file.span]:
            found[name] = min(now, max(last for _, last in spans))
    return found


def tables_below(correlations: Sequence[Correlation], tables: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """By correlation the tables that its matches come from; ``tables`` are those of the plain rules, by their id."""
    found: dict[str, frozenset[str]] = {rule_id: frozenset(names) for rule_id, names in tables.items()}
    for each in correlations:
        found[each.id] = frozenset().union(*(found.get(rule_id, frozenset()) for rule_id in each.ids.values()))
    return {each.id: found[each.id] for each in correlations}


def delays(correlations: Sequence[Correlation]) -> dict[str, timedelta]:
    """By correlation, how long behind the watermark the matches that it is about may still appear."""
    ends: dict[str, timedelta] = {}
    found = {}
    for each in correlations:
        below = max((ends.get(rule_id, timedelta()) for rule_id in each.ids.values()), default=timedelta())
        found[each.id], ends[each.id] = below, below + each.ahead
    return found
