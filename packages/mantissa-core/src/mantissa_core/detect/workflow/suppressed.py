"""How much each filter silenced, counted in the table ``signals``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow.compute as pc

from mantissa_core.detect.signals import SIGNALS
from mantissa_core.lake.lake import Lake

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@dataclass
class Suppressed:
    """Signals that one filter silenced: by events of the last 7 and 30 days, in all, and by rule."""

    week: int = 0
    month: int = 0
    total: int = 0
    rules: Counter[str] = field(default_factory=Counter)


def suppressed(lake: Lake, now: datetime) -> Mapping[str, Suppressed]:
    """By filter id what it silenced, as far back as the lake keeps signals."""
    found: dict[str, Suppressed] = {}
    if SIGNALS.name not in lake.tables():
        return found
    table = lake.ensure(SIGNALS)
    for rows in table.read(table.live(), ["suppressed_by", "rule_id", "m_time"]):
        own = rows.filter(pc.is_valid(rows.column("suppressed_by")))
        for row in own.to_pylist():
            counts = found.setdefault(row["suppressed_by"], Suppressed())
            counts.total += 1
            counts.month += now - MONTH <= row["m_time"] <= now
            counts.week += now - WEEK <= row["m_time"] <= now
            counts.rules[row["rule_id"]] += 1
    return found


def suppressed_by_day(lake: Lake, since: datetime) -> Counter[tuple[str, str, str]]:
    """What filters silenced since then, by day of the event (UTC), id and name of the rule."""
    found: Counter[tuple[str, str, str]] = Counter()
    if SIGNALS.name not in lake.tables():
        return found
    table = lake.ensure(SIGNALS)
    for rows in table.read(table.live(), ["suppressed_by", "rule_id", "rule_name", "m_time"]):
        for row in rows.filter(pc.is_valid(rows.column("suppressed_by"))).to_pylist():
            if row["m_time"] >= since:
                found[row["m_time"].astimezone(UTC).date().isoformat(), row["rule_id"], row["rule_name"]] += 1
    return found
