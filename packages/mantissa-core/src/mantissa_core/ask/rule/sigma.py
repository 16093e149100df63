"""A plan becomes a Sigma rule: conditions in the logs' own fields, and a correlation where it counts or orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mantissa_core.ask.explain import explain
from mantissa_core.ask.plan import Compare, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.duration import duration_text
from mantissa_core.model.log_type import LogType

from .base import TO_SQL, Base, bases, rule_id
from .cases import count_cases, event_cases, order_cases
from .counted import USUAL, Counted, correlation, counted
from .draft import CannotSay, RuleDraft
from .native import Native
from .techniques import tags_of
from .words import RuleWords

LEVEL = "medium"
TO_REPORT = "save it (mantissa ask --save NAME) and have it told at times (mantissa questions schedule NAME)"
_KNOWN = frozenset({"source", "filters", "period", "select", "groups", "measures", "having", "order", "limit",
                    "assumptions", "versus", "baseline"})  # fmt: skip
_USUAL_LIMIT = 1_000
_WHERE = re.compile(r"^\S.*? of (?P<what>.*), from \d{4}-\d\d-\d\d", re.DOTALL)


def sigma_rule(
    words: RuleWords, plans: Sequence[Plan], schema: Schema, log_types: Iterable[LogType], provider: str = "offline"
) -> RuleDraft:
    """The rule of one plan, or of two where ``words.halves`` says that both must happen.

    Raises:
        CannotSay: a Sigma rule cannot say it; names why, and what to do instead.
    """
    known = list(log_types)
    for each in plans:
        _check(each, words)
    writer = _Writer(words, schema, known, provider)
    return writer.both(plans[0], plans[1]) if len(plans) == 2 else writer.one(plans[0])


def _check(plan: Plan, words: RuleWords) -> None:
    """Refuse what compares whole results with one another.

    Raises:
        CannotSay: it is a trend, a comparison, the top of a list, or new compared with the days before.
    """
    if plan.versus:
        raise CannotSay("a rule does not compare two periods", TO_REPORT)
    if plan.baseline:
        raise CannotSay("a Sigma rule does not know what was seen in the days before", TO_SQL)
    if any(each.bucket for each in plan.groups) and not plan.having:
        raise CannotSay("a trend is no rule: nothing says what is too much", TO_REPORT)
    if plan.groups and plan.limit < _USUAL_LIMIT and not (plan.having or words.bound):
        raise CannotSay(
            "there always is a first place: nothing says what is too much", f"name a number, or {TO_REPORT}"
        )
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Plan.model_fields.items()}
    for name in sorted(set(Plan.model_fields) - _KNOWN):
        if getattr(plan, name) != defaults[name]:
            raise CannotSay(f"a Sigma rule cannot say that ({name})", TO_SQL)


@dataclass(frozen=True)
class _Writer:
    words: RuleWords
    schema: Schema
    log_types: Sequence[LogType]
    provider: str

    def one(self, plan: Plan) -> RuleDraft:
        """Of events that alert each by itself, or counted."""
        found = counted(self.words, plan, self.schema)
        needed = _needed(found)
        below, missing = bases(plan, self.schema, self.log_types, _name(self.words.title), needed)
        told = about(plan, self.schema)
        if found is None:
            return self._plain(plan, below, told, _without(missing))
        return self._counted(plan, found, below, told, (*found.assumptions, *_without(missing)))

    def both(self, first: Plan, second: Plan) -> RuleDraft:
        """Of two things that both must happen."""
        halves, words = self.words.halves, self.words
        if halves is None:
            raise CannotSay("it is not two things")
        span, assumptions = words.timespan or USUAL, list[str]()
        if words.timespan is None:
            assumptions.append(f"within {duration_text(USUAL)}, because the words name no time")
        group = (words.group or "m_user",)
        if halves.ordered and (better := _succeeded(first, second)):
            second = better
            assumptions.append("what follows the failures is one that succeeded")
        if not words.group:
            assumptions.append("both by the same user, because the words do not say whose")
        name = _name(words.title)
        one, missing = bases(first, self.schema, self.log_types, f"{name}_first", group)
        two, more = bases(second, self.schema, self.log_types, f"{name}_second", group)
        count = counted(words, first, self.schema) if words.bound else None
        if count:
            count = Counted(count.measure, count.bound, count.threshold, group, span)
        return self._ordered(
            (first, second), (one, two), group, span, count, (*assumptions, *_without([*missing, *more]))
        )

    def _plain(self, plan: Plan, below: Sequence[Base], told: str, assumptions: tuple[str, ...]) -> RuleDraft:
        several = len(below) > 1
        documents, tests = [], list[Mapping[str, Any]]()
        for base in below:
            title = f"{self.words.title} ({base.log_type.title})" if several else self.words.title
            own = self._head(title, plan, base.log_type.name if several else "", told)
            named = {"name": base.name} if several else {}
            documents.append(ordered({**own, **named, **base.detection(), **self._tail(plan)}))
            tests += event_cases(base, several)
        if several:
            assumptions = (f"one rule for each log that tells it: {_titles(below)}", *assumptions)
        return self._draft(documents, tests, f"Fires on each event: {told}.", assumptions, (plan,))

    def _counted(
        self, plan: Plan, found: Counted, below: Sequence[Base], told: str, assumptions: tuple[str, ...]
    ) -> RuleDraft:
        fields, of = self._fields(found.groups, below), ""
        if found.measure.field:
            (of,) = self._fields((found.measure.field,), below)
        section = correlation(found, [each.name for each in below], fields, of)
        main = ordered({**self._head(self.words.title, plan, "", told), "correlation": section, **self._tail(plan)})
        tests = [each for base in below for each in event_cases(base, True)]
        tests += _renamed(count_cases(found, below, main["id"]), dict(zip(found.groups, fields, strict=True)))
        explanation = f"Fires on {found.told()}: {told}."
        return self._draft([main, *self._below(below)], tests, explanation, assumptions, (plan,))

    def _ordered(
        self,
        plans: tuple[Plan, Plan],
        below: tuple[Sequence[Base], Sequence[Base]],
        group: tuple[str, ...],
        span: timedelta,
        count: Counted | None,
        assumptions: tuple[str, ...],
    ) -> RuleDraft:
        halves, abouts = self.words.halves, [about(each, self.schema) for each in plans]
        assert halves is not None  # noqa: S101  # the caller has looked
        documents: list[dict[str, Any]] = []
        terms = [[each.name for each in side] for side in below]
        if count:
            own = f"{_name(self.words.title)}_counted"
            section = correlation(count, terms[0], group)
            documents.append({"title": f"{self.words.title}: the first part", "id": rule_id(self.words.title, own),
                              "name": own, "correlation": section})  # fmt: skip
            terms[0] = [own]
        kind = "temporal_ordered" if halves.ordered else "temporal"
        section = {"type": kind, "group-by": list(group), "timespan": duration_text(span)}
        if all(len(each) == 1 for each in terms):
            section = {"type": kind, "rules": [each[0] for each in terms], **section}
        else:
            joined = (f"({' or '.join(each)})" if len(each) > 1 else each[0] for each in terms)
            section["condition"] = " and ".join(joined)
        main = ordered({**self._head(self.words.title, plans[1], "", " and ".join(abouts)),
                         "correlation": section, **self._tail(plans[0])})  # fmt: skip
        every = list({each.name: each for side in below for each in side}.values())
        tests = [each for base in every for each in event_cases(base, True)]
        repeat = int(count.enough) if count else 1
        tests += order_cases(below[0][0], below[1][0], group, span, main["id"], ordered=halves.ordered, repeat=repeat,
                             log_types=len({each.log_type.name for each in every}) > 1)  # fmt: skip
        first = f"{count.told()}: {abouts[0]}" if count else abouts[0]
        order = "the first and then the second" if halves.ordered else "both"
        whose = " and ".join(each.removeprefix("m_").replace("_", " ") for each in group)
        told = f"Fires on {order} within {duration_text(span)}, of one {whose}. First: {first}. Second: {abouts[1]}."
        parts = {each.name: part for part, side in zip(("first", "second"), below, strict=True) for each in side}
        return self._draft([main, *documents, *self._below(every, parts)], tests, told, assumptions, plans)

    def _below(self, below: Iterable[Base], parts: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return [
            {
                "title": f"{self.words.title}: {(parts or {}).get(each.name, 'event')}, {each.log_type.title}",
                "id": rule_id(self.words.title, each.name),
                "name": each.name,
                "status": "experimental",
                **each.detection(),
                "level": "informational",
            }
            for each in below
        ]

    def _fields(self, columns: Iterable[str], below: Sequence[Base]) -> list[str]:
        """The names that the rules below give to columns; the overlay's keep theirs."""
        return [Native(below[0].log_type).path(each) for each in columns]

    def _head(self, title: str, plan: Plan, variant: str, told: str) -> dict[str, Any]:
        return {
            "title": title,
            "id": rule_id(self.words.title, variant) if variant else rule_id(self.words.title),
            "status": "experimental",
            "description": f"Written from the words {self.words.title!r}. It is about events of {told}.",
            "tags": tags_of(plan),
        }

    def _tail(self, plan: Plan) -> dict[str, Any]:
        own = {"mantissa": {"alert_window": self.words.once_in}} if self.words.once_in else {}
        return {
            "level": self.words.level or LEVEL,
            "falsepositives": ["Not known yet: 'mantissa rules backtest' tries the rule on stored events."],
            **own,
        }

    def _draft(
        self,
        documents: Sequence[Mapping[str, Any]],
        tests: Iterable[Mapping[str, Any]],
        explanation: str,
        assumptions: Sequence[str],
        plans: Sequence[Plan],
    ) -> RuleDraft:
        unsaid = () if self.words.level else (f"level {LEVEL}, because the words name none",)
        said = (each for plan in plans for each in plan.assumptions)
        every = tuple(dict.fromkeys([*assumptions, *said, *unsaid]))
        return RuleDraft("sigma", tuple(documents), tuple(tests), explanation, every, self.provider)


