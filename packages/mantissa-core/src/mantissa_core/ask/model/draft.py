"""What a language model writes: a plan with its time in words, values as texts and no nesting.

Every wire format takes its JSON Schema: no references, no recursion. It is text from outside until it is validated, and
:func:`plan_of` makes a :class:`Plan` of it, whose times are read by our own grammar and clock.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mantissa_core.ask import plan as plans
from mantissa_core.ask.compile import Table
from mantissa_core.ask.plan import Baseline, Bucket, Compare, Filter, Function, Group, Measure, Op, Order, Period, Plan
from mantissa_core.ask.time.grammar import assumed, times
from mantissa_core.ask.written import Written
from mantissa_core.errors import QueryError

_FIRST_YEAR = 1970


class _Model(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


class Condition(_Model):
    """A column and what it must be."""

    field: str
    """A column of the source."""
    op: Op = "eq"
    values: tuple[Annotated[str, BeforeValidator(_text), Field(max_length=1_000)], ...] = Field((), max_length=50)
    """One value; several for in and not_in; none for is_null and not_null."""


class Clause(_Model):
    """At least one of the conditions holds; with ``negated`` none of them."""

    any: tuple[Condition, ...] = Field(min_length=1, max_length=20)
    negated: bool = False


class DraftGroup(_Model):
    """One row for each value of a column, or for each stretch of time."""

    field: str = "m_time"
    bucket: Bucket | Literal[""] = ""
    """Only with m_time."""


class DraftMeasure(_Model):
    """A figure."""

    function: Function = "count"
    field: str = ""
    """Empty for a count of rows, and for a ratio."""
    q: float = Field(0, ge=0, lt=1)
    """Of a quantile: 0.95 for the 95th percentile, 0.5 for the median; else 0."""
    where: tuple[Clause, ...] = Field((), max_length=10)
    """Only rows that meet these; a ratio needs them: the rows above the line."""
    against: tuple[Clause, ...] = Field((), max_length=10)
    """Of a ratio the rows below the line; empty for all rows, a share."""
    label: str = Field("", max_length=60)
    """Letters, digits and _: tells two measures of one function apart."""


class DraftSequence(_Model):
    """Something that came after something else of the same key, and how soon."""

    first: tuple[Clause, ...] = Field((), max_length=20)
    """What came first; empty where nothing of the kind is asked."""
    then: tuple[Clause, ...] = Field((), max_length=20)
    key: str = "m_user"
    within_seconds: int = Field(plans.DAY, ge=1, le=400 * plans.DAY)
    at_least: int = Field(1, ge=1, le=100_000)
    """So many of the first."""
    each_key: bool = False
    """One row for each key: "who", "which users"."""


class Having(_Model):
    """A bound of a measure."""

    measure: str
    """events for a count of rows, share or ratio, p95_field or median_field, the label if it has one, else
    function_field, such as count_distinct_m_user."""
    op: Literal["eq", "ne", "lt", "le", "gt", "ge"]
    value: float = Field(allow_inf_nan=False)


class Draft(_Model):
    """A read-only question about one table. Without measures it lists rows."""

    refusal: str = Field("", max_length=500)
    """Why these tables cannot answer the question; empty where they can."""
    source: str = ""
    """The table."""
    filters: tuple[Clause, ...] = Field((), max_length=20)
    """All of them hold. None of them is about time."""
    time: str = Field("", max_length=200)
    """The question's own words for its time, or START/END in ISO 8601; empty where it names none."""
    versus: str = Field("", max_length=200)
    """The second time of a comparison of two times, likewise."""
    new: str = ""
    """Only rows whose value in this column was not seen for the same user in the days before."""
    new_days: int = Field(30, ge=1, le=400)
    silence: Literal["", "dormant", "returned"] = ""
    """dormant: seen in the new_days before the time and not in it. returned: seen in it, not in the new_days before,
    but earlier. Group by the column that is meant, such as m_user, and count."""
    sequence: DraftSequence = DraftSequence()
    select: tuple[str, ...] = Field((), max_length=50)
    """Columns of a list; empty for the usual ones."""
    groups: tuple[DraftGroup, ...] = Field((), max_length=5)
    measures: tuple[DraftMeasure, ...] = Field((), max_length=10)
    having: tuple[Having, ...] = Field((), max_length=10)
    order: tuple[Order, ...] = Field((), max_length=5)
    limit: int = Field(1_000, ge=1, le=plans.MOST_ROWS)
    assumptions: tuple[Annotated[str, Field(max_length=300)], ...] = Field((), max_length=5)
    """What the question left open, and how it was decided."""


