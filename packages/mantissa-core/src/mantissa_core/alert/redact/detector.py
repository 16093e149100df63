"""A detector: how one kind of value looks, what must be true of it, and which words must stand before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .kinds import Kind

BEFORE = 40
"""Characters before a value in which its label is looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value at ``text[start:end]``."""

    start: int
    end: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Label:
    """Words that say what stands behind them. ``hints``: without any of these, in lower case, none of them is there."""

    pattern: re.Pattern[str]
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds values of one kind.

    ``pattern`` matches the value, or in its group ``value``. ``holds`` proves it, by check digits for instance.
    ``label`` must occur shortly before it, or in the name of the field: a number that looks like nothing else needs
    one. ``hints`` are texts without any of which, in lower case, there is no match; ``digits`` is how many a match has
    at least. Both are there for speed alone. ``in_words``: the form goes on over spaces, so that it may take in words
    that follow; a beginning that holds is the value then.
    """

    kind: Kind
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] | None = None
    label: Label | None = None
    hints: tuple[str, ...] = ()
    digits: int = 0
    in_words: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Texts of which one must be there, in the text or in the name of its field; empty where nothing must."""
        return self.hints or (self.label.hints if self.label else ())

    def find(self, text: str, field: str) -> Iterator[Found]:
        """The values in a text, which is that of ``field`` where it is one."""
        group = "value" if "value" in self.pattern.groupindex else 0
        position = 0
        while match := self.pattern.search(text, position):
            start, end = match.span(group)
            position = max(match.end(), position + 1)
            if self._labelled(text, field, start) and (end := start + self._holding(text[start:end])) > start:
                position = match.end() if end == match.end(group) else end
                yield Found(start, end, self.kind)

    def _holding(self, value: str) -> int:
        """How many characters of it are the value; 0 where it is none."""
        if self.holds is None or self.holds(value):
            return len(value)
        shorter = value.rpartition(" ")[0] if self.in_words else ""
        return self._holding(shorter) if shorter else 0

    def _labelled(self, text: str, field: str, start: int) -> bool:
        if self.label is None or self.label.pattern.search(field):
            return True
        return self.label.pattern.search(text, max(0, start - BEFORE), start) is not None


def words(*alternatives: str) -> Label:
    """A label: one of some words, also as a part of a field's name (``patient_id``, ``patientId``).

    An alternative begins with letters that are always there; they are the hint.
    """
    pattern = re.compile(rf"(?<![a-z])(?:{'|'.join(alternatives)})(?![a-z])", re.IGNORECASE)
    return Label(pattern, tuple(re.split(r"[^a-z]", each, maxsplit=1)[0] for each in alternatives))
