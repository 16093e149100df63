"""An in-memory DuckDB that sees some tables' files and nothing else.

The files a database may open are fixed before its external access is switched off and cannot be extended, so a
new snapshot needs a new database. The worker keeps a few.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from mantissa_core.errors import QueryError

from .footers import Footer, Footers
from .guard import Statement, first_line
from .limits import Limits
from .prune import Bounds, bounds
from .scans import column_bytes, read_scans

MAX_RESULT_BYTES = 512 * 1024 * 1024
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Definition:
    """A table as the backend sends it: a snapshot's fields."""

    name: str
    columns: Mapping[str, str]
    files: Sequence[str]
    partitions: Sequence[str]
    sql: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, whether there were more, and how many bytes the files in use have."""

    rows: pa.Table
    truncated: bool
    scanned: int


class Database:
    """Tables ready to be queried. ``definitions`` come with every table before the views over it."""

    def __init__(self, definitions: Iterable[Definition], limits: Limits, footers: Footers) -> None:
        self._definitions = {each.name: each for each in definitions}
        self._footers = {each.name: footers.of(each.files) for each in self._definitions.values() if each.sql is None}
        self._below_views = {
            word for each in self._definitions.values() if each.sql for word in re.findall(r"\w+", each.sql.lower())
        }
        self._shown: dict[str, tuple[str, ...]] = {}
        self._connection = _connect(limits, (path for each in self._definitions.values() for path in each.files))
        for definition in self._definitions.values():
            self._define(definition)

    def close(self) -> None:
        """Free its memory."""
        self._connection.close()

    def run(self, statement: Statement, parameters: Mapping[str, Any], max_rows: int) -> Answer:
        """Run a guarded statement.

        Raises:
            QueryError: it failed, or its result exceeds :data:`MAX_RESULT_BYTES`.
        """
        scanned = sum(footer.size for kept in self._prune(statement, parameters).values() for footer, _ in kept)
        try:
            if statement.explain:
                return Answer(_explained(self._connection, statement, parameters), False, 0)
            # LIMIT keeps a sort from being kept whole; the line break ends a comment at the end of the text.
            wrapped = f"SELECT * FROM (\n{statement.sql}\n) LIMIT {max_rows + 1}"
            rows = _fetched(self._connection.execute(wrapped, dict(parameters)))
        except duckdb.OutOfMemoryException:
            raise QueryError(
                "the query needs more memory than 'memory_limit' allows: narrow it, or raise that"
            ) from None
        except duckdb.Error as error:
            raise QueryError(first_line(str(error))) from None
        except (pa.ArrowException, MemoryError) as error:
            raise QueryError(f"the result cannot be read: {type(error).__name__}") from None
        return Answer(rows.slice(0, max_rows), rows.num_rows > max_rows, scanned)

    def estimate(self, statement: Statement, parameters: Mapping[str, Any]) -> tuple[int, int]:
        """Bytes and files that a guarded statement would read: the columns in use, of row groups that may matter.

        Raises:
            QueryError: the engine cannot bind the statement.
        """
        kept = self._prune(statement, parameters)
        try:
            scans = read_scans(self._connection, statement.sql, parameters)
        except duckdb.Error as error:
            raise QueryError(first_line(str(error))) from None
        size = sum(
            column_bytes(footer, scans.columns(self._definitions[name].columns), limits)
            for name, files in kept.items()
            for footer, limits in files
        )
        once = sum(len({footer.columns for footer, _ in files}) for files in kept.values())
        return int(size * scans.repeats(once) * scans.share), sum(map(len, kept.values()))

    def _prune(
        self, statement: Statement, parameters: Mapping[str, Any]
    ) -> dict[str, list[tuple[Footer, Bounds | None]]]:
        """Point the tables in use at the files that may matter, and return those with what bounds their rows."""
        kept: dict[str, list[tuple[Footer, Bounds | None]]] = {}
        for name, footers in self._footers.items():
            found, limits = footers, None
            # A view that is in use, too, reads all of the table.
            if name in statement.tables and footers and name.lower() not in self._below_views:
                limits = bounds(self._connection, statement.tree, name, parameters)
                days: Sequence[str | None] = self._definitions[name].partitions or [None] * len(footers)
                found = [each for each, day in zip(footers, days, strict=True) if limits.admit(each, day)]
            self._show(name, found)
            kept[name] = [(each, limits) for each in found]
        return kept

    def _define(self, definition: Definition) -> None:
        if definition.sql is None:
            self._show(definition.name, self._footers[definition.name])
        else:
            self._create(definition.name, definition.sql)

    def _show(self, name: str, footers: Sequence[Footer]) -> None:
        """Let the table's view read these files, unless it does."""
        paths = tuple(footer.path for footer in footers)
        if self._shown.get(name) != paths:
            self._create(name, _scan(self._definitions[name], footers))
            self._shown[name] = paths

    def _create(self, name: str, sql: str) -> None:
        try:
            self._connection.execute(f"CREATE OR REPLACE VIEW {identifier(name)} AS {sql}")
        except duckdb.Error as error:
            raise QueryError(f"the table {name} cannot be opened: {first_line(str(error))}") from None


