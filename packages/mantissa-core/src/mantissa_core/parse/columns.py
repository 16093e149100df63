"""From JSON text to Arrow rows through DuckDB: the fast path for clean records, and the overlay for both paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.model.log_type import ColumnType

from .layout import Layout
from .overlay import Overlay
from .spool import Spool
from .sql import identifier, literal
from .strict import FastField

TYPES: dict[ColumnType, str] = {
    "string": "VARCHAR",
    "bool": "BOOLEAN",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMPTZ",
    "binary": "BLOB",
    "list<string>": "VARCHAR[]",
    "json": "VARCHAR",
}

MEMORY_LIMIT = "1GB"
_SMALLEST_BUFFER = 1 << 16
_BUFFER = "m_buffer_size"
_FLATTENED = "m_flattened"


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the rows of one batch have in common. ``ingest`` is in UTC, without a zone."""

    source: str
    ingest: datetime
    oldest: date
    newest: date

    def arguments(self) -> str:
        """Return them as the arguments of EXECUTE, which takes constants only."""
        return (
            f"source := {literal(self.source)}, ingest := TIMESTAMP {literal(self.ingest.isoformat(' '))}, "
            f"oldest := DATE {literal(self.oldest.isoformat())}, newest := DATE {literal(self.newest.isoformat())}"
        )


class Columns:
    """A private DuckDB connection that makes rows of one log type. For one thread at a time.

    It reads its own scratch file and nothing else, and uses one thread. Statements are prepared so that values are
    bound to typed parameters; DuckDB plans one that reads a file anew each time, which takes some 30 ms with
    CloudTrail's columns, as long as running it over thousands of events.
    """

    def __init__(self, layout: Layout, fields: tuple[FastField, ...]) -> None:
        self._spool = Spool()
        self._overlay = Overlay(layout)
        self._prepared: set[str] = set()
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": MEMORY_LIMIT})
        for statement in (*_settings(self._spool.path), *_tables(layout)):
            self._connection.execute(statement)
        for table, meanings in self._overlay.maps.items():
            self._connection.execute(f"CREATE TABLE {table} (value VARCHAR, meaning VARCHAR)")
            self._connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", list(meanings.items()))
        self._select_lines = self._overlay.select(_lines(layout, fields, self._spool.path))
        self._select_flattened = self._overlay.select(_flattened(layout))

    def from_lines(self, lines: Sequence[bytes], bindings: Bindings) -> pa.Table:
        """Make rows of clean records, each without a line feed.

        Raises:
            duckdb.Error: a record is not clean after all: a declared key twice, or bytes that are no UTF-8.
        """
        buffer = max(_SMALLEST_BUFFER, 1 << max(map(len, lines)).bit_length())
        self._spool.write_lines(lines)
        return self._rows(f"m_lines_{buffer}", self._select_lines.replace(_BUFFER, str(buffer)), bindings)

    def from_flattened(self, table: pa.Table, bindings: Bindings) -> pa.Table:
        """Make rows of stored columns, ``m_extra`` and ``m_drift``."""
        self._connection.register("m_incoming", table)
        try:
            self._connection.execute(f"INSERT INTO {_FLATTENED} BY NAME SELECT * FROM m_incoming")
            return self._rows("m_from_flattened", self._select_flattened, bindings)
        finally:
            self._connection.unregister("m_incoming")
            self._connection.execute(f"TRUNCATE {_FLATTENED}")

    def close(self) -> None:
        """Close the connection and remove the scratch file."""
        self._connection.close()
        self._spool.close()

    def _rows(self, name: str, select: str, bindings: Bindings) -> pa.Table:
        if name not in self._prepared:
            self._connection.execute(f"PREPARE {name} AS {select}")
            self._prepared.add(name)
        rows = self._connection.sql(f"EXECUTE {name}({bindings.arguments()})").to_arrow_table()
        return self._overlay.finish(_in_order(rows))


def _in_order(rows: pa.Table) -> pa.Table:
    """Sort by ``m_row`` where the engine did not keep the order, which it is not bound to, and drop it."""
    steps = pc.pairwise_diff(rows["m_row"].combine_chunks())
    if len(rows) > 1 and pc.min(steps).as_py() <= 0:
        rows = rows.take(pc.sort_indices(rows["m_row"]))
    return rows.drop_columns(["m_row"])


def _settings(path: str) -> Iterator[str]:
    yield "SET TimeZone = 'UTC'"
    yield "SET python_enable_replacements = false"
    yield f"SET allowed_paths = [{literal(path)}]"
    yield "SET enable_external_access = false"
    yield "SET lock_configuration = true"


def _tables(layout: Layout) -> Iterator[str]:
    """Where the slow path puts what it made: a prepared statement cannot be given another Arrow table."""
    columns = ", ".join(f"{identifier(column.column)} {TYPES[column.type]}" for column in layout.stored)
    yield f"CREATE TABLE {_FLATTENED} ({columns}, m_extra VARCHAR, m_drift BOOLEAN, m_row BIGINT)"


def json_columns(fields: tuple[FastField, ...]) -> str:
    """Return the ``columns`` argument with which ``read_json`` reads clean records."""
    return "{" + ", ".join(f"{literal(field.key)}: {literal(_type(field))}" for field in fields) + "}"


def _lines(layout: Layout, fields: tuple[FastField, ...], path: str) -> str:
    """SELECT the stored columns of the lines in the scratch file; those that only the slow path fills are NULL."""
    found = dict(_flat(fields, "lines"))
    stored = [
        f"{found.get(column.column, f'NULL::{TYPES[column.type]}')} AS {identifier(column.column)}"
        for column in layout.stored
    ]
    return (
        f"SELECT {', '.join(stored)}, NULL::VARCHAR AS m_extra, false AS m_drift, row_number() OVER () AS m_row "
        f"FROM read_json({literal(path)}, format = 'newline_delimited', columns = {json_columns(fields)}, "
        f"maximum_object_size = {_BUFFER}) AS lines"
    )


def _flattened(layout: Layout) -> str:
    """SELECT what the slow path made. ``json()`` writes JSON text as ``read_json`` does, so ids made of it agree."""
    stored = [
        f"json({name})::VARCHAR AS {name}" if column.type == "json" else name
        for column, name in ((column, identifier(column.column)) for column in layout.stored)
    ]
    return f"SELECT {', '.join(stored)}, m_extra, m_drift, m_row FROM {_FLATTENED}"


def _type(field: FastField) -> str:
    if field.column is None:
        return f"STRUCT({', '.join(f'{identifier(member.key)} {_type(member)}' for member in field.members)})"
    return "JSON" if field.column.type == "json" else TYPES[field.column.type]


def _flat(fields: tuple[FastField, ...], parent: str) -> Iterator[tuple[str, str]]:
    """Pairs (column, expression) of every leaf."""
    for field in fields:
        name = f"{parent}.{identifier(field.key)}" if parent == "lines" else None
        here = name or f"struct_extract({parent}, {literal(field.key)})"
        if field.column is None:
            yield from _flat(field.members, here)
        else:
            yield field.column.column, f"{here}::VARCHAR" if field.column.type == "json" else here
