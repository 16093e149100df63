"""From a page to committed rows: decode, build, drop what is already there, commit with the stream's progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.errors import BadRecord, MantissaError
from mantissa_core.hookspecs import Parser
from mantissa_core.lake.archive import keep_raw
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.spec import TableSpec, table_spec
from mantissa_core.lake.stream_log import StreamLog
from mantissa_core.log import get_logger
from mantissa_core.model import Blob, LogType, Page
from mantissa_core.model.collection import Records, Rejected
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.dead_letter import (
    DEAD_LETTER,
    DEAD_LETTER_CLUSTER,
    DEAD_LETTER_SCHEMA,
    DeadLetter,
    dead_letter_rows,
)
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import Parsed, RowBuilder
from mantissa_core.state import State

from .drift import DriftLog
from .histogram import BOUNDS, Histogram

COMMIT_ROWS = 100_000
"""Rows after which a long page is committed in part."""

NextProgress = Mapping[str, Any] | Callable[["Ingested"], Mapping[str, Any]]
"""What is stored as progress with a page, or how it follows from what became of the page."""

DEAD_LETTERS = TableSpec(
    DEAD_LETTER, DEAD_LETTER_SCHEMA.remove(DEAD_LETTER_SCHEMA.get_field_index("dt")), DEAD_LETTER_CLUSTER, True
)


@dataclass(slots=True)
class Ingested:
    """What became of some records: rows in the lake, repeats that were left out, dead letters, drift by path.

    ``size`` is in bytes of JSON text. ``lag`` counts the rows by ingest time − event time; ``oldest`` is the least
    event time among them.
    """

    rows: int = 0
    duplicates: int = 0
    dead: int = 0
    size: int = 0
    drift: Counter[str] = field(default_factory=Counter)
    lag: Histogram = field(default_factory=Histogram)
    oldest: datetime | None = None

    def __iadd__(self, other: Ingested) -> Ingested:
        self.rows += other.rows
        self.duplicates += other.duplicates
        self.dead += other.dead
        self.size += other.size
        self.drift += other.drift
        self.lag.merge(other.lag)
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)
        return self

    def stored(self, rows: pa.Table, now: datetime) -> None:
        """Count rows that are about to be committed."""
        self.rows += rows.num_rows
        if not rows.num_rows:
            return
        seconds = pc.divide(pc.cast(pc.subtract(pa.scalar(now, rows["m_time"].type), rows["m_time"]), pa.int64()), 1e6)
        below = [pc.sum(pc.less_equal(seconds, bound)).as_py() or 0 for bound in BOUNDS]
        counts = [high - low for low, high in pairwise([0, *below, rows.num_rows])]
        self.lag.merge(Histogram(counts))
        self.oldest = min(filter(None, (self.oldest, pc.min(rows["m_time"]).as_py())), default=None)


@dataclass(frozen=True, slots=True)
class Settings:
    """What ingestion needs to know of the configuration."""

    retention_days: int = 400
    keep_raw: bool = False


class Ingester:
    """Writes one stream. Not thread-safe: a stream has one writer, in this process and in the world."""

    def __init__(
        self,
        lake: Lake,
        state: State,
        log_types: LogTypes,
        decoders: Callable[[str], Parser],
        *,
        stream: str,
        source: str,
        settings: Settings | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._lake, self._log_types, self._decoders = lake, log_types, decoders
        self._settings, self._clock = settings or Settings(), clock
        self._builders: dict[str, RowBuilder] = {}
        self._stream, self._source = stream, source
        self._drift = DriftLog(state, source, self._clock)
        self.log = StreamLog(lake, state, stream)
        self.log.recover()

    @property
    def progress(self) -> Mapping[str, Any]:
        """The last committed progress: ``state`` (the collector's), ``coverage`` and what the runner keeps."""
        return self.log.value

    def ingest(self, page: Page, log_type: str, progress: NextProgress) -> Ingested:
        """Commit a page and ``progress``, with the page's next state among it.

        A page longer than ``COMMIT_ROWS`` is committed in steps.
        After each step but the last, the progress remembers how far the page's blobs were read, so that a
        repeated read of the same page leaves out what is stored.
        """
        done = dict(self.log.value.get("partial", {}))
        batch = self.log.value.get("batch", self.log.seq + 1)
        total, step = Ingested(), _Step()
        for part in self._parts(page, log_type, done, f"{self._stream}#{batch}"):
            if step.rows >= COMMIT_ROWS:
                total += self._commit(step, Ingested(), {**self.log.value, "partial": done, "batch": batch})
                step = _Step()
            step.add(part)
            done |= part.ends
        state = {"state": dict(page.next_state)}
        following = progress if callable(progress) else lambda _: progress
        total += self._commit(step, total, lambda ingested: {**following(ingested), **state})
        return total

    def close(self) -> None:
        """Release what building rows holds. Closing twice is harmless."""
        self._forgiving(self._drift.close)
        builders, self._builders = self._builders, {}
        for builder in builders.values():
            builder.close()

    def _parts(self, page: Page, log_type: str, done: Mapping[str, int], batch: str) -> Iterator[_Part]:
        by_type = page.records if isinstance(page.records, Mapping) else {log_type: page.records}
        for name, records in by_type.items():
            if records and (origin := f"{batch}:{name}") not in done:
                yield self._build_records(self._log_types.get(name), records, origin)
        for name, rejected in page.rejected_by(log_type).items():
            origin = f"{batch}:rejected" if name == log_type else f"{batch}:{name}:rejected"
            if rejected and origin not in done:
                group = _Group()
                group.add(_Chunk(Blob(origin, origin, _unreadable), [], [], list(rejected)))
                yield self._build(self._log_types.get(name), group)
        group = _Group()
        for blob in page.blobs:
            for chunk in self._decode(blob, self._log_types.get(log_type), done.get(blob.origin, -1)):
                group.add(chunk)
                if group.full:
                    yield self._build(self._log_types.get(log_type), group)
                    group = _Group()
        if group:
            yield self._build(self._log_types.get(log_type), group)

    def _decode(self, blob: Blob, log_type: LogType, after: int) -> Iterator[_Chunk]:
        """Decoded records of one blob behind position ``after``."""
        for decoded in self._decoders(log_type.decoder).decode(open_blob(blob)):
            skip = sum(1 for position in decoded.positions if position <= after)
            rejected = [each for each in decoded.rejected if each.position > after]
            if skip < len(decoded.records) or rejected:
                yield _Chunk(blob, decoded.records[skip:], decoded.positions[skip:], rejected)

    def _build_records(self, log_type: LogType, records: Records, origin: str) -> _Part:
        chunk = _Chunk(Blob(origin, origin, _unreadable), [], [], [])
        for position, record in enumerate(records):
            try:
                chunk.records.append(to_json(record))
                chunk.positions.append(position)
            except BadRecord as error:
                raw = repr(record).encode()[:65_536]
                chunk.rejected.append(Rejected(raw, str(error), position, len(raw)))
        group = _Group()
        group.add(chunk)
        return self._build(log_type, group)

    def _build(self, log_type: LogType, group: _Group) -> _Part:
        now = self._clock()
        parsed = self._builder(log_type).build(
            group.records,
            group.positions,
            origin=group.origins,
            source=self._source,
            ingest_time=now,
            retention_days=self._settings.retention_days,
        )
        named = [replace(each, name=group.names.get(each.origin)) for each in parsed.dead]
        dead = [*named, *group.dead(log_type, self._source)]
        raw = group.records if self._settings.keep_raw else []
        return _Part(log_type, parsed, dead, group.ends, now, group.size, raw)

    def _builder(self, log_type: LogType) -> RowBuilder:
        if log_type.name not in self._builders:
            self._builders[log_type.name] = RowBuilder(log_type)
        return self._builders[log_type.name]

    def _commit(self, step: _Step, before: Ingested, progress: NextProgress) -> Ingested:
        """Commit one step of a page; ``before`` is what became of the page's earlier ones."""
        result = Ingested(size=step.size, drift=step.drift)
        tables: dict[TableSpec, pa.Table] = {}
        drifted: list[tuple[LogType, pa.Table]] = []
        for log_type, rows in step.tables():
            spec = table_spec(log_type)
            fresh = self._fresh(spec, rows)
            result.duplicates += rows.num_rows - fresh.num_rows
            result.stored(fresh, step.time)
            if fresh.num_rows:
                tables[spec] = fresh
                drifted.append((log_type, fresh))
        if step.dead:
            letters = self._fresh(DEAD_LETTERS, dead_letter_rows(step.dead, ingest_time=self._clock()))
            result.dead = letters.num_rows
            if letters.num_rows:
                tables[DEAD_LETTERS] = letters
        for name, records in step.raw.items():
            keep_raw(self._lake, name, self._stream, self.log.seq + 1, step.time, records)
        self.log.commit(tables, progress(_sum(before, result)) if callable(progress) else progress)
        for log_type, rows in drifted:
            self._forgiving(partial(self._drift.note, log_type, rows))
        return result

    def _forgiving(self, work: Callable[[], None]) -> None:
        """Do what serves people only: where it fails, the commit stands all the same."""
        try:
            work()
        except MantissaError as error:
            get_logger("drift").warning("drift not recorded", stream=self._stream, reason=str(error))

    def _fresh(self, spec: TableSpec, rows: pa.Table) -> pa.Table:
        """Rows whose id is neither earlier in ``rows`` nor already stored."""
        table = self._lake.ensure(spec)
        rows = _first_of_each_id(rows)
        span = pc.min_max(rows["m_time"]).as_py()
        if span["min"] is None:
            return rows
        known = table.known_ids(rows["m_id"].combine_chunks(), span["min"], span["max"])
        return rows if len(known) == 0 else rows.filter(pc.invert(pc.is_in(rows["m_id"], value_set=known)))


@dataclass(slots=True)
class _Chunk:
    blob: Blob
    records: Any
    positions: Any
    rejected: list[Rejected]


class _Group:
    """Chunks of one log type that are built together: small files share the cost of one statement."""

    MAX_RECORDS = 50_000
    MAX_SIZE = 40 << 20

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.positions: list[int] = []
        self.origins: list[str] = []
        self.names: dict[str, str] = {}
        self.rejected: list[tuple[Blob, Rejected]] = []
        self.size = 0
        self.ends: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.records or self.rejected)

    @property
    def full(self) -> bool:
        return len(self.records) >= self.MAX_RECORDS or self.size >= self.MAX_SIZE

    def add(self, chunk: _Chunk) -> None:
        self.records.extend(chunk.records)
        self.positions.extend(chunk.positions)
        self.origins.extend([chunk.blob.origin] * len(chunk.records))
        self.names[chunk.blob.origin] = chunk.blob.name
        self.rejected.extend((chunk.blob, each) for each in chunk.rejected)
        self.size += sum(map(len, chunk.records))
        self.ends[chunk.blob.origin] = max([*chunk.positions[-1:], *(each.position for each in chunk.rejected[-1:])])

    def dead(self, log_type: LogType, source: str) -> list[DeadLetter]:
        return [
            DeadLetter.of(each, log_type=log_type.name, origin=blob.origin, source=source, name=blob.name)
            for blob, each in self.rejected
        ]