def _needed(found: Counted | None) -> tuple[str, ...]:
    if found is None:
        return ()
    return (*found.groups, *([found.measure.field] if found.measure.field else []))


def about(plan: Plan, schema: Schema) -> str:
    """What the events are, without the time: rules have none."""
    listed = plan.model_copy(
        update={"groups": (), "measures": (), "having": (), "order": (), "limit": _USUAL_LIMIT, "select": ()}
    )
    told = explain(listed, schema)
    match = _WHERE.match(told)
    return match["what"] if match else told


def _succeeded(first: Plan, second: Plan) -> Plan | None:
    """Of "failed logins followed by a login" the login that succeeded; None where the second is something else."""
    failed = Compare(field="m_outcome", value="failure")
    if failed in first.filters and set(first.filters) - {failed} == set(second.filters):
        return second.model_copy(update={"filters": (*second.filters, Compare(field="m_outcome", value="success"))})
    return None


def _name(title: str) -> str:
    """A name for correlations to refer to."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40].rstrip("_")
    return name if name[:1].isalpha() else f"event_{name}".rstrip("_")  # an expression takes no digit for a name


def _titles(below: Iterable[Base]) -> str:
    return ", ".join(each.log_type.title for each in below)


def _without(missing: Sequence[str]) -> tuple[str, ...]:
    return (f"left out: {'; '.join(missing)}",) if missing else ()


def _renamed(cases: Iterable[dict[str, Any]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Groups are expected under the names that the correlation has for them."""
    made = []
    for each in cases:
        if "groups" in each:
            each["groups"] = [{names[name]: value for name, value in group.items()} for group in each["groups"]]
        made.append(each)
    return made


_ORDER = ("title", "id", "name", "status", "description", "tags", "correlation", "logsource", "detection", "query",
          "schedule_expression", "window", "level", "falsepositives", "mantissa")  # fmt: skip


def ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """The keys in the order that people read them in; empty ones left out."""
    return {key: document[key] for key in _ORDER if document.get(key)}
