"""Figures in SQL. Each engine has its own way to a quantile, exact only in DuckDB and Synapse."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from mantissa_core.ask.plan import Group, Measure
from mantissa_core.errors import QueryError

from .columns import Dialect, Table, column, named
from .conditions import condition

_NUMBERS = frozenset({"BIGINT", "INTEGER", "DOUBLE", "HUGEINT"})


def measured(
    measure: Measure, table: Table, dialect: Dialect = "duckdb", when: exp.Condition | None = None
) -> exp.Condition:
    """The aggregate, over the rows for which ``when`` holds.

    Raises:
        QueryError: the table has no such column, or it holds no numbers.
    """
    _check(measure, table)
    if measure.function == "ratio":
        return _ratio(measure, table, when)
    conditions = [*([when] if when is not None else []), *([condition(measure.where, table)] if measure.where else [])]
    value: exp.Condition = column(measure.field) if measure.field else exp.Literal.number(1)
    if conditions:
        value = exp.Case().when(exp.and_(*conditions), value)
    elif measure.field is None:
        return exp.Count(this=exp.Star())
    return _aggregate(measure, value, dialect)


def _check(measure: Measure, table: Table) -> None:
    if measure.field is None:
        return
    kind = table.type_of(measure.field)
    if measure.function in ("sum", "avg", "quantile") and kind not in _NUMBERS:
        raise QueryError(f"{measure.field} holds no numbers: {measure.function} cannot be asked of it")


def _aggregate(measure: Measure, value: exp.Condition, dialect: Dialect) -> exp.Condition:
    match measure.function:
        case "count_distinct":
            return exp.Count(this=exp.Distinct(expressions=[value]))
        case "sum":
            return exp.Sum(this=value)
        case "avg":  # Synapse's mean of whole numbers is a whole number
            return exp.Avg(this=exp.cast(value, "DOUBLE"))
        case "min":
            return exp.Min(this=value)
        case "max":
            return exp.Max(this=value)
        case "quantile":
            return _quantile(measure, value, dialect)
    return exp.Count(this=value)


def _ratio(measure: Measure, table: Table, when: exp.Condition | None) -> exp.Condition:
    """Nothing where there is nothing below the line."""
    above, below = (
        measured(Measure(where=each), table, when=when.copy() if when is not None else None)
        for each in (measure.where, measure.against)
    )
    none = exp.Nullif(this=below, expression=exp.Literal.number(0))
    return exp.Div(this=exp.cast(above, "DOUBLE"), expression=none)


def _quantile(measure: Measure, value: exp.Condition, dialect: Dialect) -> exp.Condition:
    q = exp.Literal.number(f"{measure.q:.6f}".rstrip("0"))
    match dialect:
        case "duckdb":
            return exp.Anonymous(this="QUANTILE_CONT", expressions=[value, q])
        case "tsql":  # computed for each row below (see spread): the same for all rows of a group
            return exp.Max(this=column(measure.name))
    return exp.ApproxQuantile(this=value, quantile=q)


def spread(rows: exp.Select, groups: Sequence[Group], measures: Sequence[Measure], table: Table) -> exp.Select:
    """For Synapse, which has quantiles as window functions only: the rows, each with its group's quantiles."""
    for each in measures:
        if each.function != "quantile" or each.field is None:
            continue
        value: exp.Condition = column(each.field)
        if each.where:
            value = exp.Case().when(condition(each.where, table), value)
        order = exp.Order(expressions=[exp.Ordered(this=value, nulls_first=True)])
        inner = exp.WithinGroup(
            this=exp.PercentileCont(this=exp.Literal.number(f"{each.q:.6f}".rstrip("0"))), expression=order
        )
        over = [grouped(group, table) for group in groups]
        rows = rows.select(named(exp.Window(this=inner, partition_by=over), each.name))
    return rows


def grouped(group: Group, table: Table) -> exp.Condition:
    """What rows are grouped by.

    Raises:
        QueryError: the table has no such column.
    """
    table.type_of(group.field)
    tree = column(group.field)
    return exp.TimestampTrunc(this=tree, unit=exp.var(group.bucket.upper())) if group.bucket else tree
