"""Numbers that money is taken from: payment cards and bank accounts."""

from __future__ import annotations

import re

from .detector import Detector
from .kinds import Kind

_ISSUERS = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Visa, Mastercard
    r"|3[47]\d{13}|3(?:0[0-5]\d|095|[689]\d\d)\d{10}"  # American Express, Diners Club
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14}"  # Discover, JCB, UnionPay
)


def _is_card(value: str) -> bool:
    from stdnum import luhn

    digits = re.sub(r"[ -]", "", value)
    return _ISSUERS.fullmatch(digits) is not None and luhn.is_valid(digits) and len(set(digits)) > 1


def _is_account(value: str) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(value, check_country=False))


CARD = (
    Detector(
        Kind.CARD,
        re.compile(
            r"(?<![\w.+-])(?:\d{14,16}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{4,5})(?![\w-]|[.,:/]\d)"
        ),
        _is_card,
        digits=14,
    ),
)
IBAN = (
    Detector(
        Kind.IBAN,
        re.compile(
            r"(?<![\w-])[A-Za-z]{2}\d\d(?:[A-Za-z0-9]{11,30}|(?: [A-Za-z0-9]{4}){2,7}(?: [A-Za-z0-9]{1,3})?)(?![\w-])"
        ),
        _is_account,
        digits=2,
        in_words=True,
    ),
)
