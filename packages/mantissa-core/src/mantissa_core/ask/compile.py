"""A plan becomes SQL, for DuckDB, Athena (Trino), BigQuery and Synapse (T-SQL).

The statement is built as a tree and rendered at the end, so a value is a literal whatever it holds. The bounds of time
stand on the bare columns, the partition's besides, so that engines can leave files out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlglot import exp

from mantissa_core.errors import QueryError

from .plan import COUNTRY, Baseline, Compare, Period, Plan
from .sql import sequence
from .sql.columns import TIME, Dialect, Table, column, named, ordered, table_of, within
from .sql.conditions import compared, condition, prefixes
from .sql.countries import with_countries
from .sql.measures import grouped, measured, spread
from .sql.silence import silent

__all__ = ["LISTED", "Dialect", "Table", "compile_plan", "listed", "prefixes"]

LISTED = ("m_time", "m_user", "m_src_ip", "m_action", "m_outcome", "m_target")
"""What a list shows of rows where the plan does not say."""


def compile_plan(plan: Plan, table: Table, dialect: Dialect = "duckdb") -> str:
    """One SELECT over the table.

    Raises:
        QueryError: the plan names what the table does not have.
    """
    query = _compiled(plan, table, dialect)
    if any(each.name == COUNTRY for each in query.find_all(exp.Column)):
        with_countries(query, plan, table, table.countries)
    if any("\0" in each.name for each in query.find_all(exp.Literal)):
        raise QueryError("a value holds a null character, which no engine takes")
    if dialect == "tsql" and query.find(exp.ArrayContains):
        raise QueryError("Synapse has no lists: ask about a column with one value")
    return query.sql(dialect=dialect, pretty=True)


def _compiled(plan: Plan, table: Table, dialect: Dialect) -> exp.Select:
    if plan.baseline and plan.baseline.kind != "new_value":
        return silent(plan, plan.baseline, table, dialect)
    if plan.measures:
        return _measured(plan, table, dialect)
    return sequence.listed(plan, plan.sequence, table) if plan.sequence else _listed(plan, table)


def _listed(plan: Plan, table: Table) -> exp.Select:
    columns = listed(plan, table)
    for each in (*columns, *(order.by for order in plan.order)):
        table.type_of(each)
    query = exp.select(*map(column, columns)).from_(table_of(table.name)).where(*_conditions(plan, table))
    order = [ordered(column(each.by), each.descending) for each in plan.order]
    return query.order_by(*(order or [ordered(column(TIME), True)])).limit(plan.limit)


def listed(plan: Plan, table: Table) -> tuple[str, ...]:
    """The columns that a list shows."""
    if plan.sequence:
        return sequence.shown(plan, plan.sequence)
    return plan.select or (*(each for each in LISTED if each in table.columns), *table.telling)


def _measured(plan: Plan, table: Table, dialect: Dialect) -> exp.Select:
    groups = [(each.name, grouped(each, table)) for each in plan.groups]
    measures = [(each.name, measured(each, table, dialect)) for each in plan.measures]
    if plan.versus:
        measures = list(_compared(plan, table, dialect))
    query = _rows(plan, table, dialect).select(
        *(named(tree, name) for name, tree in (*groups, *measures)), append=False
    )
    by_name = dict(groups) | dict(measures)
    if groups:
        query = query.group_by(*(tree.copy() for _, tree in groups))
    for each in plan.having:
        query = query.having(_having(each, by_name))
    order = [ordered(by_name[each.by].copy(), each.descending) for each in plan.order]
    if order := order or _usual(plan, by_name):
        query = query.order_by(*order)
    return query.limit(plan.limit)


def _rows(plan: Plan, table: Table, dialect: Dialect) -> exp.Select:
    """What is measured: rows of the table, or what a sequence finds."""
    if plan.sequence:
        fields = (*(each.field for each in plan.groups), *(each.field or TIME for each in plan.measures))
        return sequence.found(plan, plan.sequence, table, fields)
    rows = exp.select("*").from_(table_of(table.name)).where(*_conditions(plan, table))
    if dialect == "tsql" and any(each.function == "quantile" for each in plan.measures):
        if plan.versus:
            raise QueryError("Synapse has no percentiles of two periods at once: ask for one")
        return exp.select("*").from_(spread(rows, plan.groups, plan.measures, table).subquery("rows_of_groups"))
    return rows


def _having(compare: Compare, by_name: Mapping[str, exp.Condition]) -> exp.Condition:
    left = by_name[compare.field].copy()
    if isinstance(compare.value, str):  # another measure
        kinds = {"eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE}
        if compare.op not in kinds:
            raise QueryError(f"having: two measures cannot be compared by {compare.op}")
        return kinds[compare.op](this=left, expression=by_name[compare.value].copy())
    return compared(left, compare, "BIGINT")


def _usual(plan: Plan, by_name: Mapping[str, exp.Condition]) -> list[exp.Ordered]:
    """Stretches of time in their order, other groups by the first measure, the largest first."""
    if not plan.groups:
        return []
    if any(each.bucket for each in plan.groups):
        return [ordered(by_name[each.name].copy(), False) for each in plan.groups]
    return [ordered(by_name[plan.measures[0].name].copy(), True), *(
        ordered(by_name[each.name].copy(), False) for each in plan.groups
    )]  # fmt: skip


def _compared(plan: Plan, table: Table, dialect: Dialect) -> Iterable[tuple[str, exp.Condition]]:
    """Each measure over the first period, then over the second."""
    for measure in plan.measures:
        for suffix, period in (("", plan.period), ("_before", plan.versus)):
            if period is not None:
                yield measure.name + suffix, measured(measure, table, dialect, within(period))


def _conditions(plan: Plan, table: Table) -> list[exp.Condition]:
    period = within(plan.period)
    if plan.versus:
        period = exp.or_(period, within(plan.versus))
    new = [_unseen(plan, plan.baseline, table)] if plan.baseline else []
    return [period, *(condition(each, table) for each in plan.filters), *new]


def _unseen(plan: Plan, baseline: Baseline, table: Table) -> exp.Condition:
    """No row of the days before has the same values. What has no value is not new."""
    fields = [baseline.field, *([baseline.per] if baseline.per else [])]
    for each in fields:
        table.type_of(each)
    earlier = Period(lo=plan.period.lo - timedelta(days=baseline.days), hi=plan.period.lo)
    same = [exp.EQ(this=column(each, "earlier"), expression=column(each, table.name)) for each in fields]
    rows = exp.select("1").from_(table_of(table.name, "earlier"))
    seen = exp.Exists(this=rows.where(within(earlier, "earlier"), *same))
    known = exp.not_(exp.Is(this=column(baseline.field), expression=exp.null()))
    return exp.and_(known, exp.not_(seen))
