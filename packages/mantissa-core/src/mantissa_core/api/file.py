"""Rows as a file, where a caller asks for one with ``Accept``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mantissa_core.alert.codec import to_json
from mantissa_core.query.export import csv_text, parquet_bytes

from .problem import Problem

if TYPE_CHECKING:
    import pyarrow as pa

JSON = "application/json"
CSV = "text/csv"
JSON_LINES = "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
FILES = (CSV, JSON_LINES, PARQUET)


def _json_lines(rows: pa.Table) -> bytes:
    return "".join(f"{json.dumps(to_json(each), ensure_ascii=False)}\n" for each in rows.to_pylist()).encode()


_FORMATS: Mapping[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    CSV: ("csv", lambda rows: csv_text(rows).encode()),
    JSON_LINES: ("jsonl", _json_lines),
    PARQUET: ("parquet", parquet_bytes),
}


@dataclass(frozen=True, slots=True)
class File:
    """What is sent, as what, and the name that it is saved under."""

    content: bytes
    media_type: str
    name: str


def file_of(rows: pa.Table, media_type: str, name: str) -> File:
    """All rows as one of ``FILES``."""
    ending, written = _FORMATS[media_type]
    return File(written(rows), media_type, f"{name}.{ending}")


def accepted(header: str, offered: Sequence[str]) -> str:
    """The one of the offered types, of which the first is the usual one, that the header wants most (RFC 9110, 12.5.1).

    Raises:
        Problem: 406, none of them.
    """
    wanted = [_range(each) for each in header.split(",") if each.strip()] or [("*/*", 1.0)]
    best = max(offered, key=lambda each: _quality(each, wanted))  # of equals the first
    if _quality(best, wanted) <= 0:
        raise Problem(406, f"the answer comes as {', '.join(offered)}", place="header: Accept")
    return best


def _range(text: str) -> tuple[str, float]:
    name, *parameters = (each.strip().lower() for each in text.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


def _quality(offered: str, wanted: Sequence[tuple[str, float]]) -> float:
    """By the most specific range that fits."""
    kind = offered.partition("/")[0]
    for pattern in (offered, f"{kind}/*", "*/*"):
        found = [weight for name, weight in wanted if name == pattern]
        if found:
            return max(found)
    return 0.0
