"""The one text that a value in an event has, and how texts are folded and read as numbers.

Both executors and the reference evaluator use these functions, so that a rule means the same everywhere.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from .tree import TimeUnit

_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)
_EXACT = 2**53


def text_of(value: Any) -> str:
    """The text of a value: strings are themselves, ``true`` and ``false``, numbers in decimal, the rest JSON.

    A number without a fraction has none in its text (``5.0`` is ``5``): JSON does not tell them apart.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    return json_text(value)


def json_text(value: Any) -> str:
    """Compact JSON with sorted keys and without nulls: the same for every spelling of one object."""
    kept = _without_nulls(value)
    try:
        return msgspec.json.encode(kept, order="sorted").decode()
    except (TypeError, OverflowError, ValueError):  # integers beyond 64 bits
        return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


@lru_cache(maxsize=16_384)
def fold(text: str) -> str:
    """Lower case as Arrow's kernel makes it; Python's differs (``İ``, final sigma)."""
    folded: str = pc.utf8_lower(pa.scalar(text, pa.string())).as_py()
    return folded


def number_of(text: str) -> int | float | None:
    """The number that a text spells in decimal notation, else ``None``. Integers are exact."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:
        return float(text)


def time_of(text: str) -> datetime | None:
    """The point in time that a text spells as RFC 3339 does (UTC where it names no zone), in UTC, else ``None``."""
    if not _TIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number_in(moment: datetime, unit: TimeUnit) -> int:
    """The number of this part of a point in time."""
    return moment.isocalendar().week if unit is TimeUnit.WEEK else int(getattr(moment, unit))
