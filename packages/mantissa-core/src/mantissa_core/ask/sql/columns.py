"""Names and times in SQL: what every part of a statement is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlglot import exp

from mantissa_core.ask.plan import Period
from mantissa_core.errors import QueryError

Dialect = Literal["duckdb", "athena", "bigquery", "tsql"]
TIME, PARTITION = "m_time", "dt"


class Table:
    """A table or view that may be asked: its columns with their SQL types (``VARCHAR``, ``VARCHAR[]``, ``BIGINT``…).

    ``telling`` are columns that a list shows besides those that every table has: what kind of event it is.
    ``countries`` are addresses by country, for ``m_src_country``: nobody's is known without them.
    """

    def __init__(
        self,
        name: str,
        columns: Mapping[str, str],
        telling: Sequence[str] = (),
        countries: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self.name, self.columns, self.telling, self.countries = name, columns, tuple(telling), countries or {}

    def type_of(self, column: str) -> str:
        """The SQL type.

        Raises:
            QueryError: there is no such column.
        """
        try:
            return self.columns[column]
        except KeyError:
            raise QueryError(f"{self.name} has no column {column!r}") from None


def column(name: str, table: str = "") -> exp.Column:
    """A column, quoted."""
    return exp.column(quoted(name), table=quoted(table) if table else None)


def quoted(name: str) -> exp.Identifier:
    """A name as it stands there."""
    return exp.to_identifier(name, quoted=True)


def named(tree: exp.Expr, name: str) -> exp.Expr:
    """A column of the result."""
    return exp.alias_(tree, name, quoted=True)


def table_of(name: str, alias: str = "") -> exp.Expr:
    """A table or a part of the statement in FROM."""
    found = exp.Table(this=quoted(name))
    return exp.alias_(found, alias, table=True, quoted=True) if alias else found


def ordered(tree: exp.Condition, descending: bool) -> exp.Ordered:
    """Rows in this order, those without a value at the end."""
    return exp.Ordered(this=tree, desc=descending, nulls_first=False)


def within(period: Period, table: str = "") -> exp.Condition:
    """The time stands on the bare columns, the partition's besides, so that engines can leave files out."""
    lo, hi = period.lo.astimezone(UTC), period.hi.astimezone(UTC)
    last = hi - timedelta(microseconds=1)
    first, last_day = (exp.Literal.string(f"{each:%Y-%m-%d}") for each in (lo, last))
    days = exp.Between(this=column(PARTITION, table), low=first, high=last_day)
    return exp.and_(
        exp.GTE(this=column(TIME, table), expression=moment(lo)),
        exp.LT(this=column(TIME, table), expression=moment(hi)),
        days,
    )


def moment(when: datetime) -> exp.Condition:
    """A moment as a literal."""
    return exp.cast(exp.Literal.string(when.isoformat(sep=" ")), "TIMESTAMPTZ")
