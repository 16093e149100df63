"""Rows of a result as events: every value arrives as text, and becomes what its column's type says.

Reference: https://docs.snowflake.com/en/developer-guide/sql-api/handling-responses#getting-the-data-from-the-results.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from mantissa_core.errors import Retry
from mantissa_core.vendor_api import Answer

Columns = Sequence[Mapping[str, Any]]
"""``rowType`` of a result: ``name``, ``type``, ``scale`` of each column."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = 2**63


def columns_of(answer: Answer) -> Columns:
    """The columns of a result.

    Raises:
        Retry: the answer is no result.
    """
    columns = answer.at("resultSetMetaData.rowType")
    if not isinstance(columns, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in columns
    ):
        raise Retry(f"Snowflake's answer has no columns{answer.quoted}")
    return columns


def events_of(answer: Answer, columns: Columns) -> list[dict[str, Any]]:
    """The rows of a partition; a value that is NULL is left out.

    Raises:
        Retry: the answer has no rows, or rows of another length.
    """
    rows = answer.at("data")
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        raise Retry(f"Snowflake's answer has no rows that fit its columns{answer.quoted}")
    return [
        {column["name"]: _value(text, column) for column, text in zip(columns, row, strict=True) if text is not None}
        for row in rows
    ]


def _value(text: Any, column: Mapping[str, Any]) -> Any:
    """What cannot be read as its type stays the text that it is."""
    convert = _TYPES.get(str(column.get("type")).lower())
    if convert is None or not isinstance(text, str):
        return text
    try:
        return convert(text)
    except (ValueError, InvalidOperation, OverflowError, RecursionError):
        return text


def _number(text: str) -> int | float | str:
    number = Decimal(text)
    if number != number.to_integral_value():
        return float(number)
    return int(number) if -_INT64 <= number < _INT64 else text


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("no boolean")
    return text.lower() == "true"


def _timestamp(text: str) -> str:
    """Seconds since 1970 with a fraction; behind a space the zone, which the moment does not depend on."""
    microseconds = int(Decimal(text.split(" ", maxsplit=1)[0]) * 1_000_000)
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


_TYPES: Mapping[str, Callable[[str], Any]] = {
    "fixed": _number,
    "real": float,
    "boolean": _boolean,
    "timestamp_ltz": _timestamp,
    "timestamp_ntz": _timestamp,
    "timestamp_tz": _timestamp,
    "variant": json.loads,
    "object": json.loads,
    "array": json.loads,
}
