"""One Delta table as delta-rs sees it: the only module that talks to delta-rs.

Facts behind it (delta-rs 1.6): a table object does not see its own commits until it is refreshed; a commit from
a stale snapshot is refused only where a transaction of the same name got in between; a repeated transaction on a
fresh snapshot is not refused.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from mantissa_core.errors import LakeError

from .files import DataFile, stated
from .spec import TableSpec
from .types import PARTITION, ROW_KEYS, stored_as

SETTING = "mantissa.table"
"""The table property that holds what a :class:`TableSpec` knows beyond the columns."""

_KEEP_LOG = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)
"""Old log entries go with the vacuum, which knows how far the slowest consumer is."""

Result = TypeVar("Result")


class CommitRefused(Exception):
    """The log did not take the commit, or it is unknown whether it did: refresh and look."""


class Delta:
    """A table's log: its version, columns, live files and transactions as of the last :meth:`refresh`.

    Safe to share between threads. Every method raises ``LakeError`` where the log cannot be read.
    """

    def __init__(self, table: DeltaTable, name: str) -> None:
        self.name = name
        self._table = table
        self._lock = threading.RLock()
        self._spec: tuple[int, TableSpec | None] = (-1, None)
        self._live: tuple[int, dict[str, DataFile]] = (-1, {})
        self._check()

    @classmethod
    def open(cls, name: str, url: str, options: Mapping[str, str]) -> Delta | None:
        """Open the table at ``url``; ``None`` where there is none."""
        try:
            return cls(DeltaTable(url, storage_options=dict(options)), name)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            raise LakeError(f"table {name} at {url} cannot be opened: {error}") from error

    @classmethod
    def create(cls, spec: TableSpec, url: str, options: Mapping[str, str]) -> Delta:
        """Create the table at ``url``, or open it where another process was faster."""
        schema = spec.schema.append(pa.field(PARTITION, pa.string()))
        try:
            DeltaTable.create(
                url,
                schema=schema,
                mode="ignore",
                partition_by=[PARTITION],
                name=spec.name,
                configuration=_properties(spec),
                storage_options=dict(options),
                raise_if_key_not_exists=False,
            )
        except (DeltaError, OSError) as error:
            raise LakeError(f"table {spec.name} cannot be created at {url}: {error}") from error
        created = cls.open(spec.name, url, options)
        if created is None:
            raise LakeError(f"table {spec.name} at {url} vanished while it was created")
        return created

    def _check(self) -> None:
        protocol = self._table.protocol()
        versions = (protocol.min_reader_version, protocol.min_writer_version)
        if versions != (1, 2):
            raise LakeError(
                f"table {self.name} needs reader {versions[0]} and writer {versions[1]} of the Delta protocol, "
                "expected 1 and 2: something else enabled a table feature; restore the table or write to another lake"
            )
        names = self._columns().names
        partitions = self._table.metadata().partition_columns
        if partitions != [PARTITION] or any(key.name not in names for key in ROW_KEYS):
            raise LakeError(
                f"table {self.name} is not of this lake: it must be partitioned by {PARTITION} (found "
                f"{', '.join(partitions) or 'nothing'}) and have {', '.join(key.name for key in ROW_KEYS)}"
            )

    def refresh(self) -> int:
        """Read what was committed since and return the newest version."""
        with self._lock:
            self._try(self._table.update_incremental, "read")
            return self.version

    @contextmanager
    def unmoved(self) -> Iterator[None]:
        """Keep other threads from refreshing: a transaction is refused only against the version that was looked at."""
        with self._lock:
            yield

    @property
    def version(self) -> int:
        """The version as of the last refresh."""
        return self._table.version()

    def transaction(self, app_id: str) -> int:
        """Return the newest sequence number that ``app_id`` committed, -1 if none."""
        version = self._table.transaction_version(app_id)
        return -1 if version is None else version

    def spec(self) -> TableSpec:
        """Return what the table is, as of the last refresh."""
        # Without the lock, so that staging does not wait for a commit in flight. The version is read first: what is
        # read after it may be newer, and is then read again next time.
        version, (known, spec) = self.version, self._spec
        if spec is None or known != version:
            spec = self._read_spec()
            self._spec = (version, spec)
        return spec

    def _read_spec(self) -> TableSpec:
        setting = json.loads(self._table.metadata().configuration.get(SETTING, "{}"))
        cluster = tuple(setting.get("cluster", ()))
        columns = self._columns()
        return TableSpec(self.name, columns.remove(len(columns) - 1), cluster, bool(setting.get("native_ids")))

    def _columns(self) -> pa.Schema:
        """The columns in the lake's own types, ``dt`` last (the log may have it elsewhere after an evolution)."""
        found = pa.schema(self._table.schema().to_arrow())
        fields = [
            pa.field(f.name, stored_as(f.type, f"table {self.name}, column {f.name}: ").arrow, f.nullable)
            for f in found
            if f.name != PARTITION
        ]
        return pa.schema([*fields, pa.field(PARTITION, pa.string())])

    def live(self) -> Mapping[str, DataFile]:
        """Return the files of the version as of the last refresh, by path."""
        with self._lock:
            version, known = self._live
            if version != self.version:
                known = {file.path: file for file in self._read_live(known)}
                self._live = (self.version, known)
            return known

    def _read_live(self, known: Mapping[str, DataFile]) -> Iterator[DataFile]:
        actions = pa.table(self._table.get_add_actions())
        paths = actions.column("path").to_pylist()
        fresh = [row for row, path in enumerate(paths) if path not in known]
        yield from (known[path] for path in paths if path in known)
        yield from _files(actions.take(pa.array(fresh, pa.int64())), self.spec().stats_columns)

    def write(
        self, adds: Sequence[DataFile], removes: Sequence[DataFile], transactions: Mapping[str, int], data_change: bool
    ) -> None:
        """Add one version to the log. ``CommitRefused`` where that failed or may have."""
        now = time.time_ns() // 1_000_000
        actions: list[AddAction | RemoveAction] = [
            AddAction(f.path, f.size, {PARTITION: f.dt}, now, data_change, json.dumps(f.stats)) for f in adds
        ]
        actions += [RemoveAction(f.path, data_change, now, f.size, {PARTITION: f.dt}) for f in removes]
        properties = CommitProperties(app_transactions=[Transaction(*item) for item in sorted(transactions.items())])
        try:
            self._table.create_write_transaction(
                actions,
                "append",
                self._table.schema(),
                [PARTITION],
                commit_properties=properties,
                post_commithook_properties=_KEEP_LOG,
            )
        except (DeltaError, OSError) as error:
            raise CommitRefused(str(error)) from error

    def evolve(self, spec: TableSpec, missing: Sequence[pa.Field]) -> None:
        """Add columns, and remember the spec's sort order. ``CommitRefused`` where another writer was faster."""
        try:
            if missing:
                self._table.alter.add_columns(
                    [Field.from_arrow(field) for field in missing], post_commithook_properties=_KEEP_LOG
                )
                self.refresh()
            if self._table.metadata().configuration.get(SETTING) != _setting(spec):
                self._table.alter.set_table_properties(_properties(spec), raise_if_not_exists=False)
        except CommitFailedError as error:
            raise CommitRefused(str(error)) from error
        except DeltaError as error:
            raise LakeError(f"table {self.name} cannot be changed: {error}") from error
        self.refresh()
        self._check()

    def forget_old_log(self) -> None:
        """Delete log entries beyond the table's log retention (30 days unless set otherwise)."""
        self._try(self._table.cleanup_metadata, "tidied")

    def _try(self, call: Callable[[], Result], verb: str) -> Result:
        try:
            return call()
        except (DeltaError, OSError) as error:
            raise LakeError(f"the log of table {self.name} cannot be {verb}: {error}") from error


