"""All detectors together: what of a text is personal or secret."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .credentials import SECRET, names_a_secret
from .detector import Detector, Found, Subject
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
_DIGITS = {kind: min(each.digits for each in detectors) for kind, detectors in DETECTORS.items()}


def find(text: str, kinds: Collection[Kind] = frozenset(DETECTORS), field: str = "") -> list[Found]:
    """The values of these kinds in ``text``, from left to right, none overlapping another.

    ``field`` is the name of the field that ``text`` is the value of, where it is one: it can be the label that a number
    needs, and a field that is called ``password`` is a secret whatever it holds.
    """
    if Kind.SECRET in kinds and text and names_a_secret(field):
        return [Found(0, len(text), Kind.SECRET)]
    taken: list[Found] = []
    for found in _candidates(text, kinds, field):
        if all(found.end <= other.start or other.end <= found.start for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda each: each.start)


def _candidates(text: str, kinds: Collection[Kind], field: str) -> Iterator[Found]:
    subject = Subject(text, field)
    for kind, detectors in DETECTORS.items():
        if kind in kinds and subject.digits >= _DIGITS[kind]:
            for detector in detectors:
                yield from detector.find(subject)
