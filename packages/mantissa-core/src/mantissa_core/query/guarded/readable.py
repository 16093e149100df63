"""What a caller may read: tables, each with the span of time and the rows that are his."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlglot import exp

from mantissa_core.errors import QueryError


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time with a zone: ``lo <= time < hi``."""

    lo: datetime
    hi: datetime

    def __post_init__(self) -> None:
        if self.lo.tzinfo is None or self.hi.tzinfo is None:
            raise QueryError("a window's ends need a time zone")
        if self.lo >= self.hi:
            raise QueryError(f"the window ends ({self.hi.isoformat()}) before it begins ({self.lo.isoformat()})")

    def __str__(self) -> str:
        lo, hi = (each.astimezone(UTC).isoformat(" ").removesuffix("+00:00") for each in (self.lo, self.hi))
        return f"{lo} <= time < {hi} UTC"


@dataclass(frozen=True, slots=True)
class Readable:
    """A table or view that may be read.

    ``time`` is its column of time and ``day`` the partition (text such as ``2026-11-21``), where it has them; without
    a ``window`` all of its time is open. ``only`` is a further condition that rows must meet, in the dialect of the
    statement; it is the operator's and never the user's.
    """

    name: str
    time: str | None = "m_time"
    day: str | None = "dt"
    window: Window | None = None
    only: exp.Expr | None = None

    def __post_init__(self) -> None:
        if self.window and not self.time:
            raise QueryError(f"{self.name} has no column of time, so no window can bound it")


_MOMENTS: Final = {"duckdb": "TIMESTAMPTZ", "trino": "TIMESTAMPTZ", "bigquery": "TIMESTAMPTZ"}


def conditions(table: Readable, dialect: str) -> list[exp.Expr]:
    """What every row of the table must meet. The bounds stand on bare columns, so that files can be left out."""
    found: list[exp.Expr] = [table.only.copy()] if table.only else []
    if table.window and table.time:
        lo, hi = table.window.lo.astimezone(UTC), table.window.hi.astimezone(UTC)
        found.append(exp.GTE(this=_column(table.time), expression=_moment(lo, dialect)))
        found.append(exp.LT(this=_column(table.time), expression=_moment(hi, dialect)))
        if table.day:
            last = hi - timedelta(microseconds=1)
            first, end = (exp.Literal.string(f"{each:%Y-%m-%d}") for each in (lo, last))
            found.append(exp.Between(this=_column(table.day), low=first, high=end))
    return found


def _column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True))


def _moment(moment: datetime, dialect: str) -> exp.Expr:
    if kind := _MOMENTS.get(dialect):
        return exp.Cast(this=exp.Literal.string(moment.isoformat(" ", "microseconds")), to=exp.DataType.build(kind))
    # Synapse: lake tables have datetime2 in UTC.
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    return exp.Cast(this=exp.Literal.string(text), to=exp.DataType.build("DATETIME2(6)", dialect="tsql"))
