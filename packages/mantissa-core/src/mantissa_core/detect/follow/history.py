"""Stored events, read again: what rules are tried on before they run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.detect.correlate.replay import match_hit, replayed
from mantissa_core.detect.match.evidence import SignalMaker
from mantissa_core.detect.match.field import Batch
from mantissa_core.detect.match.matcher import Matcher
from mantissa_core.detect.match.route import routed
from mantissa_core.detect.match.suppress import Suppressor
from mantissa_core.detect.rules.filters import Filter
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.errors import RuleError
from mantissa_core.hookspecs import Parser
from mantissa_core.lake.files import DataFile
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.table import Table
from mantissa_core.model import Blob, LogType, Signal
from mantissa_core.parse.compression import open_blob
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rebuild import rebuild
from mantissa_core.parse.rows import RowBuilder

TIME = "m_time"

FOR_EVER = 36_500
"""Days: an event of a file may be of any age."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` up to but not including ``end``, in event time (UTC); ``None`` is open."""

    start: datetime | None = None
    end: datetime | None = None


def batches(
    lake: Lake,
    log_type: LogType,
    columns: Sequence[str] | None,
    span: Span,
    files: Sequence[DataFile] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the stored rows of a log type within the span, file by file; files outside of it are not opened.

    ``columns`` that the table does not have yet are left out, ``m_time`` is always there; ``None`` is all.
    ``files`` are those that :func:`span_files` gave at another moment.
    """
    if log_type.table not in lake.tables():
        return
    table = lake.table(log_type.table)
    names = table.schema().names
    wanted = names if columns is None else [each for each in dict.fromkeys((*columns, TIME)) if each in names]
    for rows in table.read(span_files(table, span) if files is None else files, wanted):
        if len(within := _within(rows, span)):
            yield within


def stored_event(lake: Lake, log_type: LogType, event_id: str) -> dict[str, Any] | None:
    """The event of that ``m_id``, as the vendor sent it (members that were null aside)."""
    if log_type.table not in lake.tables():
        return None
    table = lake.table(log_type.table)
    for file in table.live():
        if any(pc.index(rows.column(0), event_id).as_py() >= 0 for rows in table.read([file], ["m_id"])):
            for rows in table.read([file]):
                found = rows.filter(pc.equal(rows.column("m_id"), event_id))
                if len(found):
                    return rebuild(found.to_pylist()[0], log_type)
    return None


def file_batches(file: Path, log_type: LogType, decoder: Parser) -> Iterator[pa.RecordBatch]:
    """Yield the events of a log file as rows, without storing them; records that are no events are left out."""
    with RowBuilder(log_type) as builder:
        for step in decoder.decode(open_blob(Blob(str(file), str(file), lambda: file.open("rb")))):
            parsed = builder.build(
                step.records,
                step.positions,
                origin=str(file),
                source="file",
                ingest_time=datetime.now(UTC),
                retention_days=FOR_EVER,
            )
            yield from parsed.rows.combine_chunks().to_batches()


def event_batches(events: Sequence[Any], log_type: LogType) -> Iterator[pa.RecordBatch]:
    """Yield events (as the vendor sends them) as rows; those that are none of the log type are left out."""
    records = [dumps(each).encode() for each in events]
    with RowBuilder(log_type) as builder:
        parsed = builder.build(
            records,
            range(len(records)),
            origin="events",
            source="file",
            ingest_time=datetime.now(UTC),
            retention_days=FOR_EVER,
        )
    yield from parsed.rows.combine_chunks().to_batches()


Failed: TypeAlias = Callable[[Rule | Filter, Exception], None]
"""What is told of a rule or a filter that fails on some events."""


def refuse(rule: Rule | Filter, error: Exception) -> None:
    """Let a rule that fails end a replay."""
    raise RuleError(f"{rule.source}: {error}") from error


def replay(
    rules: Sequence[Rule],
    lake: Lake,
    log_types: LogTypes,
    span: Span,
    *,
    files: Mapping[str, Sequence[DataFile]] | None = None,
    failed: Failed = refuse,
) -> Iterator[Signal]:
    """Evaluate the rules on the stored events of the span. Yields what they would have found; nothing is stored.

    ``files`` are those to be read, by table (see :func:`span_files`); all by default. ``failed`` is told of a rule
    that fails on some events; it goes on behind them.

    Raises:
        RuleError: a rule or a filter fails, and nobody is told.
    """
    for name, some in routed(rules, log_types).items():
        if (log_type := log_types.by_table(name)) is not None:
            readers = (Matcher(some, log_type), SignalMaker(some, log_type), Suppressor(some, log_type))
            names = [column for each in readers for column in each.columns]
            chosen = None if files is None else files.get(name, ())
            yield from signals_of(some, log_type, batches(lake, log_type, names, span, chosen), failed)


def replay_all(rules: RuleSet, lake: Lake, log_types: LogTypes, span: Span) -> Iterator[Signal]:
    """What :func:`replay` finds, then what the correlations make of it. They know nothing from before the span.

    The matches of the rules that correlations refer to are held in memory.

    Raises:
        RuleError: a rule or a filter fails on some event.
    """
    referred = {rule_id for each in rules.correlations for rule_id in each.ids.values()}
    hits = []
    for signal in replay(rules.rules, lake, log_types, span):
        if signal.rule_id in referred and signal.suppressed_by is None:
            hits.append(match_hit(signal))
        yield signal
    yield from (result for _, result in replayed(rules.correlations, hits))


def signals_of(
    rules: Sequence[Rule], log_type: LogType, found: Iterable[pa.RecordBatch], failed: Failed = refuse
) -> Iterator[Signal]:
    """Evaluate the rules of one log type on its rows.

    Raises:
        RuleError: a rule or a filter fails, and nobody is told.
    """
    matcher, maker, suppressor = Matcher(rules, log_type), SignalMaker(rules, log_type), Suppressor(rules, log_type)
    for rows in found:
        batch = Batch(rows)
        fields = maker.fields(batch)
        for hits in matcher.match(rows):
            if hits.error is not None:
                failed(hits.rule, hits.error)
            else:
                yield from suppressor.marked(maker.signals(hits, batch, fields), hits, rows, failed)


def span_files(table: Table, span: Span) -> list[DataFile]:
    """The files that may hold events of the span, oldest day first.

    An event's ``dt`` is its day, or that of its ingestion where it claims to be older than what is kept.
    """
    first = span.start.astimezone(UTC).date().isoformat() if span.start else ""
    return sorted((each for each in table.live(span.start, span.end) if each.dt >= first), key=lambda each: each.dt)


def _within(rows: pa.RecordBatch, span: Span) -> pa.RecordBatch:
    times = rows.column(rows.schema.get_field_index(TIME))
    if span.start is not None:
        rows = rows.filter(pc.greater_equal(times, pa.scalar(span.start, times.type)))
        times = rows.column(rows.schema.get_field_index(TIME))
    if span.end is not None:
        rows = rows.filter(pc.less(times, pa.scalar(span.end, times.type)))
    return rows
