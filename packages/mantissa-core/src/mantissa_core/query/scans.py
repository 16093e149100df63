"""What the engine would read of the files that remain: the columns of its plan, and their bytes in the footers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mantissa_core.errors import QueryError

from .footers import TIME, Footer
from .prune import Bounds

if TYPE_CHECKING:
    import duckdb

_OPERATORS = frozenset({"READ_PARQUET", "PARQUET_SCAN"})


@dataclass(frozen=True, slots=True)
class Scans:
    """The reads of Parquet files in the engine's plan: how many, of which columns, and which share of the files."""

    count: int
    projected: frozenset[str]
    filters: str
    share: float

    def columns(self, names: Iterable[str]) -> set[str]:
        """Those of a table's columns that are read. A name that a filter's text mentions counts as read."""
        words = {word.lower() for word in re.findall(r"\w+", self.filters)}
        return {
            name
            for name in names
            if name.lower() in self.projected
            or name.lower() in words
            or (not name.isidentifier() and name in self.filters)
        }

    def repeats(self, once: int) -> int:
        """How often each table is read, where reading all of them once takes so many scans. Errs to the high side."""
        return -(-self.count // once) if once else 0


def read_scans(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any]) -> Scans:
    """The scans in the plan that the engine makes for a guarded statement; nothing is read but footers."""
    rows = connection.execute(f"EXPLAIN (FORMAT json) {sql}", dict(parameters)).fetchall()
    scans = [each["extra_info"] for row in rows for root in json.loads(row[1]) for each in _operators(root)]
    projected: set[str] = set()
    filters: list[str] = []
    for scan in scans:
        projected.update(name.lower() for name in _texts(scan.get("Projections")))
        filters += [text for key, value in scan.items() if _is_filter(key) for text in _texts(value)]
    return Scans(len(scans), frozenset(projected), " ".join(filters), _share(scans))


def _operators(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if str(node.get("name", "")).strip() in _OPERATORS:
        yield node
    for each in node.get("children", ()):
        yield from _operators(each)


def _is_filter(key: str) -> bool:
    return "Filter" in key and not key.startswith("File")


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []


def _share(scans: list[Mapping[str, Any]]) -> float:
    """Of the files that each scan was pointed at, how many its own pruning leaves; 1 where one does not say."""
    told = [re.fullmatch(r"(\d+)/(\d+)", str(scan.get("Scanning Files", ""))) for scan in scans]
    if not told or not all(told):
        return 1.0
    left, whole = (sum(int(each[part]) for each in told if each) for part in (1, 2))
    return left / whole if whole else 1.0


def column_bytes(footer: Footer, columns: Iterable[str], limits: Bounds | None) -> int:
    """Stored bytes of these columns in the row groups of a file that may hold rows within ``limits``.

    Raises:
        QueryError: the file is gone.
    """
    wanted = {each.lower() for each in columns}
    try:
        metadata = pq.read_metadata(footer.path)
    except (OSError, pa.ArrowException) as error:
        raise QueryError(f"a data file cannot be read ({type(error).__name__}): query again") from None
    size = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        chunks = [group.column(number) for number in range(group.num_columns)]
        if _may_matter(chunks, limits):
            size += sum(
                each.total_compressed_size for each in chunks if each.path_in_schema.split(".")[0].lower() in wanted
            )
    return size


def _may_matter(chunks: list[Any], limits: Bounds | None) -> bool:
    if limits is None:
        return True
    times = next((each.statistics for each in chunks if each.path_in_schema == TIME), None)
    if times is None or not times.has_min_max or not isinstance(times.min, datetime):
        return True
    first, last = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (times.min, times.max))
    return not ((limits.first and last < limits.first) or (limits.last and first > limits.last))
