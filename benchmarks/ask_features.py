"""What a statement asks for, taken apart: tables, conditions, period and form.

Read from the SQL alone, of whoever wrote it, so that gold and answer are measured by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import duckdb
import sqlglot
from ask_draw import NOW
from sqlglot import exp

MEASURES = ("tables", "columns", "values", "period", "form")
TIMES = {"m_time", "dt"}
_CONDITIONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Like, exp.ILike, exp.ArrayContains)
_MOMENT = f"TIMESTAMPTZ '{NOW.isoformat(sep=' ')}'"


@dataclass(frozen=True)
class Features:
    """Of one statement. Values are in lower case and without wildcards."""

    tables: frozenset[str]
    columns: frozenset[str]
    values: frozenset[str]
    period: tuple[datetime | None, datetime | None]
    form: str
    """``rows``, ``figures``, ``groups`` or ``course`` (over time)."""


def at_now(sql: str) -> str:
    """Gold's statement with the moment of the questions in place of ``$now``."""
    return sql.replace("$now", _MOMENT)


def features(sql: str) -> Features:
    """Those of a statement for DuckDB.

    Raises:
        sqlglot.errors.ParseError: it is none.
    """
    tree = sqlglot.parse_one(at_now(sql), read="duckdb")
    columns, values = _conditions(tree)
    local = {each.alias for each in tree.find_all(exp.CTE)}
    return Features(
        frozenset(each.name.lower() for each in tree.find_all(exp.Table) if each.name not in local),
        frozenset(columns),
        frozenset(values),
        _period(tree),
        _form(tree),
    )


def alike(gold: Iterable[Features], found: Features) -> dict[str, float]:
    """For each of ``MEASURES`` from 0 to 1, against the statement of gold that is nearest.

    Sets by the share of both that they have in common, as is usual for filters; period and form by being equal.
    """
    return max((_alike(each, found) for each in gold), key=lambda each: sum(each.values()))


def _alike(gold: Features, found: Features) -> dict[str, float]:
    return {
        "tables": float(gold.tables == found.tables),
        "columns": _shared(gold.columns, found.columns),
        "values": _shared(gold.values, found.values),
        "period": float(gold.period == found.period),
        "form": float(gold.form == found.form),
    }


def _shared(these: frozenset[str], those: frozenset[str]) -> float:
    return len(these & those) / len(these | those) if these | those else 1.0


def _conditions(tree: exp.Expr) -> tuple[set[str], set[str]]:
    columns: set[str] = set()
    values: set[str] = set()
    for condition in tree.find_all(*_CONDITIONS):
        names = {each.name.lower() for each in condition.find_all(exp.Column)}
        if names & TIMES or condition.find_ancestor(exp.Join):
            continue
        literals = {each.name.lower().strip("%") for each in condition.find_all(exp.Literal)}
        if literals:  # one column against another is how two steps are joined
            columns |= names
            values |= literals
    return columns, values


def _period(tree: exp.Expr) -> tuple[datetime | None, datetime | None]:
    lows: list[datetime] = []
    highs: list[datetime] = []
    for condition in tree.find_all(exp.GTE, exp.LT):
        left, right = condition.this, condition.expression
        if isinstance(left, exp.Column) and left.name == "m_time" and not right.find(exp.Column):
            (lows if isinstance(condition, exp.GTE) else highs).append(_moment(right.sql("duckdb")))
    return min(lows, default=None), max(highs, default=None)


@cache
def _moment(sql: str) -> datetime:
    [value] = _engine().execute(f"SELECT epoch_us(({sql})::TIMESTAMPTZ)").fetchone() or (0,)
    return datetime.fromtimestamp(value / 1e6, NOW.tzinfo)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    return engine


def _form(tree: exp.Expr) -> str:
    if not isinstance(tree, exp.Select):
        return "groups"
    if group := tree.args.get("group"):
        keys = [*group.find_all(exp.Column), *tree.expressions]
        stretched = any(each.find(exp.TimestampTrunc, exp.DateTrunc) for each in keys)
        return "course" if stretched else "groups"
    if any(each.find(exp.AggFunc) for each in tree.expressions):
        return "figures"
    return "groups" if tree.args.get("distinct") else "rows"