@dataclass(slots=True)
class _Part:
    log_type: LogType
    parsed: Parsed
    dead: list[DeadLetter]
    ends: Mapping[str, int]
    time: datetime
    size: int
    raw: Sequence[bytes]


class _Step:
    """Parts on their way into one commit."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []

    def add(self, part: _Part) -> None:
        self._parts.append(part)

    @property
    def rows(self) -> int:
        return sum(part.parsed.rows.num_rows for part in self._parts)

    @property
    def size(self) -> int:
        return sum(part.size for part in self._parts)

    @property
    def dead(self) -> list[DeadLetter]:
        return [letter for part in self._parts for letter in part.dead]

    @property
    def drift(self) -> Counter[str]:
        return sum((part.parsed.drift for part in self._parts), Counter[str]())

    @property
    def time(self) -> datetime:
        return self._parts[0].time

    @property
    def raw(self) -> dict[str, list[bytes]]:
        raw: dict[str, list[bytes]] = {}
        for part in self._parts:
            if part.raw:
                raw.setdefault(part.log_type.name, []).extend(part.raw)
        return raw

    def tables(self) -> Iterator[tuple[LogType, pa.Table]]:
        types = {part.log_type.name: part.log_type for part in self._parts}
        for name, log_type in types.items():
            yield log_type, pa.concat_tables([part.parsed.rows for part in self._parts if part.log_type.name == name])


def to_json(record: Mapping[str, Any] | str | bytes) -> bytes:
    """The JSON text of a record as a collector or an embedding program hands it over."""
    if isinstance(record, bytes):
        return record
    if isinstance(record, str):
        return record.encode("utf-8", "surrogatepass")
    try:
        return msgspec.json.encode(record)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRecord(f"not representable as JSON: {error}") from error


def _sum(*parts: Ingested) -> Ingested:
    total = Ingested()
    for part in parts:
        total += part
    return total


def _first_of_each_id(rows: pa.Table) -> pa.Table:
    if pc.count_distinct(rows["m_id"]).as_py() == rows.num_rows:
        return rows
    numbered = rows.select(["m_id"]).append_column("at", pa.array(range(rows.num_rows)))
    first = numbered.group_by("m_id").aggregate([("at", "min")])["at_min"].combine_chunks()
    return rows.take(first.take(pc.sort_indices(first)))


def _unreadable() -> Any:
    raise BadRecord("a batch of records has no bytes to read")
