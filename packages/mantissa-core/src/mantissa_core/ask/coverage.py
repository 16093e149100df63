"""What a log holds of the time that was asked about: nothing found is not the same as nothing recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .plan import Plan

SLACK = 0.1
"""Part of a period at its beginning in which a log may have no event without that being worth a note."""


@dataclass(frozen=True, slots=True)
class Span:
    """The times of the oldest and the newest event of a table."""

    first: datetime
    last: datetime


def span_sql(source: str) -> str:
    """The statement whose one row is the span of a table or view; both are null where it has no event.

    ``source`` is a name of the schema, never a word of the question.
    """
    quoted = source.replace('"', '""')
    return f'SELECT min(m_time) AS first, max(m_time) AS last FROM "{quoted}"'


def span_of(row: dict[str, Any]) -> Span | None:
    """The span in a row of :func:`span_sql`."""
    if row["first"] is None or row["last"] is None:
        return None
    return Span(_utc(row["first"]), _utc(row["last"]))


def notes(plan: Plan, title: str, rows: Sequence[dict[str, Any]], span: Callable[[], Span | None]) -> tuple[str, ...]:
    """What people should know of the log before they trust the rows. ``span`` is asked where it matters alone."""
    if plan.baseline is None and not _nothing(plan, rows):
        return ()
    held = span()
    if held is None:
        return (f"{title}: no event is stored yet",)
    if _nothing(plan, rows):
        return _gap(plan, title, held)
    begins = plan.period.lo - timedelta(days=plan.baseline.days if plan.baseline else 0)
    if held.first <= begins:
        return ()
    new = plan.baseline is not None and plan.baseline.kind == "new_value"
    what = "what looks new may only be older than that" if new else "who was there before that is not known"
    return (f"{title} begins at {_when(held.first)} UTC: {what}",)


def _nothing(plan: Plan, rows: Sequence[dict[str, Any]]) -> bool:
    """No rows, or only figures of nothing: a count of 0."""
    return all(not row.get(each.name) for row in rows for each in plan.measures) if plan.measures else not rows


def _gap(plan: Plan, title: str, held: Span) -> tuple[str, ...]:
    if held.last < plan.period.lo:
        return (f"the newest event of {title} is of {_when(held.last)} UTC: nothing is stored for this time",)
    if held.first >= plan.period.hi:
        return (f"the oldest event of {title} is of {_when(held.first)} UTC: nothing is stored for this time",)
    if held.first > plan.period.lo + (plan.period.hi - plan.period.lo) * SLACK:
        return (f"{title} begins at {_when(held.first)} UTC: nothing is stored for the time before",)
    return ()


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