class DraftOrSQL(Draft):
    """The same, or a statement where no plan can say it."""

    sql: str = Field("", max_length=8_000)
    """One SELECT of DuckDB over the tables, without conditions on time; only with an empty source."""


def schema_for(sources: Collection[str], *, raw_sql: bool = False) -> dict[str, Any]:
    """JSON Schema of a draft about one of these tables, without references."""
    whole = (DraftOrSQL if raw_sql else Draft).model_json_schema()
    found: dict[str, Any] = _inlined(whole, whole.pop("$defs", {}))
    found["properties"]["source"]["enum"] = [*sources, ""]
    return found


def _inlined(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(each, definitions) for each in node]
    if not isinstance(node, dict):
        return node
    if name := str(node.get("$ref", "")).removeprefix("#/$defs/"):
        return _inlined(copy.deepcopy(definitions[name]), definitions)
    return {key: _inlined(value, definitions) for key, value in node.items() if key not in {"title", "default"}}


def plan_of(draft: Draft, table: Table, question: str, now: datetime, zone: str, previous: Plan | None) -> Plan:
    """The plan that a draft means.

    Raises:
        QueryError: a time is not understood, or a value does not fit its column.
        pydantic.ValidationError: the parts do not fit together.
    """
    period, versus = _periods(draft, question, now, zone, previous)
    return Plan(
        source=draft.source,
        filters=tuple(_filter(each, table) for each in draft.filters),
        period=period,
        versus=versus,
        baseline=_baseline(draft),
        sequence=_sequence(draft.sequence, table) if draft.sequence.first or draft.sequence.then else None,
        select=draft.select,
        groups=tuple(Group(field=each.field, bucket=each.bucket or None) for each in draft.groups),
        measures=tuple(_measure(each, table) for each in draft.measures),
        having=tuple(Compare(field=each.measure, op=each.op, value=_number(each.value)) for each in draft.having),
        order=draft.order,
        limit=draft.limit,
        assumptions=tuple(line(each) for each in draft.assumptions),
    )


def written_of(
    draft: DraftOrSQL, tables: Collection[str], question: str, now: datetime, zone: str, previous: Period | None
) -> Written:
    """The statement that a draft holds, and the time around it.

    Raises:
        QueryError: a time is not understood.
    """
    period, _ = _periods(draft, question, now, zone, previous)
    return Written(draft.sql, tuple(tables), period, tuple(line(each) for each in draft.assumptions))


def _baseline(draft: Draft) -> Baseline | None:
    if draft.silence:
        key = draft.groups[0].field if draft.groups else "m_user"
        return Baseline(kind=draft.silence, field=key, per=None, days=draft.new_days)
    return Baseline(field=draft.new, days=draft.new_days) if draft.new else None


def _sequence(draft: DraftSequence, table: Table) -> plans.Sequence:
    first, then = (tuple(_filter(each, table) for each in side) for side in (draft.first, draft.then))
    return plans.Sequence(
        first=first,
        then=then,
        key=draft.key,
        within=draft.within_seconds,
        at_least=draft.at_least,
        each_key=draft.each_key,
    )


