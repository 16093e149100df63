"""Who was there before and was not since, or came back: "users who have not logged in for 30 days but did today"."""

from __future__ import annotations

import re
from datetime import timedelta

from mantissa_core.ask.plan import Baseline, Compare, Group, Measure, Period, Plan
from mantissa_core.ask.sql.silence import KNOWN

from .context import Context
from .joined import is_outcome
from .slots import Mention, Slots
from .unclear import Unclear

_NUMBER = r"(?P<count>\d{1,3}|an?|one)\s*-?\s*(?P<unit>d(?:ays?)?|w(?:eeks?)?|months?|years?)\b"
_LENGTH = re.compile(
    r"\b(?:(?:for|in|within|over|during|after|since)\s+)?(?:(?:more than|over|at least|longer than|about|a full|a)\s+)*"
    rf"(?:the\s+)?(?:(?:last|past|previous|preceding)\s+)?{_NUMBER}(?:\s+(?:or more|and more|plus))?"
    r"(?:\s+of\s+(?P<what>silence|inactivity|absence|no activity|not\s+\w+ing(?:\s+in)?))?",
    re.IGNORECASE,
)
"""How long somebody was away."""
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
_AUXILIARY = r"(?:have|has|had|did|do|does|were|was|are|is)"
_VERB = (
    r"(?:log(?:ged)?\s*-?(?:in|on|into)|sign(?:ed)?\s*-?(?:in|on|into)|authenticat(?:e|ed)|"
    r"be(?:en)? (?:active|seen|used|around)|show(?:ed|n)? up|used? (?:their|its|the) accounts?|do(?:ne)? anything|"
    r"appear(?:ed)?|used|seen|active)"
)
_NOT = re.compile(
    rf"\b{_AUXILIARY}\s+(?:not|never)\s+(?={_VERB}\b)|(?<!could )(?<!can )(?<!would )(?<!\bto )\bnot\s+(?={_VERB}\b)|"
    r"\b(?:did|done|do|had) nothing\b|"
    rf"\b(?:with(?:out)?\s+(?:no|any)|with no|without|{_AUXILIARY}\s+(?:had\s+)?no|no)\s+"
    r"(?:(?=(?:sign|log)(?:\s*-?\s*)(?:ins?|ons?)\b|(?:login|authentication)s?\b)|(?:activity|events?)\b)",
    re.IGNORECASE,
)
_ASLEEP = re.compile(
    r"\b(?:(?:that|which|who)\s+)?(?:(?:have|has|had)\s+(?:been|gone)\s+|(?:were|was|are|is|went|go)\s+)?"
    r"(?:dormant|inactive|idle|stale|silent|quiet|unused)\b",
    re.IGNORECASE,
)
_RETURNED = r"(?:came|come|are|is|went) back|returned|reappeared|woke up|became active(?: again)?"
_BACK = re.compile(
    r",?\s*\b(?:(?:but|and|then|yet)\s+)+(?:(?:then|now|suddenly|again|have|has|they|just)\s+)*"
    rf"(?:(?:did|{_RETURNED}|{_VERB})\b.*)$|"
    rf"\b(?:that|which|who)\s+(?:have\s+|has\s+|suddenly\s+)*(?:{_RETURNED}|"
    r"(?:logged|signed) (?:back )?in again)\b.*$",
    re.IGNORECASE,
)
_AFTER_SILENCE = re.compile(
    r"\b(?:after|following)\s+(?:a\s+|at least\s+|more than\s+|over\s+)*"
    rf"(?:{_NUMBER}\s+of\s+(?:silence|inactivity|absence|no activity|no (?:sign|log)\s*-?ins?)"
    rf"|{_NUMBER.replace('count', 'count3').replace('unit', 'unit3')}\s+(?:without|with no)\s+(?:an?\s+|any\s+)?"
    r"(?=(?:sign|log)\s*-?ins?\b)"
    r"|being (?:dormant|inactive|idle|away|silent)(?:\s+for)?\s+(?:at least\s+|more than\s+|over\s+)?"
    + _NUMBER.replace("count", "count2").replace("unit", "unit2") + ")",
    re.IGNORECASE,
)  # fmt: skip
_CAME_BACK = re.compile(rf"\b(?:that|which|who)\s+(?:{_RETURNED})\b", re.IGNORECASE)
_BARE = re.compile(rf"\b(?:{_RETURNED}|did|again|back)\b", re.IGNORECASE)
USUAL = 30
"""Days of silence where the question does not say how many."""


