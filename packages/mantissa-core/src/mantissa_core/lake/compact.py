"""Compaction: many small files of a day become few sorted ones.

Not delta-rs's ``optimize``: two of those on stale snapshots both succeed and double every row (delta-rs 1.6,
removes with ``dataChange=false`` are not checked for conflicts). Ours commits under a transaction: the slower one
is refused.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.errors import Fenced

from .files import DataFile
from .parquet import PACKED, STAGED
from .table import MAINTAIN, Table

CHUNK_ROWS = 250_000
"""Rows that are sorted in memory at once, and so of the largest file: about 0.5 GB for CloudTrail, 22 MB on disk."""

MOST_FILES = 300
"""Live files of a table from which on every day with two small files is compacted: commits slow down with them."""

FEW_FILES = 8
"""Small files from which on a recent day is compacted."""

QUIET = timedelta(hours=1)
"""How long a past day must have got no new file before its last few are compacted too."""


@dataclass(frozen=True)
class Compaction:
    """What one run did. ``duplicates`` counts rows dropped for having a native id that was there already."""

    days: tuple[str, ...] = ()
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    duplicates: int = 0
    fenced: bool = False
    """Another compactor was faster; what it left is for the next run."""


def compact(table: Table, *, now: datetime | None = None, force: bool = False) -> Compaction:
    """Compact the days of ``table`` that need it, one commit for each; ``force`` takes every day with unsorted files.

    Duplicates of native ids are dropped within a chunk of ``CHUNK_ROWS``, the row that was ingested first stays.
    """
    total = Compaction()
    for day, files in plan(table.live(), now or datetime.now(UTC), force=force).items():
        try:
            done = _compact_day(table, day, files)
        except Fenced:
            return _plus(total, Compaction(fenced=True))
        total = _plus(total, done)
    return total


def plan(files: Sequence[DataFile], now: datetime, *, force: bool = False) -> dict[str, list[DataFile]]:
    """Return the small and the unsorted files of each day that is due, oldest day first."""
    days: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        if file.rows < CHUNK_ROWS // 2 or _name(file).startswith(STAGED):
            days[file.dt].append(file)
    crowded = len(files) >= MOST_FILES
    return {day: small for day, small in sorted(days.items()) if _due(day, small, now, crowded, force)}


def _due(day: str, small: Sequence[DataFile], now: datetime, crowded: bool, force: bool) -> bool:
    staged = [file for file in small if _name(file).startswith(STAGED)]
    if force or (crowded and len(small) > 1):
        return bool(staged) or len(small) > 1
    if len(small) >= FEW_FILES:
        return True
    past = day < (now - timedelta(days=1)).date().isoformat()
    return past and bool(staged) and max(map(_made, staged)) < now - QUIET


def _name(file: DataFile) -> str:
    return file.path.rpartition("/")[2]


def _made(file: DataFile) -> datetime:
    """When the file was made: the time in its name's UUID."""
    stamp = uuid.UUID(_name(file).removeprefix(STAGED).removeprefix(PACKED).removesuffix(".parquet")).int >> 80
    return datetime.fromtimestamp(stamp / 1000, UTC)


def _compact_day(table: Table, day: str, files: Sequence[DataFile]) -> Compaction:
    """Rewrite ``files``, which must all be live still when the replacement is committed."""
    before = table.committed(MAINTAIN)
    writer = table.writer()
    written: list[DataFile] = []
    try:
        for chunk in _chunks(files):
            rows = pa.Table.from_batches(table.read(chunk), table.schema())
            written.append(writer.write(_sorted(_distinct(rows, table), table), day, packed=True))
    except BaseException:
        writer.discard(written)
        raise
    try:
        table.maintain(written, files, before, rewrite=True)
    except Fenced:  # after any other error they may be live
        writer.discard(written)
        raise
    return Compaction(
        (day,),
        len(files),
        len(written),
        sum(file.size for file in files),
        sum(file.size for file in written),
        sum(file.rows for file in files) - sum(file.rows for file in written),
    )


def _chunks(files: Sequence[DataFile]) -> Iterator[list[DataFile]]:
    """Group files by time so that each group fits in memory: the new files then overlap little."""
    chunk: list[DataFile] = []
    for file in sorted(files, key=lambda file: (file.stats.get("minValues", {}).get("m_time", ""), file.path)):
        if chunk and sum(f.rows for f in chunk) + file.rows > CHUNK_ROWS:
            yield chunk
            chunk = []
        chunk.append(file)
    yield chunk


def _distinct(rows: pa.Table, table: Table) -> pa.Table:
    """Drop the later ones of rows with one native id."""
    ids = rows.column("m_id")
    if not table.spec.native_ids or pc.count_distinct(ids).as_py() == len(ids):
        return rows
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("m_ingest_time", "ascending")]))
    numbered = pa.table({"id": rows.column("m_id"), "row": pa.array(range(rows.num_rows), pa.int64())})
    first = numbered.group_by("id").aggregate([("row", "min")]).column("row_min")
    return rows.take(first)


def _sorted(rows: pa.Table, table: Table) -> pa.Table:
    keys = [(name, "ascending") for name in (*table.spec.cluster, "m_time")]
    return rows.take(pc.sort_indices(rows, sort_keys=keys))


def _plus(one: Compaction, other: Compaction) -> Compaction:
    return Compaction(
        one.days + other.days,
        one.files_before + other.files_before,
        one.files_after + other.files_after,
        one.bytes_before + other.bytes_before,
        one.bytes_after + other.bytes_after,
        one.duplicates + other.duplicates,
        one.fenced or other.fenced,
    )
