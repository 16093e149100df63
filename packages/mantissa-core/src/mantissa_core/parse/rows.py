"""Records to rows: lossless, in source order, with what could not be parsed beside them."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

import pyarrow as pa

from mantissa_core.model import LogType

from .clean import CleanReader
from .columns import Bindings
from .dead_letter import DeadLetter
from .drifted import DriftedReader
from .event_id import native_ids, position_ids
from .layout import Layout
from .schema import row_schema

MAX_PART_BYTES = 64 << 20
"""A larger batch is worked on in parts, which bounds the memory."""

_Place: TypeAlias = tuple[str, int]  # origin, position


@dataclass
class Parsed:
    """What became of a batch of records.

    ``rows`` has the schema of :func:`.schema.row_schema`, in the order of the records. ``dead`` are the records
    that are no usable events. ``drift`` counts, by declared path, values that were not of the declared type.
    """

    rows: pa.Table
    dead: list[DeadLetter] = field(default_factory=list)
    drift: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the records of one call have in common."""

    source: str
    bindings: Bindings


class RowBuilder:
    """Makes rows of one log type. Holds a DuckDB connection of its own: one builder per thread, closed after use."""

    def __init__(self, log_type: LogType) -> None:
        layout = Layout(log_type)
        self.log_type = log_type
        self.schema = row_schema(log_type)
        self._clean = CleanReader(layout)
        self._drifted = DriftedReader(layout)

    def build(
        self,
        records: Sequence[bytes],
        positions: Sequence[int],
        *,
        origin: str | Sequence[str],
        source: str,
        ingest_time: datetime,
        retention_days: int = 400,
    ) -> Parsed:
        """Make one row of every record that is a JSON object.

        ``positions[i]`` is where ``records[i]`` stood in ``origin``, or in ``origin[i]`` where records of several
        files are built together. ``source`` is the collector's label.
        Never raises for what a record contains: such a record is in ``Parsed.dead``.
        """
        origins = [origin] * len(records) if isinstance(origin, str) else origin
        places = list(zip(origins, positions, strict=True))
        batch = _Batch(source, _bindings(source, ingest_time.astimezone(UTC), retention_days))
        with _collection_paused():
            parts = [self._build_part(records[part], places[part], batch) for part in _parts(records)]
        return Parsed(
            pa.concat_tables([part.rows for part in parts]) if parts else self.schema.empty_table(),
            [letter for part in parts for letter in part.dead],
            sum((part.drift for part in parts), Counter()),
        )

    def close(self) -> None:
        """Close the DuckDB connection and remove the scratch file."""
        self._clean.columns.close()

    def __enter__(self) -> RowBuilder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build_part(self, records: Sequence[bytes], places: Sequence[_Place], batch: _Batch) -> Parsed:
        tables, indices = self._clean.read(records, batch.bindings)
        drifted = self._drifted.read(records, sorted(set(range(len(records))).difference(indices)))
        if drifted.kept:
            tables.append(self._clean.columns.from_flattened(drifted.table, batch.bindings))
            indices = indices + drifted.kept
        rows = self._identified(tables, [places[index] for index in indices])
        if drifted.kept:
            rows = rows.take(pa.array(sorted(range(len(indices)), key=indices.__getitem__), pa.int64()))
        dead = [self._dead_letter(records[index], places[index], why, batch) for index, why in drifted.refused]
        return Parsed(rows, dead, drifted.drift)

    def _identified(self, tables: list[pa.Table], places: Sequence[_Place]) -> pa.Table:
        """Join the tables and give every row its id: of where it stood, where the vendor gave none."""
        if not tables:
            return self.schema.empty_table()
        rows = pa.concat_tables(tables)
        ids = native_ids(rows["m_identity"])
        missing = [row for row, each in enumerate(ids) if each is None]
        for row, made in zip(missing, position_ids(self.log_type, map(places.__getitem__, missing)), strict=True):
            ids[row] = made
        rows = rows.append_column("m_id", pa.array(ids, pa.string()))
        return _copied(rows.select(self.schema.names).cast(self.schema))

    def _dead_letter(self, record: bytes, place: _Place, reason: str, batch: _Batch) -> DeadLetter:
        origin, position = place
        return DeadLetter(self.log_type.name, origin, batch.source, position, reason, record, len(record))


def _copied(rows: pa.Table) -> pa.Table:
    """Copy: the buffers that DuckDB hands over are twice as large as what they hold."""
    return pa.concat_tables([rows, rows.schema.empty_table()]).combine_chunks()


def _bindings(source: str, ingest_time: datetime, retention_days: int) -> Bindings:
    today = ingest_time.date()
    return Bindings(
        source=source,
        ingest=ingest_time.replace(tzinfo=None),
        oldest=today - timedelta(days=min(retention_days, (today - date.min).days)),
        newest=min(today, date.max - timedelta(days=1)) + timedelta(days=1),
    )


def _parts(records: Sequence[bytes]) -> Iterator[slice]:
    start = size = 0
    for index, record in enumerate(records):
        size += len(record)
        if size >= MAX_PART_BYTES:
            yield slice(start, index + 1)
            start, size = index + 1, 0
    if start < len(records):
        yield slice(start, len(records))


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Keep the cyclic garbage collector from walking a batch's many short-lived objects, none of them cyclic."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
