"""The answer to a scheduled question as sinks tell alerts: one message to each, whatever route or digest it has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mantissa_core.errors import Conflict
from mantissa_core.model.alert import Alert
from mantissa_core.model.document import Put
from mantissa_core.model.signal import Severity
from mantissa_core.state.documents import State

from . import keys
from .codec import alert_to_json
from .message import row
from .product import REPORT
from .route import Route

KEPT = timedelta(days=14)
"""How long 'mantissa alerts show' knows a report."""
SHOWN = 10
"""Rows that a message shows."""
_CELL = 80
_ROW = 400


@dataclass(frozen=True, slots=True)
class Told:
    """What a report says. ``rows`` are the first ones, of ``count``; ``lo`` and ``hi`` are the time asked about."""

    key: str
    name: str
    user: str
    at: datetime
    summary: str
    understood: str
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    count: int
    lo: datetime
    hi: datetime
    missed: int = 0


def report_alert(told: Told) -> Alert:
    """The report, with its rows as evidence. Its id is the same for the same report and time."""
    late = f" {told.missed} earlier time{'s were' if told.missed > 1 else ' was'} missed." if told.missed else ""
    return Alert(
        id=hashlib.sha256(f"report\0{told.key}\0{told.at.isoformat()}".encode()).hexdigest()[:32],
        rule_id=REPORT,
        rule_name=f"Report: {told.name}",
        severity=Severity.INFORMATIONAL,
        summary=f"{told.summary} {told.understood}".strip(),
        description=f"Scheduled for {told.at:%Y-%m-%d %H:%M} UTC by {told.user}.{late}",
        status="resolved",
        count=1,
        first_seen=told.lo,
        last_seen=told.hi,
        created=told.at,
        evidence=tuple(dict(each) for each in told.rows[:SHOWN]),
    )


def hand_out(state: State, told: Told, routes: Iterable[Route], now: datetime) -> bool:
    """Put a message for each destination into the outbox, as much of it as the destination may see.

    Returns False where that was done before: a report of one time is told once.
    """
    alert = report_alert(told)
    rows = [row(_as_lines(each.shown(alert), told), each.label, each.type, "opened", now) for each in routes]
    key = keys.alert(alert.id)
    kept = Put(key, alert_to_json(_as_lines(alert, told)), now + KEPT)
    try:
        state.commit(keys.PARTITION, [kept, *rows], {key: 0})
    except Conflict:
        return False
    return True


def _as_lines(alert: Alert, told: Told) -> Alert:
    """The rows as one mapping that sinks show line by line: numbers, and what stands in the columns."""
    if not alert.evidence:
        return alert
    lines = {str(number): _line(each, told.columns) for number, each in enumerate(alert.evidence, start=1)}
    more = told.count - len(alert.evidence)
    if more > 0:
        lines["…"] = [f"{more:,} more"]
    return replace(alert, evidence=(lines,))


def _line(row_: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """A row's values, those that are there. A list, so that no sink takes it for a field of an event."""
    named = [f"{each.removeprefix('m_')}: {_cell(row_.get(each))}" for each in columns if row_.get(each) is not None]
    kept: list[str] = []
    length = 0
    for each in named:
        length += len(each)
        if length > _ROW:
            return [*kept, "…"]
        kept.append(each)
    return kept


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"