def identifier(name: str) -> str:
    """The name quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text quoted for SQL. For what cannot be bound: DDL and settings."""
    return "'" + text.replace("'", "''") + "'"


def _connect(limits: Limits, paths: Iterable[str]) -> duckdb.DuckDBPyConnection:
    config: dict[str, Any] = {
        "memory_limit": limits.memory,
        "temp_directory": limits.temp_directory or "",
        "max_temp_directory_size": limits.temp_size,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allow_persistent_secrets": "false",
        "python_enable_replacements": "false",
    }
    if limits.threads:
        config["threads"] = limits.threads
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET parquet_metadata_cache = true")
    connection.execute(f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _scan(definition: Definition, footers: Sequence[Footer]) -> str:
    """SELECT over the files. Those with the same columns are read together; what a file lacks is NULL.

    ``union_by_name`` would do the same, at the price of opening every file each time a query is bound.
    """
    groups: dict[frozenset[str], list[str]] = {}
    for footer in footers:
        groups.setdefault(footer.columns.intersection(definition.columns), []).append(footer.path)
    if not groups:
        return f"SELECT {_columns(definition, frozenset(), '')} WHERE false"
    hive = bool(definition.partitions)
    return " UNION ALL ".join(_group(definition, columns, paths, hive) for columns, paths in groups.items())


def _group(definition: Definition, columns: frozenset[str], paths: Sequence[str], hive: bool) -> str:
    options = "hive_partitioning = true, hive_types = {'dt': VARCHAR}" if hive else "hive_partitioning = false"
    present = columns | {"dt"} if hive else columns
    files = ", ".join(map(literal, paths))
    return f"SELECT {_columns(definition, present, 't.')} FROM read_parquet([{files}], {options}) AS t"


def _columns(definition: Definition, present: frozenset[str], qualifier: str) -> str:
    return ", ".join(
        f"{qualifier}{identifier(name)}" if name in present else f"NULL::{kind} AS {identifier(name)}"
        for name, kind in definition.columns.items()
    )


def _explained(connection: duckdb.DuckDBPyConnection, statement: Statement, parameters: Mapping[str, Any]) -> pa.Table:
    rows = connection.execute(f"EXPLAIN {statement.sql}", dict(parameters)).fetchall()
    return pa.table({"plan": pa.array([row[1] for row in rows], pa.string())})


def _fetched(result: duckdb.DuckDBPyConnection) -> pa.Table:
    reader: pa.RecordBatchReader = result.to_arrow_reader(_BATCH)
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > MAX_RESULT_BYTES:
            raise QueryError(f"the result exceeds {MAX_RESULT_BYTES >> 20} MB: select fewer columns or rows")
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)
