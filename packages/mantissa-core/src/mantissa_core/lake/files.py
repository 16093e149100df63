"""Data files and the statistics that the Delta log keeps about them.

Format of the statistics: Delta protocol, "Per-file Statistics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

LONGEST_BOUND = 32
"""Characters of a string that the statistics keep."""


@dataclass(frozen=True)
class DataFile:
    """An immutable Parquet file. ``path`` is relative to its table, ``size`` in bytes, ``stats`` as in the log."""

    path: str
    size: int
    rows: int
    dt: str
    stats: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"path": self.path, "size": self.size, "rows": self.rows, "dt": self.dt, "stats": dict(self.stats)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DataFile:
        """Read what :meth:`to_json` returned."""
        return cls(value["path"], value["size"], value["rows"], value["dt"], value["stats"])

    @cached_property
    def span(self) -> tuple[datetime, datetime] | None:
        """The first and last ``m_time`` in it; ``None`` where the log does not say."""
        first, last = (self.stats.get(bound, {}).get("m_time") for bound in ("minValues", "maxValues"))
        return (datetime.fromisoformat(first), datetime.fromisoformat(last)) if first and last else None

    def overlaps(self, start: datetime | None, end: datetime | None) -> bool:
        """Whether it may hold a row with ``start <= m_time <= end``; an absent bound is open."""
        span = self.span
        return span is None or ((start is None or span[1] >= start) and (end is None or span[0] <= end))


def file_stats(rows: pa.Table, columns: Iterable[str]) -> dict[str, Any]:
    """Count ``rows`` and bound ``columns``: a bound that cannot be stated exactly enough is left out."""
    stats: dict[str, Any] = {"numRecords": rows.num_rows, "minValues": {}, "maxValues": {}, "nullCount": {}}
    for name in columns:
        values = rows.column(name)
        stats["nullCount"][name] = values.null_count
        if bounds := _bounds(values):
            stats["minValues"][name], stats["maxValues"][name] = bounds
    return stats


def _bounds(values: pa.ChunkedArray) -> tuple[Any, Any] | None:
    kind = values.type
    if not (pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind)):
        return None  # no order that all engines share: NaN, binary, booleans, lists
    try:
        extremes = pc.min_max(values).as_py()
    except (ValueError, OverflowError):  # a time beyond the year 9999: an event may say so
        return None
    return stated(extremes["min"], extremes["max"])


def stated(low: Any, high: Any) -> tuple[Any, Any] | None:
    """Return two bounds as the log writes them, or ``None`` where one of them is unknown."""
    if low is None or high is None:
        return None
    if isinstance(low, str):
        upper = _upper_bound(high)
        return None if upper is None else (low[:LONGEST_BOUND], upper)
    if isinstance(low, datetime):
        return _instant(low), _instant(high)
    return (low.isoformat(), high.isoformat()) if isinstance(low, date) else (low, high)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _upper_bound(text: str) -> str | None:
    """Shorten ``text`` to something that no string with the same beginning exceeds."""
    if len(text) <= LONGEST_BOUND:
        return text
    for end in range(LONGEST_BOUND, 0, -1):
        code = ord(text[end - 1]) + 1
        if code <= 0x10FFFF:
            return text[: end - 1] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)
    return None
