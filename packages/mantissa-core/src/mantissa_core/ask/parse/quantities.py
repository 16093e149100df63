"""Which columns hold amounts, that can be added up or averaged, and which only numbers that stand for something."""

from __future__ import annotations

import re

from mantissa_core.ask.schema import SchemaColumn, SchemaTable

_NUMBERS = ("BIGINT", "INTEGER", "DOUBLE")
_CODES = re.compile(
    r"port$|status|code|version|protocol|(?:^|_)id$|Id$|flags?$|number$|tude$|offset|timestamp|^start$|^end$|path$|type$",
    re.IGNORECASE,
)
"""Names of columns whose numbers stand for something: a port, an error."""
_SIZES = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SIZE = re.compile(r"\b(\d{1,4})\s*([kmgt])(i)?b(?:ytes)?\b|\b(\d{1,4})\s*(kilo|mega|giga|tera)bytes?\b", re.IGNORECASE)
_AMOUNTS = re.compile(
    r"byte|packet|rows|credit|traffic|volume|size|duration|elapsed|count|transfer|invocation|total_?time|(?:^|_)time$",
    re.IGNORECASE,
)


def is_quantity(column: SchemaColumn) -> bool:
    """Whether a mean of it says something: bytes, durations, scores."""
    return column.type in _NUMBERS and not _CODES.search(column.name)


def is_amount(column: SchemaColumn) -> bool:
    """Whether a sum of it says something: bytes and durations, but no scores."""
    return is_quantity(column) and any(_AMOUNTS.search(each) for each in (column.name, *column.synonyms))


def amount_called(table: SchemaTable, *words: str) -> str:
    """The amount of the table that people call by the first of these words that one has; empty where none has."""
    amounts = [each for each in table.columns.values() if is_amount(each)]
    for word in words:
        if found := [each.name for each in amounts if word in (each.name.lower(), *each.synonyms)]:
            return found[0]
    return ""


def in_bytes(question: str) -> str:
    """The question with its sizes in bytes: "10 MB" is "10000000 bytes", "1 KiB" is "1024 bytes"."""
    return _SIZE.sub(lambda found: f"{_bytes(found)} bytes", question)


def _bytes(found: re.Match[str]) -> int:
    unit = (found[2] or found[5])[0].lower()
    each = 1_024 ** ("kmgt".index(unit) + 1) if found[3] else _SIZES[unit]
    return int(found[1] or found[4]) * each
