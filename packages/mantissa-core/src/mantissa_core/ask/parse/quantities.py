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
    """The one amount of the table that people call by one of these words (``duration``); empty where none is."""
    amounts = [each for each in table.columns.values() if is_amount(each)]
    found = [each.name for each in amounts if set(words) & {each.name.lower(), *each.synonyms}]
    return found[0] if len(found) == 1 else ""
