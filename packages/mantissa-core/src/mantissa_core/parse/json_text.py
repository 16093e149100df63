"""Strict reading and writing of one event's JSON text, in plain Python.

Stricter than :func:`json.loads` (no NaN, no lone surrogates, no numbers that a double cannot hold, bounded depth)
and more faithful: an object that repeats a key is read as :class:`Repeated`, which is written again as it stood.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from mantissa_core.errors import BadRecord

MAX_DEPTH = 200
MAX_DIGITS = 4300
"""Python's own limit for reading an integer (``sys.int_info.default_max_str_digits``)."""

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class Repeated(dict[str, Any]):
    """An object that has a key more than once: as a mapping the last one counts, as items all are there."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def items(self) -> Any:
        """Return every pair as it stood, as a list; the JSON encoder writes what this returns."""
        return self.pairs

    def repeated_key(self) -> str:
        """Name the first key that comes a second time."""
        seen: set[str] = set()
        return next(key for key, _ in self.pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]


def loads(record: bytes) -> dict[str, Any]:
    """Read one JSON object.

    Raises:
        BadRecord: it is not UTF-8, not JSON, no object, or beyond a limit; the message says where.
    """
    refuse_extremes(record)
    try:
        text = record.decode()
        event = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise BadRecord(f"not UTF-8: byte 0x{record[error.start]:02x} at offset {error.start}") from error
    except ValueError as error:
        raise BadRecord(f"not JSON: {error}") from error
    if not isinstance(event, dict):
        raise BadRecord(f"not a JSON object but {_NAMES[type(event)]}")
    if "\\u" in text and _SURROGATE_ESCAPE.search(text):  # looking for the two characters first is ten times as fast
        _refuse_lone_surrogates(event)
    return event


def dumps(value: Any) -> str:
    """Write ``value`` as compact JSON text in the order in which it was read."""
    return _ENCODER.encode(value)


def refuse_extremes(text: bytes, above: int = 0) -> None:
    """Refuse what is valid JSON but would overrun a reader further down.

    ``above`` is the number of objects around ``text``.

    Raises:
        BadRecord: objects and arrays are nested deeper than 200, or an integer has over 4,300 digits.
    """
    allowed = MAX_DEPTH - above
    if text.count(b"{") + text.count(b"[") > allowed and _depth(text) > allowed:
        raise BadRecord(f"nested deeper than {MAX_DEPTH} levels")
    if len(text) > MAX_DIGITS and _has_long_number(text):
        raise BadRecord(f"a number of more than {MAX_DIGITS} digits")


def _depth(record: bytes) -> int:
    deepest = depth = 0
    for match in _STRING_OR_BRACKET.finditer(record):
        first = match[0][0]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def _has_long_number(record: bytes) -> bool:
    return bool(_LONG_NUMBER.search(record)) and bool(_LONG_NUMBER.search(re.sub(rb'"(?:[^"\\]|\\.)*"', b"", record)))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is beyond the range of a double")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _refuse_lone_surrogates(event: Any) -> None:
    try:
        dumps(event).encode()
    except UnicodeEncodeError as error:
        raise BadRecord("not Unicode: an escaped surrogate without its other half") from error


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_refuse_constant, parse_float=_finite)
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))  # what was read is a tree
_NAMES = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
