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


class Subject:
    """A text that is looked through, the value of ``field`` where it is one, and what is quickly known of it."""

    __slots__ = ("_mentions", "digits", "field", "lower", "text")

    def __init__(self, text: str, field: str = "") -> None:
        self.text, self.field, self.lower = text, field, text.lower()
        self.digits = len(text) - len(text.translate(_NO_DIGITS))
        self._mentions: dict[re.Pattern[str], bool] = {}

    def mentions(self, label: re.Pattern[str]) -> bool:
        """Whether the text or the field's name has a label anywhere."""
        if label not in self._mentions:
            self._mentions[label] = bool(label.search(self.field) or label.search(self.text))
        return self._mentions[label]


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds values of one kind.

    ``pattern`` matches the value, or in its group ``value``. ``holds`` proves it, by check digits for instance.
    ``label`` must occur shortly before it, or in the name of the field: a number that looks like nothing else needs
    one. ``hints`` are texts without any of which, in lower case, there is no match; ``digits`` is how many a match has
    at least. Both are there for speed alone.
    """

    kind: Kind
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] | None = None
    label: re.Pattern[str] | None = None
    hints: tuple[str, ...] = ()
    digits: int = 0

    def find(self, subject: Subject) -> Iterator[Found]:
        """The values in a text."""
        if subject.digits < self.digits or (self.hints and not any(hint in subject.lower for hint in self.hints)):
            return
        if self.label is not None and not subject.mentions(self.label):
            return
        group = "value" if "value" in self.pattern.groupindex else 0
        for match in self.pattern.finditer(subject.text):
            start, end = match.span(group)
            if self._labelled(subject, start) and (self.holds is None or self.holds(subject.text[start:end])):
                yield Found(start, end, self.kind)

    def _labelled(self, subject: Subject, start: int) -> bool:
        if self.label is None or self.label.search(subject.field):
            return True
        return self.label.search(subject.text, max(0, start - BEFORE), start) is not None


def words(*alternatives: str) -> re.Pattern[str]:
    """A label: one of some words, also as a part of a field's name (``patient_id``, ``patientId``)."""
    return re.compile(rf"(?<![a-z])(?:{'|'.join(alternatives)})(?![a-z])", re.IGNORECASE)


_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))
