"""Retention: whole days leave the table once they are old enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .table import MAINTAIN, Table


@dataclass(frozen=True)
class Retention:
    """What one run removed. The bytes are freed by the next vacuum that may."""

    days: tuple[str, ...]
    files: int
    rows: int


def retain(table: Table, days: int, *, today: date | None = None) -> Retention:
    """Remove the days of ``table`` that ended more than ``days`` days ago, in one commit.

    ``Fenced`` where a compaction was committed in between: run it again.
    """
    if days < 1:
        raise ValueError(f"retention is {days} days, expected at least 1")
    oldest = ((today or datetime.now(UTC).date()) - timedelta(days=days)).isoformat()
    before = table.committed(MAINTAIN)
    old = [file for file in table.live() if file.dt < oldest]
    if old:
        table.maintain([], old, before, rewrite=False)
    return Retention(tuple(sorted({file.dt for file in old})), len(old), sum(file.rows for file in old))
