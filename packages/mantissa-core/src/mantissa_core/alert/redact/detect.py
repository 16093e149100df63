"""All detectors together: what of a text is personal or secret."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from .credentials import SECRET, names_a_secret
from .detector import Detector, Found
from .kinds import Kind
from .payment import CARD, IBAN
from .people import EMAIL, IP, MEDICAL_RECORD, NATIONAL_ID, PHONE

DETECTORS: dict[Kind, tuple[Detector, ...]] = {
    Kind.SECRET: SECRET,
    Kind.CARD: CARD,
    Kind.IBAN: IBAN,
    Kind.MEDICAL_RECORD: MEDICAL_RECORD,
    Kind.NATIONAL_ID: NATIONAL_ID,
    Kind.EMAIL: EMAIL,
    Kind.PHONE: PHONE,
    Kind.IP: IP,
}
"""By kind, the strictest first: where two find the same characters, the first one has them."""
_NEEDS = tuple(sorted({text for each in DETECTORS.values() for detector in each for text in detector.needs}))
_DIGITS = {kind: min(each.digits for each in detectors) for kind, detectors in DETECTORS.items()}
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"))
_NOTHING = re.compile(
    r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"  # RFC 9562
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z"  # RFC 3339
)
"""Forms in which no detector finds anything. Every event has some."""
_LONGEST = 512
"""Characters of a text that is remembered."""


def find(text: str, kinds: Collection[Kind] = frozenset(DETECTORS), field: str = "") -> list[Found]:
    """The values of these kinds in ``text``, from left to right, none overlapping another.

    ``field`` is the name of the field that ``text`` is the value of, where it is one: it can be the label that a number
    needs, and a field that is called ``password`` is a secret whatever it holds.
    """
    if not kinds or not text:
        return []
    if Kind.SECRET in kinds and names_a_secret(field):
        return [Found(0, len(text), Kind.SECRET)]
    subject = _remembered(text, field) if len(text) + len(field) <= _LONGEST else _Subject(text, field)
    return list(subject.apart(frozenset(kinds)))


class _Subject:
    """A text that is looked through, the value of ``field`` where it is one, and what was found in it so far."""

    __slots__ = ("_apart", "_digits", "_field", "_found", "_hints", "_text")

    def __init__(self, text: str, field: str) -> None:
        self._text, self._field = text, field
        self._found: dict[Kind, tuple[Found, ...]] = dict.fromkeys(DETECTORS, ()) if _NOTHING.fullmatch(text) else {}
        self._apart: dict[frozenset[Kind], tuple[Found, ...]] = {}
        self._hints = _hints(text) | _field_hints(field)
        self._digits = len(text) - len(text.translate(_NO_DIGITS))

    def apart(self, kinds: frozenset[Kind]) -> tuple[Found, ...]:
        """The values of these kinds, none overlapping another."""
        if kinds not in self._apart:
            taken: list[Found] = []
            for found in (each for kind in DETECTORS if kind in kinds for each in self._of(kind)):
                if all(found.end <= other.start or other.end <= found.start for other in taken):
                    taken.append(found)
            self._apart[kinds] = tuple(sorted(taken, key=lambda each: each.start))
        return self._apart[kinds]

    def _of(self, kind: Kind) -> tuple[Found, ...]:
        """All values of one kind, each detector's in order."""
        if kind not in self._found:
            self._found[kind] = tuple(self._look(kind)) if self._digits >= _DIGITS[kind] else ()
        return self._found[kind]

    def _look(self, kind: Kind) -> list[Found]:
        promising = [each for each in _promising(kind, self._hints) if self._digits >= each.digits]
        return [found for each in promising for found in each.find(self._text, self._field)]


_remembered = lru_cache(maxsize=8192)(_Subject)
"""Destinations get the same texts, and alerts much alike; policies differ in the kinds that they ask for."""


def _hints(text: str) -> frozenset[str]:
    """What of the texts that detectors need is there."""
    if not text.replace("…", "").isascii():  # "ſ" is an "s" to a pattern that ignores case
        return frozenset(_NEEDS)
    lower = text.lower()
    return frozenset([each for each in _NEEDS if each in lower])


_field_hints = lru_cache(maxsize=4096)(_hints)


@lru_cache(maxsize=8192)
def _promising(kind: Kind, hints: frozenset[str]) -> tuple[Detector, ...]:
    """The detectors of a kind that may find something in a text with these hints."""
    return tuple(each for each in DETECTORS[kind] if not each.needs or not hints.isdisjoint(each.needs))
