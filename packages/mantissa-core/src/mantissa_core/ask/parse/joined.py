"""Two clauses of one question about the same table: what holds for both, and what for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mantissa_core.ask.plan import All, Compare, Filter, Not
from mantissa_core.ask.schema import SchemaTable

from .build import Builder
from .context import Context
from .slots import Mention, Slots
from .unclear import Unclear


@dataclass(frozen=True, slots=True)
class Clauses:
    """The table, what holds for both clauses, and what besides for each."""

    builder: Builder
    table: SchemaTable
    common: tuple[Filter, ...]
    sides: tuple[tuple[Filter, ...], tuple[Filter, ...]]


def clauses(context: Context, first: Slots, second: Slots) -> Clauses:
    """Two clauses, where one takes over what it leaves out from the other: "failed to log in, then succeeded".

    Raises:
        Unclear: no single table has it all, or a clause says nothing of its own.
    """
    merged = Slots(
        filters=[*first.filters, *second.filters],
        named=first.named | second.named,
        mentions=[*first.mentions, *second.mentions],
        comparisons=[*first.comparisons, *second.comparisons],
        sources=[*first.sources, *second.sources],
        needs=[*first.needs, *second.needs],
        countries=[*first.countries, *second.countries],
        frames=[*first.frames, *second.frames],
    )
    builder = context.builder(merged, ())
    table = builder.table()
    one, other = (tuple(context.builder(_bare(each), ()).filters_for(table)) for each in (first, second))
    one, other = _completed(one, other), _completed(other, one)
    who = [tuple(each for each in side if is_person(each)) for side in (one, other)]
    people = () if who[0] and who[1] and who[0] != who[1] else who[0] or who[1]
    common = tuple(each for each in one if each in other and each not in people)
    if not set(one) - {*common, *people} or not set(other) - {*common, *people}:  # one says no more than the other
        common = ()
    sides = tuple(tuple(each for each in side if each not in (*common, *people)) for side in (one, other))
    if not sides[0] or not sides[1]:
        raise Unclear("two things are meant, and it says only one of them")
    return Clauses(builder, table, (*common, *people), (sides[0], sides[1]))


def _bare(slots: Slots) -> Slots:
    return replace(slots, sources=[])


def _completed(side: tuple[Filter, ...], other: tuple[Filter, ...]) -> tuple[Filter, ...]:
    """What only says how something ended is about the same as the other."""
    if any(not is_outcome(each) and not is_person(each) for each in side) or not side:
        return side
    return (*side, *(each for each in other if not is_outcome(each) and not is_person(each)))


def is_outcome(filter_: Filter) -> bool:
    """Whether it says how something ended, and no more."""
    inner = filter_.of if isinstance(filter_, Not) else filter_
    return isinstance(inner, Compare) and inner.field == "m_outcome"


def is_person(filter_: Filter) -> bool:
    """Whether it says who."""
    if isinstance(filter_, Compare):
        return filter_.field == "m_user"
    if isinstance(filter_, Not):
        return is_person(filter_.of)
    return all(is_person(each) for each in filter_.of)


def together(filters: Sequence[Filter]) -> Filter:
    """All of them as one."""
    return filters[0] if len(filters) == 1 else All(of=tuple(filters))


def groups_named(slots: Slots) -> list[Mention]:
    """The columns behind "by" and "per"."""
    return [each for each in slots.mentions if each.after == "each"]
