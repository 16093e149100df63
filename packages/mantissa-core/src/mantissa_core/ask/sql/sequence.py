"""What came after what, in SQL whose work grows with the number of events, not with that of pairs of them.

The events of a key are put in order; each of ``then`` knows how many of ``first`` are strictly before it, and so which
is the last of them: the two are joined by that number.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from mantissa_core.ask.plan import FIRST_TIME, PAIRS, THEN_TIME, Filter, Plan, Sequence
from mantissa_core.errors import QueryError

from .columns import TIME, Table, column, named, ordered, quoted, table_of, within
from .conditions import condition

FIRST_ID, FIRST_TABLE, THEN_ID, THEN_TABLE = "first_id", "first_table", "then_id", "then_table"
CITED = (FIRST_ID, FIRST_TABLE, THEN_ID, THEN_TABLE)
"""Columns that say where the two events stand."""
_MARKED, _NUMBERED, _FOUND = "marked_events", "numbered_events", "found_pairs"
_IS_FIRST, _IS_THEN, _NUMBER, _EARLIER, _NEWEST = "is_first", "is_then", "first_number", "firsts_before", "newest"


def shown(plan: Plan, sequence: Sequence) -> tuple[str, ...]:
    """The columns that people see."""
    return (sequence.key, FIRST_TIME, THEN_TIME, *((PAIRS,) if sequence.each_key else ()))


def found(plan: Plan, sequence: Sequence, table: Table, more: Iterable[str] = ()) -> exp.Select:
    """The pairs as rows: the key, both times, both ids; and of the later event the columns ``more``.

    Raises:
        QueryError: the table has no such column, or the key holds several values.
    """
    if table.type_of(sequence.key).endswith("[]"):
        raise QueryError(f"{sequence.key} holds several values: follow a column with one")
    kept = [name for name in dict.fromkeys(("m_id", "m_table", *more)) if name in table.columns]
    kept = [name for name in kept if name not in (sequence.key, TIME)]
    steps = [
        (_MARKED, _marked(plan, sequence, table, kept)),
        (_NUMBERED, _numbered(sequence)),
        (_FOUND, _paired(sequence, kept)),
    ]
    query = exp.select("*").from_(table_of(_FOUND))
    for name, step in steps:
        query = query.with_(quoted(name), as_=step, copy=False)
    return query


def listed(plan: Plan, sequence: Sequence, table: Table) -> exp.Select:
    """The pairs as a list, the newest first."""
    names = [*shown(plan, sequence), *(each for each in CITED if each.endswith("_id") or "m_table" in table.columns)]
    query = found(plan, sequence, table)
    query = query.select(*map(column, names), append=False)
    if sequence.each_key:
        query = query.where(exp.EQ(this=column(_NEWEST), expression=exp.Literal.number(1)))
    newest = [ordered(column(THEN_TIME), True), ordered(column(THEN_ID), False)]
    return query.order_by(*newest).limit(plan.limit)


def _marked(plan: Plan, sequence: Sequence, table: Table, kept: list[str]) -> exp.Select:
    """The events of either kind, in the time."""
    first, then = (_all(each, table) for each in (sequence.first, sequence.then))
    marks = [
        named(exp.Case().when(tree.copy(), exp.Literal.number(1)), name)
        for tree, name in ((first, _IS_FIRST), (then, _IS_THEN))
    ]
    known = exp.not_(exp.Is(this=column(sequence.key), expression=exp.null()))
    both = [condition(each, table) for each in plan.filters]
    query = exp.select(*map(column, (sequence.key, TIME, *kept)), *marks).from_(table_of(table.name))
    return query.where(within(plan.period), known, *both, exp.or_(first, then))


def _all(filters: Iterable[Filter], table: Table) -> exp.Condition:
    return exp.and_(*(condition(each, table) for each in filters))


def _numbered(sequence: Sequence) -> exp.Select:
    """The events of ``first`` by their number, and for every event how many of those are strictly before it."""
    key = column(sequence.key)
    until = _over(exp.Count(this=column(_IS_FIRST)), [key], [column(TIME)])
    same = _over(exp.Count(this=column(_IS_FIRST)), [key, column(TIME)], [])
    row = _over(exp.RowNumber(), [key, column(_IS_FIRST)], [column(TIME), column("m_id")])
    number = exp.Case().when(exp.EQ(this=column(_IS_FIRST), expression=exp.Literal.number(1)), row)
    earlier = exp.Sub(this=until, expression=same)
    return exp.select("*", named(number, _NUMBER), named(earlier, _EARLIER)).from_(table_of(_MARKED))


def _over(function: exp.Expr, by: list[exp.Column], order: list[exp.Column]) -> exp.Window:
    # Times and ids are never null; first is where every engine can put nulls without a detour.
    ordering = (
        exp.Order(expressions=[exp.Ordered(this=each.copy(), nulls_first=True) for each in order]) if order else None
    )
    return exp.Window(this=function, partition_by=[each.copy() for each in by], order=ordering)


def _paired(sequence: Sequence, kept: list[str]) -> exp.Select:
    chosen = [
        column(sequence.key, "later"),
        named(column(TIME, "earlier"), FIRST_TIME),
        named(column(TIME, "later"), THEN_TIME),
        *_cited(kept),
        *(column(name, "later") for name in (TIME, *kept)),
    ]
    if sequence.each_key:
        newest = [column(TIME, "later"), column("m_id", "later")]
        ranking = exp.Order(expressions=[exp.Ordered(this=each, desc=True) for each in newest])
        key = column(sequence.key, "later")
        chosen.append(named(exp.Window(this=exp.RowNumber(), partition_by=[key], order=ranking), _NEWEST))
        pairs = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[key.copy()])
        chosen.append(named(pairs, PAIRS))
    query = exp.select(*chosen).from_(table_of(_NUMBERED, "later"))
    query = query.join(table_of(_NUMBERED, "earlier"), on=_joined(sequence, "earlier", 0))
    oldest = "earlier"
    if sequence.at_least > 1:
        oldest = "oldest"
        query = query.join(table_of(_NUMBERED, oldest), on=_joined(sequence, oldest, sequence.at_least - 1))
    until = exp.TimestampAdd(
        this=column(TIME, oldest), expression=exp.Literal.number(sequence.within), unit=exp.var("SECOND")
    )
    is_then = exp.EQ(this=column(_IS_THEN, "later"), expression=exp.Literal.number(1))
    return query.where(is_then, exp.LTE(this=column(TIME, "later"), expression=until))


def _cited(kept: list[str]) -> Iterable[exp.Expr]:
    for side, id_, table in (("earlier", FIRST_ID, FIRST_TABLE), ("later", THEN_ID, THEN_TABLE)):
        yield named(column("m_id", side), id_)
        if "m_table" in kept:
            yield named(column("m_table", side), table)


def _joined(sequence: Sequence, side: str, back: int) -> exp.Condition:
    """The event of ``first`` so many before the last one that is earlier."""
    number: exp.Condition = column(_EARLIER, "later")
    if back:
        number = exp.Sub(this=number, expression=exp.Literal.number(back))
    same = exp.EQ(this=column(sequence.key, side), expression=column(sequence.key, "later"))
    return exp.and_(same, exp.EQ(this=column(_NUMBER, side), expression=number))
