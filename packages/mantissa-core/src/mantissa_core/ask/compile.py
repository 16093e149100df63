"""A plan becomes SQL, for DuckDB, Athena (Trino), BigQuery and Synapse (T-SQL).

The statement is built as a tree and rendered at the end, so a value is a literal whatever it holds. The bounds of time
stand on the bare columns, the partition's besides, so that engines can leave files out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlglot import exp

from mantissa_core.errors import QueryError

from .plan import All, Any, Baseline, Compare, Filter, Group, Measure, Period, Plan, Scalar

Dialect = Literal["duckdb", "athena", "bigquery", "tsql"]
TIME, PARTITION = "m_time", "dt"
_LISTED = ("m_time", "m_user", "m_src_ip", "m_action", "m_outcome", "m_target")
"""What a list shows of rows where the plan does not say."""
_COMPARED: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE,
}  # fmt: skip


class Table:
    """A table or view that may be asked: its columns with their SQL types (``VARCHAR``, ``VARCHAR[]``, ``BIGINT``…)."""

    def __init__(self, name: str, columns: Mapping[str, str]) -> None:
        self.name, self.columns = name, columns

    def type_of(self, column: str) -> str:
        """The SQL type.

        Raises:
            QueryError: there is no such column.
        """
        try:
            return self.columns[column]
        except KeyError:
            raise QueryError(f"{self.name} has no column {column!r}") from None


def compile_plan(plan: Plan, table: Table, dialect: Dialect = "duckdb") -> str:
    """One SELECT over the table.

    Raises:
        QueryError: the plan names what the table does not have.
    """
    query = _measured(plan, table) if plan.measures else _listed(plan, table)
    if any("\0" in each.name for each in query.find_all(exp.Literal)):
        raise QueryError("a value holds a null character, which no engine takes")
    if dialect == "tsql" and query.find(exp.ArrayContains):
        raise QueryError("Synapse has no lists: ask about a column with one value")
    return query.sql(dialect=dialect, pretty=True)


def _listed(plan: Plan, table: Table) -> exp.Select:
    columns = listed(plan, table)
    for each in (*columns, *(order.by for order in plan.order)):
        table.type_of(each)
    query = exp.select(*map(_column, columns)).from_(_identifier(table.name)).where(*_conditions(plan, table))
    order = [_ordered(_column(each.by), each.descending) for each in plan.order]
    return query.order_by(*(order or [_ordered(_column(TIME), True)])).limit(plan.limit)


def listed(plan: Plan, table: Table) -> tuple[str, ...]:
    """The columns that a list shows."""
    return plan.select or tuple(each for each in _LISTED if each in table.columns)


def _measured(plan: Plan, table: Table) -> exp.Select:
    groups = [(each.name, _group(each, table)) for each in plan.groups]
    measures = [(each.name, _measure(each, table)) for each in plan.measures]
    if plan.versus:
        measures = list(_compared(plan, table))
    named = [exp.alias_(tree, name, quoted=True) for name, tree in (*groups, *measures)]
    query = exp.select(*named).from_(_identifier(table.name)).where(*_conditions(plan, table))
    by_name = dict(groups) | dict(measures)
    if groups:
        query = query.group_by(*(tree.copy() for _, tree in groups))
    for each in plan.having:
        query = query.having(_compare(by_name[each.field].copy(), each, "BIGINT"))
    order = [_ordered(by_name[each.by].copy(), each.descending) for each in plan.order]
    if order := order or _usual(plan, by_name):
        query = query.order_by(*order)
    return query.limit(plan.limit)


def _usual(plan: Plan, by_name: Mapping[str, exp.Condition]) -> list[exp.Ordered]:
    """Stretches of time in their order, other groups by the first measure, the largest first."""
    if not plan.groups:
        return []
    if any(each.bucket for each in plan.groups):
        return [_ordered(by_name[each.name].copy(), False) for each in plan.groups]
    return [_ordered(by_name[plan.measures[0].name].copy(), True), *(
        _ordered(by_name[each.name].copy(), False) for each in plan.groups
    )]  # fmt: skip


def _compared(plan: Plan, table: Table) -> Iterable[tuple[str, exp.Condition]]:
    """Each measure over the first period, then over the second."""
    for measure in plan.measures:
        for suffix, period in (("", plan.period), ("_before", plan.versus)):
            if period is not None:
                yield measure.name + suffix, _measure(measure, table, _within(period))


def _measure(measure: Measure, table: Table, when: exp.Condition | None = None) -> exp.Condition:
    """The aggregate, over the rows for which ``when`` holds."""
    if measure.field is not None:
        table.type_of(measure.field)
    value: exp.Condition = _column(measure.field) if measure.field else exp.Literal.number(1)
    if when is not None:
        value = exp.Case().when(when, value)
    elif measure.field is None:
        return exp.Count(this=exp.Star())
    match measure.function:
        case "count":
            return exp.Count(this=value)
        case "count_distinct":
            return exp.Count(this=exp.Distinct(expressions=[value]))
        case "sum":
            return exp.Sum(this=value)
        case "avg":
            return exp.Avg(this=value)
        case "min":
            return exp.Min(this=value)
    return exp.Max(this=value)


def _group(group: Group, table: Table) -> exp.Condition:
    table.type_of(group.field)
    column = _column(group.field)
    return exp.TimestampTrunc(this=column, unit=exp.var(group.bucket.upper())) if group.bucket else column


def _conditions(plan: Plan, table: Table) -> list[exp.Condition]:
    period = _within(plan.period)
    if plan.versus:
        period = exp.or_(period, _within(plan.versus))
    new = [_unseen(plan, plan.baseline, table)] if plan.baseline else []
    return [period, *(_filter(each, table) for each in plan.filters), *new]


def _unseen(plan: Plan, baseline: Baseline, table: Table) -> exp.Condition:
    """No row of the days before has the same values. What has no value is not new."""
    fields = [baseline.field, *([baseline.per] if baseline.per else [])]
    for each in fields:
        table.type_of(each)
    earlier = Period(lo=plan.period.lo - timedelta(days=baseline.days), hi=plan.period.lo)
    same = [exp.EQ(this=_column(each, "earlier"), expression=_column(each, table.name)) for each in fields]
    rows = exp.select("1").from_(exp.alias_(_identifier(table.name), "earlier", table=True, quoted=True))
    seen = exp.Exists(this=rows.where(_within(earlier, "earlier"), *same))
    known = exp.not_(exp.Is(this=_column(baseline.field), expression=exp.null()))
    return exp.and_(known, exp.not_(seen))


def _within(period: Period, table: str = "") -> exp.Condition:
    lo, hi = period.lo.astimezone(UTC), period.hi.astimezone(UTC)
    last = hi - timedelta(microseconds=1)
    first, last_day = (exp.Literal.string(f"{each:%Y-%m-%d}") for each in (lo, last))
    days = exp.Between(this=_column(PARTITION, table), low=first, high=last_day)
    return exp.and_(
        exp.GTE(this=_column(TIME, table), expression=_moment(lo)),
        exp.LT(this=_column(TIME, table), expression=_moment(hi)),
        days,
    )


def _moment(moment: datetime) -> exp.Condition:
    return exp.cast(exp.Literal.string(moment.isoformat(sep=" ")), "TIMESTAMPTZ")


def _filter(filter_: Filter, table: Table) -> exp.Condition:
    match filter_:
        case Compare():
            kind = table.type_of(filter_.field)
            return _compare(_column(filter_.field), filter_, kind)
        case All():
            return exp.and_(*(_filter(each, table) for each in filter_.of))
        case Any():
            return exp.or_(*(_filter(each, table) for each in filter_.of))
    return exp.not_(_filter(filter_.of, table))


def _compare(left: exp.Condition, compare: Compare, kind: str) -> exp.Condition:
    if compare.op in ("is_null", "not_null"):
        null = exp.Is(this=left, expression=exp.null())
        return exp.not_(null) if compare.op == "not_null" else null
    if kind.endswith("[]"):
        return _in_list(left, compare)
    if compare.op in ("in", "not_in"):
        values = compare.value if isinstance(compare.value, tuple) else ()
        found = exp.In(this=_folded(left, kind), expressions=[_literal(each, kind) for each in values])
        return exp.not_(found) if compare.op == "not_in" else found
    return _single(left, compare, kind)


def _single(left: exp.Condition, compare: Compare, kind: str) -> exp.Condition:
    value = compare.value
    if compare.op in ("contains", "starts", "ends", "cidr") and kind != "VARCHAR":
        raise QueryError(f"{compare.field} is no text: {compare.op} cannot be asked of it")
    text = str(value).lower()
    match compare.op:
        case "contains":
            place = exp.StrPosition(this=_folded(left, kind), substr=exp.Literal.string(text))
            return exp.GT(this=place, expression=exp.Literal.number(0))
        case "starts":
            return _part(exp.Left, left, text)
        case "ends":
            return _part(exp.Right, left, text)
        case "cidr":
            return _in_network(left, str(value))
    assert isinstance(value, str | int | float | bool)  # noqa: S101  # Compare has checked it
    return _COMPARED[compare.op](this=_folded(left, kind), expression=_literal(value, kind))


def _in_network(left: exp.Condition, network: str) -> exp.Condition:
    by_length: dict[int, list[exp.Condition]] = {}
    for each in prefixes(network):
        by_length.setdefault(len(each), []).append(exp.Literal.string(each))
    return exp.or_(
        *(
            exp.In(this=exp.Left(this=left.copy(), expression=exp.Literal.number(length)), expressions=texts)
            for length, texts in by_length.items()
        )
    )


def prefixes(network: str) -> list[str]:
    """The beginnings of the texts of all addresses in an IPv4 network: ``10.1.0.0/15`` is ``10.0.`` and ``10.1.``.

    Raises:
        QueryError: it is no IPv4 network.
    """
    try:
        parsed = ipaddress.IPv4Network(network, strict=False)
    except ValueError:
        raise QueryError(f"{network!r} is no IPv4 network, such as 10.1.0.0/16") from None
    octets = -(-parsed.prefixlen // 8)
    if octets == 0:
        return [""]
    parts = parsed.subnets(new_prefix=octets * 8)
    dot = "." if octets < 4 else ""
    return [".".join(str(each.network_address).split(".")[:octets]) + dot for each in parts]


def _part(side: type[exp.Func], left: exp.Condition, text: str) -> exp.Condition:
    part = side(this=_folded(left, "VARCHAR"), expression=exp.Literal.number(len(text)))
    return exp.EQ(this=part, expression=exp.Literal.string(text))


def _in_list(left: exp.Condition, compare: Compare) -> exp.Condition:
    values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
    if compare.op not in ("eq", "ne", "in", "not_in"):
        raise QueryError(f"{compare.field} holds several values: ask whether one is among them (eq, in)")
    found = exp.or_(*(exp.ArrayContains(this=left.copy(), expression=exp.Literal.string(str(each))) for each in values))
    return exp.not_(found) if compare.op in ("ne", "not_in") else found


def _folded(left: exp.Condition, kind: str) -> exp.Condition:
    """Texts are compared without regard to case."""
    return exp.Lower(this=left) if kind == "VARCHAR" else left


def _literal(value: Scalar, kind: str) -> exp.Condition:
    if kind == "VARCHAR":
        return exp.Literal.string(str(value).lower())
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int | float):
        return exp.Literal.number(value)
    raise QueryError(f"found the text {value!r}, expected a number or true or false")


def _column(name: str, table: str = "") -> exp.Column:
    return exp.column(
        exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True) if table else None
    )


def _identifier(name: str) -> exp.Table:
    return exp.Table(this=exp.to_identifier(name, quoted=True))


def _ordered(tree: exp.Condition, descending: bool) -> exp.Ordered:
    return exp.Ordered(this=tree, desc=descending, nulls_first=False)
