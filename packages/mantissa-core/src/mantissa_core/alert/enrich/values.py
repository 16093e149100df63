"""What a vendor or a database says, as facts: of the type that is expected, short, or left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from mantissa_core.alert.fold import cut
from mantissa_core.alert.plain import plain

ROOM = 14 * 1024
"""Bytes of JSON for the facts about all values: a little is left for what stands around them."""
_TEXT = 100
_MOST = 10**12
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,20})?", re.ASCII)
_ASN = re.compile(r"(?:AS)?([1-9]\d{0,9})", re.IGNORECASE | re.ASCII)


def present(**facts: Any) -> dict[str, Any]:
    """The facts that are known: those that are not ``None``."""
    return {name: value for name, value in facts.items() if value is not None}


def bounded(found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The facts by value, as many of the first as an alert may keep of one enricher."""
    kept, left = {}, ROOM
    for value, facts in found.items():
        left -= len(json.dumps({value: facts}))
        if left < 0:
            break
        kept[value] = facts
    return kept


def text(value: object) -> str | None:
    """A text on one line, cut after 100 characters; ``None`` where there is none."""
    line = plain(" ".join(value[: 4 * _TEXT].split())) if isinstance(value, str) else ""
    return cut(line, _TEXT) or None


def number(value: object) -> int | float | None:
    """A number up to a trillion, also one that is written as a text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if -_MOST <= value <= _MOST else None


def coordinates(latitude: object, longitude: object) -> dict[str, Any]:
    """Both in degrees, or neither."""
    north, east = number(latitude), number(longitude)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return {}
    return {"latitude": north, "longitude": east}


def count(value: object) -> int | None:
    """A whole number from 0 to a billion."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**9 else None


def asn(value: object) -> str | None:
    """The number of an autonomous system as ``AS64496``, from such a text or a number."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    found = _ASN.fullmatch(str(value)) if whole or (isinstance(value, str) and len(value) < 16) else None
    return f"AS{found[1]}" if found else None
