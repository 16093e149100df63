"""From a question to a plan: times first, then phrases and names; with a word left over there is no plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import ValidationError

from mantissa_core.ask.explain import explain
from mantissa_core.ask.plan import Period, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.time.grammar import Found, times

from .build import Builder, Unclear
from .follow import edited, is_follow_up, points_back
from .lexicon import Lexicon
from .slots import Reader, Slots
from .spelling import near, written_out
from .suggest import EXAMPLES, suggestions
from .tokens import Token, tokens
from .understood import Abstained, Understood
from .words import general_words

LONGEST = 1_000
"""Characters of a question."""
_CHANGES = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+)?(?:delete|drop|remove|purge|wipe|erase|truncate|update|insert|alter|"
    r"disable|block|kill|revoke|reset|grant|create|run|execute|send|email)\b(?!\s+of\b)",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions?|above|previous|prompt|rules)\b|system prompt",
    re.IGNORECASE,
)


_PARTICLE = re.compile(r"\b(?:log|logs|logged|logging|sign|signs|signed|signing)\s+$", re.IGNORECASE)
_IN = re.compile(r"(?:in|on)\b", re.IGNORECASE)


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
        _lexicon(schema),
        lambda each: isinstance(_parsed(each, schema, now, zone, None), Understood),
    )
    return replace(found, suggestions=nearest)


def _parsed(question: str, schema: Schema, now: datetime, zone: str, previous: Plan | None) -> Understood | Abstained:
    now = now.astimezone(UTC)
    question = written_out(question, general_words()["short"])
    if previous is None and points_back(question):
        return Abstained("it goes on from a question before, and there is none: ask it whole", EXAMPLES)
    found = times(question, now, zone)
    lexicon = _lexicon(schema)
    pieces = tokens(_without(question, found))
    reader = Reader(lexicon, _calls(schema))
    slots = reader.read(pieces)
    if slots.unknown:
        pieces, corrected = _corrected(pieces, slots.unknown, lexicon)
        slots = reader.read(pieces) if corrected else slots
    if slots.unknown:
        return _not_known(slots)
    periods = [Period(lo=each.window.lo, hi=each.window.hi, text=each.window.text, zone=zone) for each in found]
    try:
        if previous is not None and is_follow_up(question, slots):
            plan = edited(previous, Builder(schema, slots, periods, now, zone), slots, periods, schema)
        elif slots.says_little:
            return Abstained("that could mean much: say what happened, to whom or when", EXAMPLES)
        elif not slots.says_something and not set(slots.frames) - {"list"}:
            return Abstained("the question names nothing that is in the logs", EXAMPLES)
        else:
            plan = Builder(schema, slots, periods, now, zone).plan()
    except (Unclear, ValidationError) as error:
        if isinstance(error, Unclear):
            return Abstained(str(error), EXAMPLES, sources=error.sources)
        return Abstained("its parts do not fit together", EXAMPLES)
    return Understood(plan, explain(plan, schema), plan.assumptions)


def _refused(question: str, schema: Schema) -> Abstained | None:
    if not question.strip():
        return Abstained("ask something", EXAMPLES)
    if len(question) > LONGEST:
        return Abstained(f"the question has {len(question):,} characters, at most {LONGEST:,} are read")
    if _CHANGES.search(question) or _ORDERS.search(question):
        return Abstained("questions only read: nothing is changed, sent or run", EXAMPLES)
    if not schema.tables:
        return Abstained("there is no table yet: collect or ingest something first")
    return None


def _without(question: str, found: Sequence[Found]) -> str:
    for each in reversed(found):
        # "log in today": the word belongs to the verb
        if _PARTICLE.search(question[: each.start]) and (particle := _IN.match(question, each.start)):
            question = f"{question[: each.start]}{particle[0]} . {question[each.end :]}"
            continue
        question = f"{question[: each.start]} . {question[each.end :]}"
    return question


def _not_known(slots: Slots) -> Abstained:
    """Names the words that were not understood."""
    unknown = tuple(dict.fromkeys(slots.unknown))
    return Abstained(f"not understood: {', '.join(repr(each[:40]) for each in unknown)}", EXAMPLES, unknown)


def _corrected(pieces: list[Token], unknown: Sequence[str], lexicon: Lexicon) -> tuple[list[Token], bool]:
    """The pieces, unknown words replaced by those that they are slips of."""
    right = {each: close for each in unknown[:3] if (close := near(each, lexicon.words))}
    read = [Token(right[each.text], "word", (right[each.text],)) if each.text in right else each for each in pieces]
    return read, bool(right)


def _calls(schema: Schema) -> frozenset[str]:
    return frozenset(name for name, each in schema.tables.items() if "eventName" in each.columns)


@lru_cache(maxsize=8)
def _lexicon(schema: Schema) -> Lexicon:
    return Lexicon.of(schema)
