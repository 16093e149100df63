"""One table of the lake: stage rows, commit files exactly once, see what was added, read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mantissa_core.errors import LakeError
from mantissa_core.model.query import TableSnapshot

from .cache import Cache
from .committer import Change, Committer
from .delta import CommitRefused, Delta
from .files import DataFile
from .history import History
from .parquet import Writer, by_day, check_footer, laid_out
from .spec import TableSpec
from .storage import Storage
from .types import PARTITION, stored_as

MAINTAIN = "mantissa.maintain"
"""The transaction of compaction and retention: whoever works from a stale version is refused."""


@dataclass(frozen=True)
class Place:
    """Where a table lies: ``folder`` is relative to the storage; ``cache`` holds a remote lake's files locally."""

    storage: Storage
    folder: str
    cache: Cache | None = None


class Table:
    """A table. Safe to share between threads; other processes may write to it at the same time."""

    def __init__(self, delta: Delta, place: Place) -> None:
        self._delta = delta
        self._place = place
        self._history = History(place.storage, place.folder)
        self._committer = Committer(delta, self._history)
        self._staged: set[str] = set()
        self._snapshot: tuple[int, TableSnapshot] | None = None

    @property
    def name(self) -> str:
        """The table's name."""
        return self._delta.name

    @property
    def url(self) -> str:
        """The table's folder: an absolute path, or a URL where the lake is remote."""
        return self._place.storage.url(self._place.folder)

    @property
    def spec(self) -> TableSpec:
        """What the table is, as of the last look at its log."""
        return self._delta.spec()

    @property
    def place(self) -> Place:
        """Where its files lie; for maintenance."""
        return self._place

    @property
    def history(self) -> History:
        """The log, version by version; for maintenance."""
        return self._history

    def schema(self) -> pa.Schema:
        """Return the columns, without ``dt``."""
        return self.spec.schema

    def version(self) -> int:
        """Return the newest version in the log."""
        return self._delta.refresh()

    def evolve(self, spec: TableSpec) -> None:
        """Add the columns of ``spec`` that the table lacks and take over its sort order.

        ``LakeError`` where a column changed its type or a new one may not be null: rows before it have none.
        """
        for _ in range(5):
            self._delta.refresh()
            missing = _missing(self.spec, spec)
            schema = pa.schema([*self.spec.schema, *missing])
            try:
                self._delta.evolve(TableSpec(self.name, schema, spec.cluster, spec.native_ids), missing)
            except CommitRefused:
                continue
            return
        raise LakeError(f"table {self.name}: others kept changing it while columns were to be added; try again")

    def stage(self, rows: pa.Table) -> list[DataFile]:
        """Write ``rows`` (columns in any order, with ``dt``) as one durable file per day that nobody sees yet.

        ``LakeError`` where they do not fit the table, or cannot be written: then nothing is left behind.
        """
        writer = self.writer()
        files: list[DataFile] = []
        try:
            for day, part in by_day(rows, self.name):
                files.append(writer.write(laid_out(part, self.spec.schema, self.name), day))
        except OSError as error:
            writer.discard(files)
            raise LakeError(f"rows for {self.url} cannot be written: {error}") from error
        except BaseException:
            writer.discard(files)
            raise
        self._staged.update(file.path for file in files)
        return files

    def writer(self) -> Writer:
        """Return what writes this table's files; for maintenance."""
        return Writer(self._place.storage, self._place.folder, self.spec)

    def discard(self, files: Sequence[DataFile]) -> None:
        """Delete staged files that were not and will not be committed."""
        self._staged.difference_update(file.path for file in files)
        self.writer().discard(files)

    def commit(self, files: Sequence[DataFile], transactions: Mapping[str, int]) -> int | None:
        """Make ``files`` visible together, exactly once for each ``(writer, sequence number)``.

        Returns the version, or ``None`` where they were committed before. ``Fenced`` where another writer got in
        between; ``LakeError`` where a file does not fit the table or the log takes no commit.
        """
        for file in files:
            if file.path not in self._staged:
                check_footer(self._place.storage, f"{self._place.folder}/{file.path}", self.spec.schema)
        version = self._committer.commit(Change(files, transactions))
        self._staged.difference_update(file.path for file in files)
        return version

    def maintain(
        self, adds: Sequence[DataFile], removes: Sequence[DataFile], after: int, *, rewrite: bool
    ) -> int | None:
        """Replace files. ``after`` is ``committed(MAINTAIN)`` as of the plan; ``Fenced`` where it is no longer."""
        return self._committer.commit(Change(adds, {MAINTAIN: after + 1}, removes, rewrite))

    def forget_old_log(self) -> None:
        """Delete log entries older than the table's log retention (30 days); for the vacuum."""
        self._delta.forget_old_log()

    def committed(self, app_id: str) -> int:
        """Return the newest sequence number that ``app_id`` committed here, -1 if none."""
        self._delta.refresh()
        return self._delta.transaction(app_id)

    def added(self, after: int, until: int | None = None) -> Iterator[tuple[int, list[DataFile]]]:
        """Yield the versions ``after < version <= until`` that brought new rows, with their files.

        What maintenance rewrote is left out. ``LakeError`` where the log does not reach back that far.
        """
        newest = self.version() if until is None else until
        for version in self._history.between(after, newest):
            if version.added:
                yield version.number, version.added

    def live(self, start: datetime | None = None, end: datetime | None = None) -> list[DataFile]:
        """Return the newest version's files that may hold rows with ``start <= m_time <= end``."""
        self._delta.refresh()
        files = self._delta.live().values()
        return list(files) if start is None and end is None else [file for file in files if file.overlaps(start, end)]

    def read(
        self,
        files: Sequence[DataFile],
        columns: Sequence[str] | None = None,
        batch_size: int = 50_000,
        encoded: Collection[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of ``files``, in their order.

        ``columns`` may include ``dt``; all others by default. A column that a file is too old to have is null.
        Text columns in ``encoded`` come dictionary-encoded where the file has them: a fraction of the work.
        """
        known = self.spec.schema.append(pa.field(PARTITION, pa.string()))
        names = self.spec.schema.names if columns is None else list(columns)
        if unknown := set(names) - set(known.names):
            raise LakeError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
        schema = pa.schema([known.field(name) for name in names])
        texts = {field.name for field in schema if field.name in encoded and pa.types.is_string(field.type)}
        for file in files:
            yield from self._read_file(file, schema, batch_size, texts)

    def _read_file(
        self, file: DataFile, schema: pa.Schema, batch_size: int, encoded: Collection[str]
    ) -> Iterator[pa.RecordBatch]:
        try:
            path = self.local_path(file)
            footer = pq.read_metadata(path)
            dictionaries = [name for name in footer.schema.to_arrow_schema().names if name in encoded]
            with pq.ParquetFile(path, metadata=footer, read_dictionary=dictionaries) as source:
                stored = set(source.schema_arrow.names)
                present = [name for name in schema.names if name in stored]
                for batch in source.iter_batches(batch_size, columns=present or ["m_id"]):
                    yield _shaped(batch, schema, file.dt)
        except (OSError, pa.ArrowException) as error:
            raise LakeError(f"{self.url}/{file.path} cannot be read: {error}") from error

    def local_path(self, file: DataFile) -> str:
        """Return where ``file`` can be opened on this machine, fetching it where the lake is remote."""
        name = f"{self._place.folder}/{file.path}"
        if self._place.cache is None:
            return self._place.storage.path(name)
        return str(self._place.cache.fetch(self._place.storage, name))

    def known_ids(self, ids: pa.Array, start: datetime, end: datetime) -> pa.Array:
        """Return those of ``ids`` that files overlapping the span already hold."""
        found = pa.nulls(0, pa.string())
        for batch in self.read(self.live(start, end), ["m_id"]):
            stored = batch.column(0)
            found = pa.concat_arrays([found, stored.filter(pc.is_in(stored, ids))])
        return ids.filter(pc.is_in(ids, found))

    def snapshot(
        self, start: datetime | None = None, end: datetime | None = None, *, fetch: bool = True
    ) -> TableSnapshot:
        """Return the newest version as an engine needs it, without the files outside the span.

        Files are local paths; ``fetch=False`` names a remote lake's files by URL and downloads nothing.
        """
        version = self.version()
        reusable = start is None and end is None and self._place.cache is None  # a cache may evict what it fetched
        if reusable and self._snapshot is not None and self._snapshot[0] == version:
            return self._snapshot[1]
        snapshot = self._take_snapshot([f for f in self._delta.live().values() if f.overlaps(start, end)], fetch)
        if reusable:
            self._snapshot = (version, snapshot)
        return snapshot

    def _take_snapshot(self, files: list[DataFile], fetch: bool) -> TableSnapshot:
        schema = self.spec.schema.append(pa.field(PARTITION, pa.string()))
        return TableSnapshot(
            self.name,
            {field.name: stored_as(field.type).sql for field in schema},
            [self.local_path(file) if fetch else f"{self.url}/{file.path}" for file in files],
            [file.dt for file in files],
            sum(file.size for file in files),
            sum(file.rows for file in files),
        )


def _missing(table: TableSpec, spec: TableSpec) -> list[pa.Field]:
    """Return the columns that the table lacks."""
    present = {field.name.lower(): field for field in table.schema}
    missing = []
    for field in spec.schema:
        found = present.get(field.name.lower())
        if found is None and not field.nullable:
            raise LakeError(f"table {spec.name}, column {field.name}: it is new, so it must be nullable")
        if found is None:
            missing.append(field)
        elif found.name != field.name or stored_as(found.type) != stored_as(field.type):
            raise LakeError(
                f"table {spec.name}, column {field.name}: found {found.name} of type {stored_as(found.type).name}, "
                f"expected {stored_as(field.type).name}; types never change: give the new column another name"
            )
    return missing


def _shaped(batch: pa.RecordBatch, schema: pa.Schema, dt: str) -> pa.RecordBatch:
    """Give a file's batch the table's columns: absent ones null, ``dt`` from the file's partition."""
    columns, fields = [], []
    for field in schema:
        index = batch.schema.get_field_index(field.name)
        if field.name == PARTITION:
            values = pa.repeat(pa.scalar(dt, pa.string()), batch.num_rows)
        elif index < 0:
            values = pa.nulls(batch.num_rows, field.type)
        else:
            values = batch.column(index)
            if values.type != field.type and not pa.types.is_dictionary(values.type):
                values = values.cast(field.type)
        columns.append(values)
        fields.append(field.with_type(values.type))
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
