"""JSON values to column values and back, per column type. Only what comes back equal is taken."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from mantissa_core.model.log_type import ColumnType

from .json_text import dumps

EXACT = 2**53
"""Integers up to this magnitude are exact as doubles."""

BOUNDS: dict[ColumnType, tuple[int, int]] = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "double": (-EXACT, EXACT),
}


def to_column(value: Any, type_: ColumnType) -> Any | None:
    """Convert a JSON value that is not null; ``None`` where the column could not give it back as it is."""
    return _TO_COLUMN[type_](value)


def from_column(value: Any, type_: ColumnType) -> Any:
    """Convert a column's value (not null, as pyarrow's ``to_pylist`` gives it) to the JSON value it stands for."""
    convert = _FROM_COLUMN.get(type_)
    return value if convert is None else convert(value)


def scalar_text(value: Any) -> str | None:
    """Return what a promoted column holds: a scalar's text, ``None`` for others and for text like ``{`` or ``[``."""
    if isinstance(value, str):
        return None if value.startswith(("{", "[")) else value
    if value is None or isinstance(value, dict | list):
        return None
    return dumps(value)


def _exactly(kind: type) -> Callable[[Any], Any | None]:
    return lambda value: value if type(value) is kind else None


def _integer(type_: ColumnType) -> Callable[[Any], int | None]:
    low, high = BOUNDS[type_]
    return lambda value: value if type(value) is int and low <= value <= high else None


def _double(value: Any) -> float | None:
    if type(value) is int and abs(value) <= EXACT:
        return float(value)
    return value if type(value) is float else None


def _texts(value: Any) -> list[str] | None:
    return value if type(value) is list and all(type(each) is str for each in value) else None


def _date(value: Any) -> date | None:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return day if day.isoformat() == value else None


def _timestamp(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is UTC and _timestamp_text(moment) == value else None


def _timestamp_text(moment: datetime) -> str:
    precision = "seconds" if moment.microsecond == 0 else "milliseconds" if moment.microsecond % 1000 == 0 else "auto"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _binary(value: Any) -> bytes | None:
    try:
        content = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        return None
    return content if _base64(content) == value else None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


_TO_COLUMN: dict[ColumnType, Callable[[Any], Any | None]] = {
    "string": _exactly(str),
    "bool": _exactly(bool),
    "int32": _integer("int32"),
    "int64": _integer("int64"),
    "double": _double,
    "date": _date,
    "timestamp": _timestamp,
    "binary": _binary,
    "list<string>": _texts,
    "json": dumps,
}

_FROM_COLUMN: dict[ColumnType, Callable[[Any], Any]] = {
    "date": date.isoformat,
    "timestamp": _timestamp_text,
    "binary": _base64,
    "json": json.loads,
}
