"""What it takes to read the texts of one question: the schema and its words, the clock, the zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mantissa_core.ask.plan import Period
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.time.grammar import Found, times

from .build import Builder
from .lexicon import Lexicon
from .slots import Reader, Slots
from .spelling import near
from .tokens import Token, tokens

_PARTICLE = re.compile(r"\b(?:log|logs|logged|logging|sign|signs|signed|signing)\s+$", re.IGNORECASE)
_IN = re.compile(r"(?:in|on)\b", re.IGNORECASE)


class NotKnown(Exception):
    """There are words in it that are not understood."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(*words)
        self.words = words


@dataclass(frozen=True, slots=True)
class Context:
    """One question's surroundings."""

    schema: Schema
    lexicon: Lexicon
    reader: Reader
    now: datetime
    zone: str

    def times(self, text: str) -> tuple[str, list[Period]]:
        """The text without its times, and these."""
        found = times(text, self.now, self.zone)
        periods = [
            Period(lo=each.window.lo, hi=each.window.hi, text=each.window.text, zone=self.zone) for each in found
        ]
        return _without(text, found), periods

    def slots(self, text: str) -> Slots:
        """What a text without times says.

        Raises:
            NotKnown: it has words that are not understood.
        """
        pieces = tokens(text)
        slots = self.reader.read(pieces)
        if slots.unknown:
            pieces, corrected = _corrected(pieces, slots.unknown, self.lexicon)
            slots = self.reader.read(pieces) if corrected else slots
        if slots.unknown:
            raise NotKnown(slots.unknown)
        return slots

    def builder(self, slots: Slots, periods: Sequence[Period]) -> Builder:
        """Makes a plan of it."""
        return Builder(self.schema, _narrowed(slots, self.schema), periods, self.now, self.zone)


def _narrowed(slots: Slots, schema: Schema) -> Slots:
    """Without the views that hold a log which is named, too: VPC connections are those of the VPC's log."""
    tables = [schema.tables[name] for each in slots.sources for name in each]
    logs = {log_type for each in tables if not each.is_view for log_type in each.log_types}
    wider = {each.name for each in tables if each.is_view and logs & set(each.log_types)}
    return replace(slots, sources=[each for each in slots.sources if not each <= wider]) if wider else slots


def _without(question: str, found: Sequence[Found]) -> str:
    for each in reversed(found):
        # "log in today": the word belongs to the verb
        if _PARTICLE.search(question[: each.start]) and (particle := _IN.match(question, each.start)):
            question = f"{question[: each.start]}{particle[0]} . {question[each.end :]}"
            continue
        question = f"{question[: each.start]} . {question[each.end :]}"
    return question


def _corrected(pieces: list[Token], unknown: Sequence[str], lexicon: Lexicon) -> tuple[list[Token], bool]:
    """The pieces, unknown words replaced by those that they are slips of."""
    right = {each: close for each in unknown[:3] if (close := near(each, lexicon.beginning_as(each)))}
    read = [Token(right[each.text], "word", (right[each.text],)) if each.text in right else each for each in pieces]
    return read, bool(right)
