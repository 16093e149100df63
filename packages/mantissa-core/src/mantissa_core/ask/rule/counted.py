"""How many are too many: what the words say of it, or the plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mantissa_core.ask.plan import Measure, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.duration import LONGEST, duration_text

from .base import TO_SQL
from .draft import CannotSay
from .words import Bound, RuleWords

USUAL = timedelta(hours=1)
"""Within what time things are counted where nobody says."""
_BOUNDS: dict[str, Bound] = {"gt": "gt", "ge": "gte", "lt": "lt", "le": "lte"}
_TYPES = {"count": "event_count", "count_distinct": "value_count", "sum": "value_sum", "avg": "value_avg"}

_TOLD = {"gte": "{} or more", "gt": "more than {}", "lt": "fewer than {}", "lte": "{} or fewer"}


@dataclass(frozen=True, slots=True)
class Counted:
    """A measure of the events of a group within a time, and what it is compared with."""

    measure: Measure
    bound: Bound
    threshold: int | float
    groups: tuple[str, ...]
    span: timedelta
    assumptions: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """Sigma's correlation type."""
        return _TYPES[self.measure.function]

    @property
    def enough(self) -> int | float:
        """The smallest measure that fires (of ``lt`` and ``lte`` the largest)."""
        return self.threshold + {"gte": 0, "gt": 1, "lt": -1, "lte": 0}[self.bound]

    @property
    def few(self) -> bool:
        """Whether too few are what fires."""
        return self.bound in ("lt", "lte")

    def told(self) -> str:
        """Such as ``5 or more events of one user within 10m``."""
        number = _TOLD[self.bound].format(f"{self.threshold:,}")
        of = f" of one {' and '.join(_named(each) for each in self.groups)}" if self.groups else ""
        field = _named(self.measure.field or "")
        what = {"count": "events", "count_distinct": f"different values of {field}"}.get(
            self.measure.function, f"as the {'sum' if self.measure.function == 'sum' else 'mean'} of {field}"
        )
        return f"{number} {what}{of} within {duration_text(self.span)}"


def counted(words: RuleWords, plan: Plan, schema: Schema) -> Counted | None:
    """What is counted; None where each event counts by itself.

    Raises:
        CannotSay: it counts, and does not say how many are too many, or Sigma has no such measure.
    """
    if words.bound:
        return _of_words(words, plan, schema)
    if plan.having:
        return _of_plan(words, plan)
    if plan.measures:
        raise CannotSay(
            "it counts, and does not say how many are too many",
            "name a number and a time, such as 'more than 5 failed logins of one user in 10 minutes'",
        )
    return None


def _of_words(words: RuleWords, plan: Plan, schema: Schema) -> Counted:
    assert words.bound is not None  # noqa: S101  # the caller has looked
    distinct = _column(words.distinct, plan, schema) if words.distinct else ""
    measure = Measure(function="count_distinct", field=distinct) if distinct else Measure()
    groups = (words.group,) if words.group else tuple(each.field for each in plan.groups if not each.bucket)
    groups = tuple(each for each in groups if each != distinct)
    span, assumed = _span(words, plan)
    if not groups:
        assumed = (
            *assumed,
            "counted over everybody together: say 'a user', 'per user' or 'from one address' otherwise",
        )
    return _checked(Counted(measure, words.bound, words.threshold, groups, span, assumed))


def _of_plan(words: RuleWords, plan: Plan) -> Counted:
    if len(plan.having) > 1:
        raise CannotSay("a Sigma correlation has one threshold", TO_SQL)
    (having,) = plan.having
    measure = next((each for each in plan.measures if each.name == having.field), None)
    if measure is None or measure.function not in _TYPES or having.op not in _BOUNDS:
        raise CannotSay(f"a Sigma correlation cannot compare {having.field}", TO_SQL)
    if isinstance(having.value, bool) or not isinstance(having.value, int | float):
        raise CannotSay(f"{having.value!r} is no number to compare with")
    if any(each.bucket for each in plan.groups):
        raise CannotSay("a Sigma correlation counts in a window that slides, not by the hour or day", TO_SQL)
    span, assumed = _span(words, plan)
    groups = tuple(each.field for each in plan.groups)
    return _checked(Counted(measure, _BOUNDS[having.op], having.value, groups, span, assumed))


def _span(words: RuleWords, plan: Plan) -> tuple[timedelta, tuple[str, ...]]:
    if words.timespan:
        return words.timespan, ()
    if not plan.period.assumed:
        length = plan.period.hi - plan.period.lo
        return timedelta(seconds=max(1, round(length.total_seconds()))), ()
    return USUAL, (f"within {duration_text(USUAL)}, because the words name no time",)


def _checked(found: Counted) -> Counted:
    if found.span > LONGEST:
        raise CannotSay(f"a rule looks back {LONGEST.days} days at most")
    if found.few and found.enough < 1:
        raise CannotSay("nothing at all never fires: a silent source is told by 'mantissa sources'")
    if not found.few and found.threshold < 1:
        raise CannotSay("count from 1")
    return found


def _column(word: str, plan: Plan, schema: Schema) -> str:
    """The column that a word names, in the table that the plan asks."""
    columns = schema.tables[plan.source].columns if plan.source in schema.tables else {}
    if word in columns:
        return word
    single = {word, word.removesuffix("s"), word.removesuffix("es"), f"{word.removesuffix('ies')}y"}
    for name, each in columns.items():
        if single & {name.lower(), *(text.lower() for text in each.synonyms)}:
            return name
    raise CannotSay(f"{plan.source} does not tell {word!r}")


def _named(column: str) -> str:
    return {"m_user": "user", "m_src_ip": "source address", "m_target": "target", "m_action": "action"}.get(
        column, column
    )


def correlation(found: Counted, rules: Iterable[str], fields: Iterable[str], of: str = "") -> dict[str, Any]:
    """The ``correlation`` section over these rules, grouped by these fields."""
    section: dict[str, Any] = {"type": found.type, "rules": list(rules)}
    if listed := list(fields):
        section["group-by"] = listed
    section["timespan"] = duration_text(found.span)
    section["condition"] = {**({"field": of} if of else {}), found.bound: found.threshold}
    return section