def _properties(spec: TableSpec) -> dict[str, str]:
    """Name the columns with statistics: readers of the log, delta-rs among them, take the first 32 otherwise."""
    return {SETTING: _setting(spec), "delta.dataSkippingStatsColumns": ",".join(spec.stats_columns)}


def _setting(spec: TableSpec) -> str:
    return json.dumps({"format": 1, "cluster": list(spec.cluster), "native_ids": spec.native_ids}, sort_keys=True)


def _files(actions: pa.Table, stats_columns: Sequence[str]) -> Iterator[DataFile]:
    """Read data files from delta-rs's table of add actions; only the statistics that we keep are taken."""
    if not actions.num_rows:
        return
    bounds = {name: [_column(actions, part, name) for part in ("min", "max", "null_count")] for name in stats_columns}
    columns = [actions.column(name).to_pylist() for name in ("path", "size_bytes", "num_records")]
    days = _column(actions, "partition", PARTITION)
    for row, (path, size, records) in enumerate(zip(*columns, strict=True)):
        stats: dict[str, Any] = {"numRecords": records, "minValues": {}, "maxValues": {}, "nullCount": {}}
        for name, (low, high, nulls) in bounds.items():
            if pair := stated(low[row], high[row]):
                stats["minValues"][name], stats["maxValues"][name] = pair
            if nulls[row] is not None:
                stats["nullCount"][name] = nulls[row]
        yield DataFile(path, size, records or 0, days[row], stats)


def _column(actions: pa.Table, part: str, name: str) -> list[Any]:
    values = actions.column(part)
    if values.type.get_field_index(name) < 0:
        return [None] * actions.num_rows
    return list(pc.struct_field(values, name).to_pylist())
