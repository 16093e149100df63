"""From a question to a plan: times first, then phrases and names; with a word left over there is no plan."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from pydantic import ValidationError

from mantissa_core.ask.explain import explain
from mantissa_core.ask.plan import Period, Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.time.grammar import Found, times

from .build import Builder, Unclear
from .follow import edited, is_follow_up, points_back
from .lexicon import Lexicon, general_words
from .slots import Reader, Slots
from .spelling import near, written_out
from .tokens import Token, tokens
from .understood import Abstained, Understood

LONGEST = 1_000
"""Characters of a question."""
EXAMPLES = (
    "failed logins in the last 24 hours",
    "which users have the most MFA failures this month?",
    "how many logins per hour today",
    "when was the last time root was used?",
)
"""Questions that are understood, to begin with."""
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
        return _not_known(slots, lexicon)
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
        reason = str(error) if isinstance(error, Unclear) else "its parts do not fit together"
        return Abstained(reason, EXAMPLES)
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


def _not_known(slots: Slots, lexicon: Lexicon) -> Abstained:
    """Names the words that were not understood, and the nearest ones that would be."""
    nearest = [close for each in slots.unknown[:3] if (close := near(each, lexicon.words, 0.75, 4))]
    unknown = ", ".join(repr(each[:40]) for each in dict.fromkeys(slots.unknown))
    return Abstained(f"not understood: {unknown}", tuple(dict.fromkeys(nearest)) or EXAMPLES)


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
