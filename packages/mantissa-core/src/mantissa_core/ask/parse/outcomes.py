"""Failures and successes of one question, counted apart."""

from __future__ import annotations

from typing import get_args

from mantissa_core.ask.plan import Any as AnyOf
from mantissa_core.ask.plan import Bucket, Compare, Filter, Measure, Not


def outcomes_apart(
    filters: tuple[Filter, ...], frames: set[str]
) -> tuple[tuple[Filter, ...], tuple[Measure, ...]] | None:
    """Where failures and successes are both to be counted, they are counted beside each other."""
    for each in filters:
        if not isinstance(each, AnyOf) or not frames & {"count", "each", "compare", "trend", *get_args(Bucket)}:
            continue
        values = [one.value for one in each.of if isinstance(one, Compare) and one.field == "m_outcome"]
        if len(values) == len(each.of) == len(set(values)) == 2:
            measures = (Measure(where=one, label=str(value)) for one, value in zip(each.of, values, strict=True))
            return tuple(other for other in filters if other is not each), tuple(measures)
    return None


def tells_outcome(filter_: Filter) -> bool:
    """Whether it is about how something ended."""
    match filter_:
        case Compare():
            return filter_.field == "m_outcome"
        case Not():
            return tells_outcome(filter_.of)
    return any(map(tells_outcome, filter_.of))
