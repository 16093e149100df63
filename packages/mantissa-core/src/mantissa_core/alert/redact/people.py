"""Personal data: addresses and numbers by which a person is found."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module

from .detector import Detector, Label, words
from .kinds import Kind


@cache
def _standard(name: str) -> Callable[[str], bool]:
    """The validator of a number in python-stdnum (https://arthurdejong.org/python-stdnum/)."""
    valid: Callable[[str], bool] = import_module(f"stdnum.{name}").is_valid
    return valid


def _valid(name: str) -> Callable[[str], bool]:
    return lambda value: bool(_standard(name)(value))


def _is_phone(value: str) -> bool:
    """Whether a numbering plan has such numbers; one without a country code is read as of North America."""
    import phonenumbers

    try:
        number = phonenumbers.parse(value, None if value.startswith("+") else "US")
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_possible_number(number))


def _is_dialled(value: str) -> bool:
    return 7 <= sum(each.isdigit() for each in value) <= 15


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


_EMAIL = r"(?<![\w.+%-])[\w.+%-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+[A-Za-z]{2,24}(?![\w@-])"
_PHONE_LABEL = words(
    "phone(?:_?number)?s?", "tel(?:ephone)?", "mobile", "cell", "fax", "whatsapp", "call(?:er|ed)?", "sms"
)
_PERSON = words(
    "ssn",
    "social[ _-]?security(?:[ _-]?n(?:umber|o|r))?",
    "tax[ _-]?id(?:entifier)?",
    "tin",
    "national[ _-]?id",
    "steuer-?id(?:nr)?",
    "idnr",
    "bsn",
    "pesel",
    "tfn",
    "sin",
    "aadhaar",
    "cpf",
    "personnummer",
)
_RECORD = words(
    "mrn",
    "medical[ _-]?record(?:[ _-]?n(?:umber|o))?",
    "patient(?:[ _-]?(?:id|n(?:umber|o)))?",
    "chart[ _-]?n(?:umber|o)",
)
_NHS = words("nhs(?:[ _-]?n(?:umber|o))?")

EMAIL = (Detector(Kind.EMAIL, re.compile(_EMAIL), hints=("@",)),)


def _number(
    kind: Kind,
    form: str,
    holds: Callable[[str], bool] | None = None,
    label: Label | None = None,
    digits: int = 7,
) -> Detector:
    """A number that stands by itself: no part of a word, of an amount, an address or a longer number."""
    return Detector(kind, re.compile(rf"(?<![\w.+-]){form}(?![\w-]|[.,:/]\d)"), holds, label, digits=digits)


PHONE = (
    _number(Kind.PHONE, r"\+[1-9](?:[ ().-]{0,2}\d){6,14}", _is_phone),
    _number(Kind.PHONE, r"(?:\([2-9]\d\d\) ?|[2-9]\d\d[-. ])\d{3}[-. ]\d{4}", _is_phone, digits=10),
    _number(Kind.PHONE, r"[(+]?\d(?:[ ()./-]{0,2}\d){6,14}", _is_dialled, _PHONE_LABEL),
)
_DISTINCT = (
    (r"\d{3}-\d\d-\d{4}", "us.ssn", 9),
    (r"9\d\d-\d\d-\d{4}", "us.itin", 9),
    (r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d", "fr.nir", 14),
    (r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale", 7),
    (r"\d{8}-?[A-HJ-NP-TV-Z]", "es.dni", 8),
    (r"[XYZ]-?\d{7}-?[A-Z]", "es.nie", 7),
    (r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf", 11),
    (r"\d{4} \d{4} \d{4}", "in_.aadhaar", 12),
    (r"\d\d \d{3} \d{3} \d{3}", "de.idnr", 11),
    (r"\d{6}[-+]\d{4}", "se.personnummer", 10),
)
"""Forms that few other numbers have: form, standard, digits."""
_PLAIN = (
    ("us.ssn", 9),
    ("ca.sin", 9),
    ("au.tfn", 9),
    ("nl.bsn", 9),
    ("se.personnummer", 10),
    ("br.cpf", 11),
    ("de.idnr", 11),
    ("pl.pesel", 11),
    ("in_.aadhaar", 12),
)
"""Digits alone, which need a label: standard, digits."""
NATIONAL_ID = (
    *(_number(Kind.NATIONAL_ID, form, _valid(name), digits=digits) for form, name, digits in _DISTINCT),
    *(
        _number(Kind.NATIONAL_ID, rf"\d(?:[ .-]?\d){{{digits - 1}}}", _valid(name), _PERSON, digits)
        for name, digits in _PLAIN
    ),
    # A British national insurance number has no check digit: https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110
    _number(
        Kind.NATIONAL_ID,
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?(?:\d\d ?){3}[A-D]",
        digits=6,
    ),
)
MEDICAL_RECORD = (
    Detector(
        Kind.MEDICAL_RECORD,
        re.compile(r"(?<![\w-])[A-Z]{0,4}-?\d[\d-]{3,11}\d(?![\w-])"),
        label=_RECORD,
        digits=5,
    ),
    _number(Kind.MEDICAL_RECORD, r"\d{3} ?\d{3} ?\d{4}", _valid("gb.nhs"), _NHS, 10),
)
IP = (
    Detector(
        Kind.IP, re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), _is_address, hints=(".",), digits=4
    ),
    Detector(
        Kind.IP,
        re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"),
        _is_address,
        hints=(":",),
    ),
)
