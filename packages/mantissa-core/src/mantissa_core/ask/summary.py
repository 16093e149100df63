"""Rows in a sentence or two, by rules: how many, over which time, what stands out. The same rows, the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from .explain import named
from .plan import FIRST_TIME, LAST_BEFORE, PAIRS, THEN_TIME, Measure, Plan

if TYPE_CHECKING:
    import pyarrow as pa

_TOLD = ("m_user", "m_src_ip", "m_action", "m_outcome", "m_target")
_MOST = 3
_LONGEST = 60
"""Characters of one value."""


def summarize(plan: Plan, rows: pa.Table, *, truncated: bool = False) -> str:
    """What the rows of a plan say. Values from logs stand in it as they are: print them as untrusted text."""
    found = rows.to_pylist()
    if not found:
        return "Nothing was found in this time."
    if plan.baseline and plan.baseline.kind != "new_value":
        return _silent(plan.groups[0].name, found, truncated)
    if plan.sequence and not plan.measures:
        return _sequences(plan.sequence.key, found, truncated)
    if not plan.measures:
        return _one(found[0]) if len(found) == 1 else _list(found, truncated)
    if plan.groups:
        return _groups(plan, found, truncated)
    return _figures(plan, found[0])


def count_rows(rows: pa.Table, *, truncated: bool = False) -> str:
    """What can be said of rows whose meaning no plan tells."""
    if not rows.num_rows:
        return "Nothing was found in this time."
    count = f"{rows.num_rows:,} row{'' if rows.num_rows == 1 else 's'}"
    return f"The first {count} of more." if truncated else f"{count}."


def _one(row: dict[str, Any]) -> str:
    said = [f"{named(name)} {_value(row[name])}" for name in _TOLD if row.get(name) not in (None, "", [])]
    when = f"One event, at {_value(row['m_time'])} UTC" if row.get("m_time") else "One event"
    return f"{when}: {', '.join(said)}." if said else f"{when}."


def _silent(key: str, rows: Sequence[dict[str, Any]], truncated: bool) -> str:
    """Who, and since when. The one who was away longest comes first."""
    who = named(key)
    longest = ", ".join(f"{_value(row[key])} (last seen before {_value(row[LAST_BEFORE])} UTC)" for row in rows[:_MOST])
    count = f"{len(rows):,} {_plural(who, len(rows))}"
    return f"{f'The first {count} of more' if truncated else count}. Longest away: {longest}."


def _sequences(key: str, rows: Sequence[dict[str, Any]], truncated: bool) -> str:
    newest = rows[0]
    after = newest[THEN_TIME] - newest[FIRST_TIME]
    keys = len({_value(row[key]) for row in rows})
    who = _plural(named(key), keys)
    times = sum(row.get(PAIRS) or 1 for row in rows)
    first = "The first of more: it" if truncated else "It"
    last = f"{_value(newest[key])}, {_value(newest[FIRST_TIME])} UTC and then {_value(newest[THEN_TIME])} UTC"
    return f"{first} happened {_times(times)}, of {keys:,} {who}. The last: {last}, {_length(after)} later."


def _times(count: int) -> str:
    return f"{count:,} time{'' if count == 1 else 's'}"


def _length(time: timedelta) -> str:
    """The largest two units: 3 minutes 5 seconds."""
    left, said = round(time.total_seconds()), []
    for name, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, seconds)
        if count:
            said.append(f"{count:,} {name}{'' if count == 1 else 's'}")
    return " ".join(said[:2]) or "less than a second"


def _list(rows: Sequence[dict[str, Any]], truncated: bool) -> str:
    times = sorted(row["m_time"] for row in rows if row.get("m_time"))
    span = f", from {_value(times[0])} to {_value(times[-1])} UTC" if times else ""
    count = f"The first {len(rows):,} events of more" if truncated else f"{len(rows):,} events"
    return " ".join([f"{count}{span}.", *filter(None, (_top(rows, name) for name in _TOLD))])


def _top(rows: Sequence[dict[str, Any]], column: str) -> str:
    """The most frequent values of a column."""
    counts = Counter(_value(row[column]) for row in rows if row.get(column) not in (None, "", []))
    if not counts:
        return ""
    if len(counts) == 1:
        return f"Every {named(column)}: {next(iter(counts))}." if counts.total() == len(rows) else ""
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    if ranked[0][1] == 1:
        return f"{len(counts):,} different {named(column)} values."
    most = ", ".join(f"{value} ({count:,})" for value, count in ranked[:_MOST])
    return f"{named(column).capitalize()}: {most}{f' and {len(ranked) - _MOST:,} more' if len(ranked) > _MOST else ''}."


def _groups(plan: Plan, rows: Sequence[dict[str, Any]], truncated: bool) -> str:
    measure = plan.measures[0].name
    ranked = sorted(rows, key=lambda row: -(_number(row[measure]) or 0))
    names = [each.name for each in plan.groups]
    what = " and ".join(map(named, names))
    order = next((each for each in plan.order if each.by == measure), None)
    if order and not order.descending:
        ranked = list(rows)
    first = plan.measures[0]
    most = ", ".join(
        f"{' / '.join(_value(row[name]) for name in names)} ({told(first, row[measure])})" for row in ranked[:3]
    )
    several = f"{len(rows):,} {_plural(what, len(rows)) if len(names) == 1 else f'groups by {what}'}"
    count = f"The first {several} of more" if truncated else several
    total = sum(_number(row[measure]) or 0 for row in rows)
    events = f", {_events(total)} in all" if plan.measures[0] == Measure() and not truncated else ""
    return f"{count}{events}. {'Fewest' if order and not order.descending else 'Most'}: {most}."


def _events(count: float) -> str:
    return f"{count:,} event{'' if count == 1 else 's'}"


def _plural(word: str, count: int) -> str:
    if count == 1:
        return word
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _figures(plan: Plan, row: dict[str, Any]) -> str:
    sentences = []
    for each in plan.measures:
        now, what = row[each.name], named(each.name)
        if plan.versus is None:
            sentences.append(f"{_events(now)}." if each == Measure() else f"{what.capitalize()}: {told(each, now)}.")
            continue
        before = row[f"{each.name}_before"]
        both = f"{told(each, now)}, {told(each, before)} in the time compared with"
        sentences.append(f"{what.capitalize()}: {both}{_change(now, before)}.")
    return " ".join(sentences)


def _change(now: Any, before: Any) -> str:
    old, new = _number(before), _number(now)
    if not old or new is None:
        return ""
    share = (new - old) / old * 100
    return f" ({share:+.0f} %)"


def told(measure: Measure, value: Any) -> str:
    """A figure for people; a share in per cent."""
    if measure.function == "ratio" and measure.against is None and (share := _number(value)) is not None:
        return f"{share:.1%}"
    return _value(value)


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _value(value: Any) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}" if value.second else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