def _measure(draft: DraftMeasure, table: Table) -> Measure:
    where, against = (_together(each, table) for each in (draft.where, draft.against))
    field, q = draft.field or None, draft.q or None
    return Measure(function=draft.function, field=field, q=q, where=where, against=against, label=draft.label)


def _together(clauses: tuple[Clause, ...], table: Table) -> Filter | None:
    filters = tuple(_filter(each, table) for each in clauses)
    return plans.All(of=filters) if len(filters) > 1 else filters[0] if filters else None


def _periods(
    draft: Draft, question: str, now: datetime, zone: str, previous: Plan | Period | None
) -> tuple[Period, Period | None]:
    """What our grammar reads in the question counts; the model's words only where it reads nothing."""
    read = [
        Period(lo=each.window.lo, hi=each.window.hi, text=each.window.text, zone=zone)
        for each in times(question, now, zone)
    ]
    second = read[1] if len(read) > 1 else _period(draft.versus, now, zone) if draft.versus else None
    versus = second if draft.versus else None
    if read:
        return read[0], versus
    if draft.time:
        return _period(draft.time, now, zone), versus
    if isinstance(previous, Period):
        return previous, versus
    if previous is not None:
        return previous.period, versus or previous.versus
    window = assumed(now, zone)
    return Period(lo=window.lo, hi=window.hi, text=window.text, assumed=True, zone=zone), versus


def _period(text: str, now: datetime, zone: str) -> Period:
    """A time that the model names: START/END in ISO 8601, or words that our grammar reads."""
    begin, slash, end = text.partition("/")
    if slash:
        try:
            lo, hi = (_moment(each.strip(), zone) for each in (begin, end))
            told = line(f"{begin.strip()} to {end.strip()}")
            period = Period(lo=lo, hi=hi, text=told, zone=zone)
        except (ValueError, OverflowError):
            raise QueryError(f"time: {line(text)!r} is not START/END in ISO 8601, the earlier first") from None
        if period.lo >= now or period.lo.year < _FIRST_YEAR:
            raise QueryError(f"time: {line(text)!r} is not in the past that logs have")
        return period
    found = times(text, now, zone)
    if len(found) != 1:
        raise QueryError(f"time: {line(text)!r} is not understood; use the question's words or START/END in ISO 8601")
    window = found[0].window
    return Period(lo=window.lo, hi=window.hi, text=window.text, zone=zone)


def _moment(text: str, zone: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _filter(clause: Clause, table: Table) -> Filter:
    compared = tuple(_compare(each, table) for each in clause.any)
    found: Filter = compared[0] if len(compared) == 1 else plans.Any(of=compared)
    return plans.Not(of=found) if clause.negated else found


def _compare(condition: Condition, table: Table) -> Compare:
    kind = table.type_of(condition.field)
    values = tuple(_value(each, condition, kind) for each in condition.values)
    several = condition.op in ("in", "not_in")
    if condition.op.endswith("null"):
        return Compare(field=condition.field, op=condition.op)
    if not several and len(values) != 1:
        raise QueryError(f"{condition.field}: {condition.op} takes one value, found {len(values)}")
    return Compare(field=condition.field, op=condition.op, value=values if several else values[0])


def _value(text: str, condition: Condition, kind: str) -> plans.Scalar:
    try:
        if kind in ("BIGINT", "INTEGER", "HUGEINT", "UBIGINT", "SMALLINT"):
            return int(text)
        if kind in ("DOUBLE", "FLOAT"):
            return _finite(float(text))
    except ValueError:
        raise QueryError(f"{condition.field}: {line(text)!r} is no number") from None
    if kind == "BOOLEAN":
        if text not in ("true", "false"):
            raise QueryError(f"{condition.field}: {line(text)!r} is neither true nor false")
        return text == "true"
    return text


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def line(text: str, longest: int = 200) -> str:
    """On one line and without control characters: people will read what a model wrote."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:longest]
