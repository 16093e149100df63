"""Tables with a column that they do not have: the country of each source address, looked up before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlglot import exp

from mantissa_core.ask.plan import ADDRESS, COUNTRY, Period, Plan

from .columns import Table, column, quoted, table_of, within


def with_countries(query: exp.Select, plan: Plan, table: Table, countries: Mapping[str, Iterable[str]]) -> None:
    """Let every part of a statement read the table with that column."""
    for read in list(query.find_all(exp.Table)):
        if read.name == table.name:
            rows = _rows(table.name, countries).where(_bounds(plan))
            read.replace(rows.subquery(quoted(read.alias_or_name)))


def _rows(name: str, countries: Mapping[str, Iterable[str]]) -> exp.Select:
    country: exp.Condition = exp.cast(exp.null(), "VARCHAR")
    for place, addresses in countries.items():
        among = exp.In(this=column(ADDRESS), expressions=[exp.Literal.string(each) for each in addresses])
        case = country if isinstance(country, exp.Case) else exp.Case()
        country = case.when(among, exp.Literal.string(place))
    return exp.select(exp.Star(), exp.alias_(country, COUNTRY, quoted=True)).from_(table_of(name))


def _bounds(plan: Plan) -> exp.Condition:
    """All the time that the plan is about, where engines can leave files out."""
    days = plan.baseline.days if plan.baseline else 0
    period = Period(lo=plan.period.lo - timedelta(days=days), hi=plan.period.hi)
    return exp.or_(within(period), *([within(plan.versus)] if plan.versus else []))
