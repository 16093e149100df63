"""Writing rows as Parquet files, one for each ``dt``, and checking what a file holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mantissa_core.errors import LakeError

from .files import DataFile, file_stats
from .spec import TableSpec
from .storage import Storage
from .types import PARTITION, stored_as
from .uuid7 import uuid7

ROW_GROUP = 122_880
"""Rows of a row group: what DuckDB gives one thread at a time."""

STAGED, PACKED = "part-", "packed-"
"""How the names of data files begin: as rows arrived, and as compaction sorted them."""

_STAGED_LEVEL, _PACKED_LEVEL = 1, 6
"""zstd levels: staged files are soon rewritten, packed ones are kept for months."""

_SAMPLE = 1_000


class Writer:
    """Writes data files of one table below ``folder``, durable on return.

    Which columns get a dictionary is decided on the first rows that it writes.
    """

    def __init__(self, storage: Storage, folder: str, spec: TableSpec) -> None:
        self.storage = storage
        self.folder = folder
        self.spec = spec
        self._dictionaries: list[str] | None = None

    def write(self, rows: pa.Table, dt: str, *, packed: bool = False) -> DataFile:
        """Write rows of one ``dt``, laid out as the table, as one file; ``packed`` marks what compaction wrote."""
        path = f"{PARTITION}={dt}/{PACKED if packed else STAGED}{uuid7()}.parquet"
        if self._dictionaries is None:
            self._dictionaries = list(_repetitive(rows))
        options = {
            "compression": "zstd",
            "compression_level": _PACKED_LEVEL if packed else _STAGED_LEVEL,
            "row_group_size": ROW_GROUP,
            "write_statistics": list(self.spec.stats_columns),
            "use_dictionary": self._dictionaries,
            "store_schema": False,
        }
        size = self.storage.put_parquet(f"{self.folder}/{path}", rows, options)
        return DataFile(path, size, rows.num_rows, dt, file_stats(rows, self.spec.stats_columns))

    def discard(self, files: Sequence[DataFile]) -> None:
        """Delete files that will not be committed."""
        for file in files:
            self.storage.delete(f"{self.folder}/{file.path}")


def by_day(rows: pa.Table, table: str) -> Iterator[tuple[str, pa.Table]]:
    """Take rows apart by ``dt``, keeping their order within a day. ``LakeError`` for a value that is no date."""
    if PARTITION not in rows.schema.names:
        raise LakeError(f"table {table}: the rows have no column {PARTITION}")
    days = pc.run_end_encode(rows.column(PARTITION).combine_chunks())
    for day in days.values.unique().to_pylist():
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(day)):
            raise LakeError(f"table {table}: {PARTITION} is {day!r}, expected YYYY-MM-DD")
    if len(days.values) > len(days.values.unique()):  # sorting is stable; it costs as much as writing
        yield from by_day(rows.take(pc.sort_indices(rows, sort_keys=[(PARTITION, "ascending")])), table)
        return
    start = 0
    for day, end in zip(days.values.to_pylist(), days.run_ends.to_pylist(), strict=True):
        yield day, rows.slice(start, end - start)
        start = end


def laid_out(rows: pa.Table, schema: pa.Schema, table: str) -> pa.Table:
    """Order and cast columns as the table has them; absent nullable ones are null.

    ``LakeError`` for a column that the table lacks (nobody would see it), for one that is missing or null
    though the table requires it, and for values that do not fit.
    """
    if unknown := set(rows.schema.names) - set(schema.names) - {PARTITION}:
        raise LakeError(f"table {table} has no column {', '.join(sorted(unknown))}: evolve it with ensure() first")
    columns = []
    for field in schema:
        values = rows.column(field.name) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        if not field.nullable and values.null_count:
            raise LakeError(f"table {table}: column {field.name} is null in {values.null_count} rows")
        columns.append(values if values.type == field.type else _cast(values, field, table))
    return pa.table(columns, schema=schema)


def _cast(values: pa.ChunkedArray, field: pa.Field, table: str) -> pa.ChunkedArray:
    try:
        return values.cast(field.type)
    except pa.ArrowException as error:
        raise LakeError(f"table {table}, column {field.name}: found {values.type}, expected {field.type}") from error


def check_footer(storage: Storage, name: str, schema: pa.Schema) -> None:
    """``LakeError`` unless the file ``name`` can be read as ``schema``.

    Delta checks nothing here: a wider file's column stays invisible, a wrong type fails in some engines only.
    """
    try:
        with storage.open_input(name) as source:
            found: pa.Schema = pq.read_schema(source)
    except (OSError, pa.ArrowException) as error:
        raise LakeError(f"{storage.url(name)} is no readable Parquet file: {error}") from error
    for field in found:
        if field.name not in schema.names:
            raise LakeError(f"{storage.url(name)} has a column {field.name} that its table lacks")
        expected = schema.field(field.name)
        if stored_as(field.type) != stored_as(expected.type) or (field.nullable and not expected.nullable):
            raise LakeError(f"{storage.url(name)}, column {_text(field)}, expected {_text(expected)}")
    if missing := [f.name for f in schema if not f.nullable and f.name not in found.names]:
        raise LakeError(f"{storage.url(name)} lacks {', '.join(missing)}, which its table requires")


def _text(field: pa.Field) -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"


def _repetitive(rows: pa.Table) -> Iterator[str]:
    """Name the columns worth a dictionary: on random ids and times one costs effort and 5 % of the file."""
    sample = rows.slice(0, _SAMPLE)
    for field in rows.schema:
        if pa.types.is_list(field.type):
            yield f"{field.name}.list.element"
        elif not pa.types.is_boolean(field.type):
            values = sample.column(field.name).drop_null()
            if len(values) < 2 or pc.count_distinct(values).as_py() < 0.9 * len(values):
                yield field.name
