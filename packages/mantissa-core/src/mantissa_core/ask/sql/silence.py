"""Who was there before and then was not, in one pass over the table."""

from __future__ import annotations

from datetime import timedelta

from sqlglot import exp

from mantissa_core.ask.plan import LAST_BEFORE, Baseline, Period, Plan

from .columns import TIME, Dialect, Table, column, named, ordered, table_of, within
from .conditions import condition
from .measures import measured

KNOWN = timedelta(days=400)
"""How far back from the period somebody who returned is looked for."""


def silent(plan: Plan, baseline: Baseline, table: Table, dialect: Dialect) -> exp.Select:
    """One row for each value that fits: when it was seen last before, and the measures.

    Of those who are ``dormant`` the measures are about the time before, of those who ``returned`` about the period.
    """
    table.type_of(baseline.field)
    before, counted = _times(plan, baseline)
    known = Period(lo=before[0].lo, hi=before[-1].hi)
    last = exp.Max(this=exp.Case().when(within(known), column(TIME)))
    figures = [(each.name, measured(each, table, dialect, within(counted))) for each in plan.measures]
    chosen = [column(baseline.field), named(last, LAST_BEFORE), *(named(tree, name) for name, tree in figures)]
    query = exp.select(*chosen).from_(table_of(table.name))
    query = query.where(within(Period(lo=known.lo, hi=plan.period.hi)), exp.not_(_null(baseline.field)))
    query = query.where(*(condition(each, table) for each in plan.filters)).group_by(column(baseline.field))
    for period, seen in [(before[0], True), *((each, False) for each in before[1:])]:
        query = query.having(_seen(period, seen))
    query = query.having(_seen(plan.period, baseline.kind == "returned"))
    return query.order_by(ordered(last.copy(), False), ordered(column(baseline.field), False)).limit(plan.limit)


def _times(plan: Plan, baseline: Baseline) -> tuple[list[Period], Period]:
    """When they were there, then the silence before the period; and which time the measures are about."""
    lo = plan.period.lo - timedelta(days=baseline.days)
    if baseline.kind == "dormant":
        known = Period(lo=lo, hi=plan.period.lo)
        return [known], known
    return [Period(lo=plan.period.lo - KNOWN - (plan.period.lo - lo), hi=lo), Period(lo=lo, hi=plan.period.lo)], (
        plan.period
    )


def _seen(period: Period, seen: bool) -> exp.Condition:
    count = exp.Count(this=exp.Case().when(within(period), exp.Literal.number(1)))
    kind = exp.GT if seen else exp.EQ
    return kind(this=count, expression=exp.Literal.number(0))


def _null(name: str) -> exp.Condition:
    return exp.Is(this=column(name), expression=exp.null())
