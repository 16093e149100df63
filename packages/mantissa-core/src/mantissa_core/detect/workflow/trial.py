"""What a rule recorded while it was on trial, and what that would have been in alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.signals import SIGNALS, signals_from_rows
from mantissa_core.lake.lake import Lake
from mantissa_core.model import Signal

from .backtest import alerts_of

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Trial:
    """``signals`` recorded and ``alerts`` that they would have opened, from ``since`` to ``until`` (UTC)."""

    signals: int
    alerts: int
    since: datetime
    until: datetime

    @property
    def days(self) -> float:
        """How long it took, one day at least: less says nothing about a day."""
        return max(1.0, (self.until - self.since) / DAY)

    @property
    def alerts_per_day(self) -> float:
        """The alerts that it would have opened on an average day."""
        return self.alerts / self.days


def trial(lake: Lake, rule_id: str, window: timedelta, now: datetime, began: datetime | None = None) -> Trial:
    """Count the rule's signals with the disposition ``shadow``, those recorded since the trial ``began`` if known.

    Its time is counted from the oldest event where that is earlier. ``window`` is the idle time after which another
    match of the same group opens another alert.
    """
    found = _signals(lake, rule_id, began)
    since = min([now if began is None else began, *(each.time for each in found)])
    return Trial(len(found), alerts_of(found, window), since, max(now, since))


def _signals(lake: Lake, rule_id: str, began: datetime | None) -> list[Signal]:
    if SIGNALS.name not in lake.tables():
        return []
    table, found = lake.ensure(SIGNALS), list[Signal]()
    for rows in table.read(table.live()):
        own = pc.and_(pc.equal(rows.column("rule_id"), rule_id), pc.equal(rows.column("disposition"), "shadow"))
        if began is not None:
            evaluated = rows.column("m_ingest_time")
            own = pc.and_(own, pc.greater_equal(evaluated, pa.scalar(began, evaluated.type)))
        found += signals_from_rows(rows.filter(own))
    return found
