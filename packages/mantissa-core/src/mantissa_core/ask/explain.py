"""A plan in plain words: what is counted or listed, of what, when. The same plan, the same words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from .plan import All, Any, Compare, Filter, Measure, Not, Period, Plan
from .schema import Schema
from .time.window import Window

_OPS = {
    "eq": "is", "ne": "is not", "in": "is one of", "not_in": "is none of", "lt": "is below", "le": "is at most",
    "gt": "is above", "ge": "is at least", "contains": "contains", "starts": "begins with", "ends": "ends with",
    "cidr": "is in", "is_null": "is not said", "not_null": "is said",
}  # fmt: skip
_NAMES = {
    "m_user": "user", "m_src_ip": "source address", "m_dst_ip": "destination", "m_action": "action",
    "m_outcome": "outcome", "m_target": "target", "m_any_ip": "an address", "m_any_resource": "a resource",
    "m_log_type": "log",
}  # fmt: skip
_FUNCTIONS = {"sum": "the sum of", "avg": "the mean of", "min": "the least", "max": "the greatest"}


def explain(plan: Plan, schema: Schema) -> str:
    """One or two sentences, with the window in absolute times."""
    table = schema.tables.get(plan.source)
    source = table.title if table else plan.source
    what = _measured(plan) if plan.measures else "Lists events" if plan.limit > 1 else f"Finds the {_edge(plan)} event"
    where = f", where {' and '.join(map(_filter, plan.filters))}" if plan.filters else ""
    new = f", with a {named(plan.baseline.field)} that is new within {plan.baseline.days} days" if plan.baseline else ""
    return f"{what} of {source}{where}{new}, from {_period(plan.period)}{_versus(plan)}{_ending(plan)}."


def _edge(plan: Plan) -> str:
    return "last" if not plan.order or plan.order[0].descending else "first"


def _edge_of_list(plan: Plan) -> str:
    return "newest" if _edge(plan) == "last" else "oldest"


def _measured(plan: Plan) -> str:
    measures = ", ".join(map(_measure, plan.measures))
    groups = [f"by {each.bucket}" if each.bucket else f"for each {named(each.field)}" for each in plan.groups]
    having = [f"where that {_OPS[each.op]} {each.value}" for each in plan.having]
    return " ".join([f"Counts {measures}", *groups, *having])


def _measure(measure: Measure) -> str:
    if measure.function == "count":
        return "events"
    if measure.function == "count_distinct":
        return f"different values of {named(measure.field or '')}"
    return f"{_FUNCTIONS[measure.function]} {named(measure.field or '')}"


def _filter(filter_: Filter) -> str:
    match filter_:
        case Compare():
            value = ", ".join(map(str, filter_.value)) if isinstance(filter_.value, tuple) else filter_.value
            said = f"{named(filter_.field)} {_OPS[filter_.op]}"
            return said if value is None else f"{said} {value!r}" if isinstance(value, str) else f"{said} {value}"
        case All():
            return _joined(filter_.of, "and")
        case Any():
            return _joined(filter_.of, "or")
        case Not():
            return f"not ({_filter(filter_.of)})"


def _joined(filters: Iterable[Filter], word: str) -> str:
    return f"({f' {word} '.join(map(_filter, filters))})"


def _period(period: Period) -> str:
    told = Window(period.lo.astimezone(UTC), period.hi.astimezone(UTC), period.text, "absolute", period.zone).told()
    return f"{told} ({period.text}, because the question names no time)" if period.assumed else told


def _versus(plan: Plan) -> str:
    return f", beside {_period(plan.versus)}" if plan.versus else ""


def _ending(plan: Plan) -> str:
    if plan.limit == 1:
        return ""
    if not plan.measures:
        return f"; the {_edge_of_list(plan)} first, {plan.limit:,} at most"
    return f"; {plan.limit:,} at most" if plan.groups else ""


def named(column: str) -> str:
    """A column in people's words."""
    return _NAMES.get(column, column)
