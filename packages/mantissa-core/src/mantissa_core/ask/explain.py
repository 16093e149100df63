"""A plan in plain words: what is counted or listed, of what, when. The same plan, the same words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from .plan import All, Any, Baseline, Compare, Filter, Measure, Not, Period, Plan, Sequence
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
    "m_log_type": "log", "m_src_country": "country",
}  # fmt: skip
_FUNCTIONS = {"sum": "the sum of", "avg": "the mean of", "min": "the least", "max": "the greatest"}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def explain(plan: Plan, schema: Schema) -> str:
    """One or two sentences, with the window in absolute times."""
    table = schema.tables.get(plan.source)
    source = table.title if table else plan.source
    where = f", where {' and '.join(map(_filter, plan.filters))}" if plan.filters else ""
    when = f", from {_period(plan.period)}{_versus(plan)}{_ending(plan)}."
    if plan.sequence:
        return f"{_sequence(plan, plan.sequence, source)}{where}{when}"
    if plan.baseline and plan.baseline.kind != "new_value":
        return f"{_silence(plan.baseline, source)}{where}{when}"
    what = _measured(plan) if plan.measures else "Lists events" if plan.limit > 1 else f"Finds the {_edge(plan)} event"
    new = f", with a {named(plan.baseline.field)} that is new within {plan.baseline.days} days" if plan.baseline else ""
    return f"{what} of {source}{where}{new}{when}"


def _sequence(plan: Plan, sequence: Sequence, source: str) -> str:
    """What came after what, of whom, how soon."""
    what = f"{_measured(plan)} in which" if plan.measures else "Finds where"
    once = f", the last time for each {named(sequence.key)}" if sequence.each_key else ""
    several = f"at least {sequence.at_least:,} events" if sequence.at_least > 1 else "an event"
    first, then = (" and ".join(map(_filter, each)) for each in (sequence.first, sequence.then))
    return (
        f"{what}, in {source}, an event where {then} came after {several} where {first}, of the same "
        f"{named(sequence.key)} and within {lasting(sequence.within)}{once}"
    )


def _silence(baseline: Baseline, source: str) -> str:
    """Who was there before."""
    who = f"each {named(baseline.field)}"
    if baseline.kind == "dormant":
        return f"Finds {who} with events of {source} in the {baseline.days} days before the time and none in it"
    return f"Finds {who} with events of {source}, none in the {baseline.days} days before, but some before those"


def lasting(seconds: int) -> str:
    """A time in people's words: ``10 minutes``."""
    name, length = next(each for each in _UNITS if seconds % each[1] == 0)
    count = seconds // length
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _edge(plan: Plan) -> str:
    return "last" if not plan.order or plan.order[0].descending else "first"


def _first(plan: Plan) -> str:
    if plan.order and plan.order[0].by != "m_time":
        return f"{'largest' if plan.order[0].descending else 'smallest'} {named(plan.order[0].by)}"
    return "newest" if _edge(plan) == "last" else "oldest"


def _measured(plan: Plan) -> str:
    measures = ", ".join(map(_measure, plan.measures))
    groups = [f"by {each.bucket}" if each.bucket else f"for each {named(each.field)}" for each in plan.groups]
    having = [_having(each, len(plan.measures) > 1) for each in plan.having]
    counts = plan.measures[0].function.startswith("count")
    return " ".join([f"{'Counts' if counts else 'Computes'} {measures}", *groups, *having])


def _having(compare: Compare, several: bool) -> str:
    return f"where {compare.field if several else 'that'} {_OPS[compare.op]} {compare.value}"


def _measure(measure: Measure) -> str:
    field = named(measure.field or "")
    where = f" where {_filter(measure.where)}" if measure.where else ""
    match measure.function:
        case "count":
            said = "events" if measure.field is None else f"events with {field}"
        case "count_distinct":
            said = f"different values of {field}"
        case "quantile":
            q = measure.q or 0
            said = f"the median of {field}" if q == 0.5 else f"the {100 * q:.6g}th percentile of {field}"
        case "ratio":
            against = f"to those where {_filter(measure.against)}" if measure.against else "among all of them"
            return f"the {'ratio' if measure.against else 'share'} of events{where} {against}"
        case _:
            said = f"{_FUNCTIONS[measure.function]} {field}"
    return f"{said}{where}"


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
    if plan.baseline and plan.baseline.kind != "new_value":
        return f"; {plan.limit:,} at most"
    if not plan.measures:
        return f"; the {_first(plan)} first, {plan.limit:,} at most"
    return f"; {plan.limit:,} at most" if plan.groups else ""


def named(column: str) -> str:
    """A column in people's words."""
    return _NAMES.get(column, column)