def silence(question: str, context: Context) -> Plan | None:
    """A plan of who was not there; None where it does not ask for that.

    Raises:
        Unclear: it does, but not so that there is one answer.
        NotKnown: it has words that are not understood.
    """
    if found := _AFTER_SILENCE.search(question):
        days = _days(*(next(filter(None, (found[f"{each}{n}"] for n in ("", 2, 3)))) for each in ("count", "unit")))
        rest = f"{question[: found.start()]} {question[found.end() :]}"
        rest = _CAME_BACK.sub(" ", rest)
        return _returned(rest, days, context, [])
    asleep, missing = _ASLEEP.search(question), _NOT.search(question)
    trigger = missing or asleep
    if trigger is None:
        return None
    back = _BACK.search(question)
    if back and back.start() < trigger.start():
        back = None
    before = question[: back.start()] if back else question
    text = f"{before[: trigger.start()]} {before[trigger.end() :]}"
    if back:
        text, away = _length(text)
        masked, named = context.times(text)
        tail = question[back.start() :]
        tail = _BARE.sub(" ", re.sub(r"^\W*(?:but|and|then|yet|that|which|who)\b", " ", tail))
        return _returned(f"{masked} . {tail}", away or _span(named), context, named if away else [])
    return _dormant(text, context)


def _length(text: str) -> tuple[str, int | None]:
    found = _LENGTH.search(text)
    if found is None:
        return text, None
    return f"{text[: found.start()]} {text[found.end() :]}", _days(found["count"], found["unit"])


def _days(count: str, unit: str) -> int:
    days = (int(count) if count.isdigit() else 1) * _DAYS[unit[0].lower()]
    if not 1 <= days <= KNOWN.days:
        raise Unclear(f"{days} days of silence: between 1 and {KNOWN.days} can be asked")
    return days


def _span(periods: list[Period]) -> int | None:
    """The days of "the last 30 days"."""
    if not periods:
        return None
    return max(1, round((periods[0].hi - periods[0].lo) / timedelta(days=1)))


def _returned(text: str, days: int | None, context: Context, named: list[Period]) -> Plan:
    masked, periods = context.times(text)
    if len(periods) + len(named) > 1:
        raise Unclear("it names several times: the silence, and when it ended")
    slots = context.slots(masked)
    builder = context.builder(slots, [*named, *periods])
    period, _ = builder.times(set(), False)
    assumed = () if days else (f"silent: for {USUAL} days",)
    return _plan("returned", slots, period, days or USUAL, assumed, context)


def _dormant(text: str, context: Context) -> Plan | None:
    masked, periods = context.times(text)
    days = None
    if not periods:
        masked, days = _length(masked)
    if len(periods) > 1:
        raise Unclear("it names several times")
    slots = context.slots(masked)
    if not _about_keys(slots):
        return None
    hi = context.now
    if periods:
        period = periods[0]
    else:
        lo = hi - timedelta(days=days or USUAL)
        text = f"the last {days or USUAL} days"
        period = Period(lo=lo, hi=hi, text=text, assumed=days is None, zone=context.zone)
    assumed = () if periods or days else (f"silent: for {USUAL} days",)
    return _plan("dormant", slots, period, KNOWN.days, assumed, context)


def _about_keys(slots: Slots) -> bool:
    """Whether it asks for people, addresses or the like, and not for events."""
    return bool("who" in slots.frames or slots.mentions)


def _plan(
    kind: str, slots: Slots, period: Period, days: int, assumed: tuple[str, ...], context: Context
) -> Plan:  # fmt: skip
    if odd := set(slots.frames) - {"who", "list", "distinct", "only", "details", "last", "each"}:
        raise Unclear(f"who was not there, and {sorted(odd)[0]!r}, at once: ask for one of them")
    if slots.numbers:
        raise Unclear(f"what does {slots.numbers[0][1]} say?")
    builder = context.builder(slots, [period])
    table = builder.table()
    keys = {builder.column(table, each) for each in slots.mentions} or {
        builder.column(table, Mention("m_user", frozenset(), ""))
    }
    if len(keys) > 1:
        raise Unclear("who was not there: users, or addresses?")
    key = keys.pop()
    filters = tuple(builder.filters_for(table))
    if Compare(field="m_action", value="login") in filters and not any(map(is_outcome, filters)):
        filters, assumed = (
            (*filters, Compare(field="m_outcome", value="success")),
            ("signed in: with success", *assumed),
        )
    baseline = Baseline.model_validate({"kind": kind, "field": key, "days": days, "per": None})
    return Plan(
        source=table.name,
        filters=filters,
        period=period,
        baseline=baseline,
        groups=(Group(field=key),),
        measures=(Measure(),),
        assumptions=(*builder.assumptions, *assumed),
    )
