"""From a question to a plan: times first, then phrases and names; with a word left over there is no plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import ValidationError

from mantissa_core.ask.explain import explain
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.time.grammar import times

from .context import Context, NotKnown
from .figures import phrases
from .follow import edited, goes_on, is_follow_up, points_back
from .lexicon import Lexicon
from .quantities import in_bytes, is_quantity
from .shapes import SHAPES
from .slots import Reader
from .spelling import written_out
from .suggest import EXAMPLES, suggestions
from .unclear import Unclear
from .understood import Abstained, Understood
from .words import general_words

LONGEST = 1_000
"""Characters of a question."""
_SEND = (
    r"send(?!\s+(?:me|us)\s+(?:the|a|an|all)\s+(?:full\s+|complete\s+)?(?:list|names|number|count|overview|summary)\b)"
)
"""To send is to do something; to send me a list is to show one."""
_CHANGES = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+)?(?:delete|drop|remove|purge|wipe|erase|truncate|update|insert|alter|"
    rf"disable|block|kill|revoke|reset|grant|create|run|execute|{_SEND}|email)\b(?!\s+of\b)",
    re.IGNORECASE,
)
_THEN_CHANGES = re.compile(
    r"\b(?:and|then|also|please)\s+(?:then\s+|also\s+|please\s+)*(?:delete|drop|remove|purge|wipe|erase|truncate|update|"
    rf"disable|block|kill|revoke|reset|grant|{_SEND}|email|mail)\s+(?:the|all|them|it|that|this|those|these|every|me|us)\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions?|above|previous|prompt|rules)\b|system prompt",
    re.IGNORECASE,
)

_WITH_THE_USER = re.compile(
    r",?\s*\b(?:with|and|including|together with)\s+(?:the\s+)?(?:person|people|users?|accounts?)\s+(?:who|that)\s+"
    r"\w+\s+(?:them|it|this|that)\b",
    re.IGNORECASE,
)
"""What a list tells anyway."""


def parse(
    question: str, schema: Schema, now: datetime, zone: str = "UTC", previous: Plan | None = None
) -> Understood | Abstained:
    """What the question means, or why that is not clear.

    ``previous`` is the plan that a follow-up ("only the failed ones", "and last week?") changes.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is no such time zone.
    """
    if refusal := _refused(question, schema):
        return refusal
    found = _parsed(question, schema, now, zone, previous)
    if isinstance(found, Understood) or previous is not None:
        return found
    when = " ".join(question[each.start : each.end] for each in times(question, now, zone)[:1])
    nearest = suggestions(
        question,
        when,
        found,
        _words(schema)[0],
        lambda each: isinstance(_parsed(each, schema, now, zone, None), Understood),
    )
    return replace(found, suggestions=nearest)


def _parsed(question: str, schema: Schema, now: datetime, zone: str, previous: Plan | None) -> Understood | Abstained:
    question = in_bytes(_WITH_THE_USER.sub("", written_out(question, general_words()["short"])))
    if previous is None and points_back(question):
        return Abstained("it goes on from a question before, and there is none: ask it whole", EXAMPLES)
    context = _context(schema, now.astimezone(UTC), zone)
    try:
        plan = _plan(question, context, previous)
    except NotKnown as error:
        return _not_known(error.words)
    except (Unclear, ValidationError) as error:
        if isinstance(error, Unclear):
            return Abstained(str(error), EXAMPLES, sources=error.sources)
        return Abstained("its parts do not fit together", EXAMPLES)
    return Understood(plan, explain(plan, schema), plan.assumptions)


def _plan(question: str, context: Context, previous: Plan | None) -> Plan:
    """By the first shape that the question has.

    Raises:
        Unclear, NotKnown, ValidationError: there is no plan for it.
    """
    if previous is None or not goes_on(question):
        for shape in SHAPES:
            if (plan := shape(question, context)) is not None:
                return plan
    text, periods = context.times(question)
    slots = context.slots(text)
    if previous is not None and is_follow_up(question, slots):
        return edited(question, previous, context.builder(slots, periods), slots, periods, context.schema)
    if slots.says_little:
        raise Unclear("that could mean much: say what happened, to whom or when")
    if not slots.says_something and not set(slots.frames) - {"list"}:
        raise Unclear("the question names nothing that is in the logs")
    return context.builder(slots, periods).plan()


def _refused(question: str, schema: Schema) -> Abstained | None:
    if not question.strip():
        return Abstained("ask something", EXAMPLES)
    if len(question) > LONGEST:
        return Abstained(f"the question has {len(question):,} characters, at most {LONGEST:,} are read")
    if any(each.search(question) for each in (_CHANGES, _THEN_CHANGES, _ORDERS)):
        return Abstained("questions only read: nothing is changed, sent or run", EXAMPLES)
    if not schema.tables:
        return Abstained("there is no table yet: collect or ingest something first")
    return None


def _not_known(words: Sequence[str]) -> Abstained:
    """Names the words that were not understood."""
    unknown = tuple(dict.fromkeys(words))
    return Abstained(f"not understood: {', '.join(repr(each[:40]) for each in unknown)}", EXAMPLES, unknown)


@lru_cache(maxsize=8)
def _words(schema: Schema) -> tuple[Lexicon, Reader]:
    lexicon = Lexicon.of(schema)
    for phrase, meaning in phrases():
        lexicon.add(phrase, meaning)
    columns = [each for table in schema.tables.values() for each in table.columns.values()]
    calls = frozenset(name for name, each in schema.tables.items() if "eventName" in each.columns)
    return lexicon, Reader(lexicon, calls, frozenset(each.name for each in columns if is_quantity(each)))


def _context(schema: Schema, now: datetime, zone: str) -> Context:
    lexicon, reader = _words(schema)
    return Context(schema, lexicon, reader, now, zone)
