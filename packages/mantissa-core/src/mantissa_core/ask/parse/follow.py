"""Follow-ups change the plan before: another time, one condition more or instead, other groups, the rows behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mantissa_core.ask.plan import Any, Compare, Filter, Group, Measure, Not, Order, Period, Plan
from mantissa_core.ask.schema import Schema, SchemaTable

from .build import Builder, country_of, side_by_side
from .slots import Slots
from .unclear import Unclear

_OPENINGS = re.compile(
    r"^\W*(?:and|only|just|now|but|what about|how about|same|also|instead|of those|of these|among|without|excluding|"
    r"except|not)\b",
    re.IGNORECASE,
)


_POINTS_BACK = re.compile(
    r"^\W*(?:and|what about|how about|same|also|instead|of those|of these|among)\b|"
    r"\b(?:the (?:first|last) one|the ones|of (?:those|these|them))\b",
    re.IGNORECASE,
)


_ONE_ROW = re.compile(
    r"\bthe (?:\w+ )?(?:first|second|third|last|top|other|next|bottom) (?:one|row|line|entry)\b", re.IGNORECASE
)
"""One of the rows of the answer before, which the plan does not know."""


def points_back(question: str) -> bool:
    """Whether the question says that there was one before it."""
    return bool(_POINTS_BACK.search(question))


def goes_on(question: str) -> bool:
    """Whether the question begins as one that changes the one before it."""
    return bool(_OPENINGS.search(question))


def is_follow_up(question: str, slots: Slots) -> bool:
    """Whether the question makes sense with the one before only."""
    own = slots.filters or slots.comparisons or slots.sources or slots.countries
    return goes_on(question) or not own


def edited(
    question: str, plan: Plan, builder: Builder, slots: Slots, periods: Sequence[Period], schema: Schema
) -> Plan:
    """The plan before, changed by what was said now.

    Raises:
        Unclear: what was said does not fit it.
    """
    changes: dict[str, object] = {"assumptions": ()}
    if plan.groups and _ONE_ROW.search(question):
        raise Unclear("which of them? say its name")
    if len(periods) > 1:
        raise Unclear("it names several times")
    frames = set(slots.frames)
    if periods and "compare" in frames:
        period, versus = side_by_side(plan.period, periods[0])
        changes |= {"period": period, "versus": versus, "measures": plan.measures or (Measure(),), "order": ()}
    elif periods:
        changes |= {"period": periods[0], "versus": None}
    table = _told_by(plan, slots, schema)
    if table.name != plan.source:
        changes |= {"source": table.name, "assumptions": (f"only {table.title} tells countries",)}
    if new := list(builder.filters_for(table)):
        changes["filters"] = (*(each for each in plan.filters if not _replaced(each, new)), *new)
    groups, measures = builder.shape_for(table)
    if "details" in frames:
        changes |= {"groups": (), "measures": (), "having": (), "order": (), "versus": None}
    elif groups or measures:
        kept = plan.measures if _of_its_own(plan, measures, frames) else measures
        changes |= {"groups": groups or plan.groups, "measures": kept, "having": (), "order": ()}
        changes |= _counted(plan, measures, groups)
    if plan.measures and "having" not in changes and (having := builder.having_for(plan.measures)):
        changes["having"] = having
    if limit := builder.limit:
        changes["limit"] = limit
        if "first" in frames and not plan.measures:
            changes["order"] = (Order(by="m_time", descending=False),)
    if len(changes) == 1 and not changes["assumptions"]:
        raise Unclear("what should change?")
    return Plan.model_validate({**plan.model_dump(), **{name: _plain(each) for name, each in changes.items()}})


def _of_its_own(plan: Plan, measures: Sequence[Measure], frames: set[str]) -> bool:
    """Whether the plan before worked out more than a count, which other groups do not change: "by IP instead"."""
    plain = all(each.function.startswith("count") and each.where is None for each in plan.measures)
    return bool(plan.measures) and not plain and tuple(measures) == (Measure(),) and "count" not in frames


def _counted(plan: Plan, measures: Sequence[Measure], groups: Sequence[Group]) -> dict[str, object]:
    """Of what a sequence finds all is counted, or the keys where it was told of each once."""
    if plan.sequence is None or plan.measures:
        return {}
    once = plan.sequence.each_key and not groups and tuple(measures) == (Measure(),)
    figure = Measure(function="count_distinct", field=plan.sequence.key)
    return {
        "sequence": plan.sequence.model_copy(update={"each_key": False}),
        "measures": (figure,) if once else measures,
    }


def _told_by(plan: Plan, slots: Slots, schema: Schema) -> SchemaTable:
    """The table of the plan before; where the new question is about countries, the one below the view that has them."""
    table = schema.tables[plan.source]
    if not slots.countries or country_of(table) or not table.is_view:
        return table
    below = [each for each in schema.tables.values() if set(each.log_types) <= set(table.log_types)]
    able = [each for each in below if not each.is_view and country_of(each)]
    return able[0] if len(able) == 1 else table


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_plain(each) for each in value)
    return value.model_dump() if hasattr(value, "model_dump") else value


def _replaced(old: Filter, new: Sequence[Filter]) -> bool:
    """A condition about what a new one is about; one that excludes something goes beside it."""
    fields = {field for each in new if not isinstance(each, Not) for field in _fields(each)}
    return bool(fields & _fields(old))


def _fields(filter_: Filter) -> set[str]:
    match filter_:
        case Compare():
            return {filter_.field}
        case Any():
            return set().union(*map(_fields, filter_.of))
    return set()
