"""The table ``signals``: every match of every rule, one row each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from mantissa_core.lake.files import DataFile
from mantissa_core.lake.spec import TableSpec
from mantissa_core.lake.table import Table
from mantissa_core.lake.types import PARTITION, ROW_KEYS, STRINGS
from mantissa_core.model import Severity, Signal

SIGNALS = TableSpec(
    "signals",
    pa.schema(
        [
            pa.field("rule_id", pa.string()),
            pa.field("rule_name", pa.string()),
            pa.field("severity", pa.string()),
            pa.field("summary", pa.string()),
            pa.field("source_table", pa.string()),
            pa.field("event_ids", STRINGS),
            pa.field("tags", STRINGS),
            pa.field("group_values", pa.string()),
            pa.field("entities", pa.string()),
            pa.field("evidence", pa.string()),
            pa.field("suppressed_by", pa.string()),
            pa.field("fields", pa.string()),
            pa.field("silent", pa.bool_()),
            pa.field("disposition", pa.string()),
            *ROW_KEYS,
        ]
    ),
    cluster=("rule_id",),
    native_ids=True,
)
"""``m_id`` is the signal's id, ``m_time`` its event's time, ``m_ingest_time`` when the rule was evaluated.
``group_values``, ``entities``, ``evidence`` and ``fields`` (lists of values, for correlations) are JSON objects; a
``silent`` signal opens no alert. ``disposition`` is ``shadow``, ``suppressed`` (by the filter ``suppressed_by``) or
null; lakes may be older than this column."""

CHUNK = 20_000
"""Signals that are written to a file at a time; bounds the memory of a rule that matches everything."""

_SCHEMA = SIGNALS.schema.append(pa.field(PARTITION, pa.string()))


def signal_id(rule_id: str, event_id: str) -> str:
    """The id of one rule's match on one event: evaluating again gives the same."""
    return hashlib.sha256(f"{rule_id}\0{event_id}".encode()).hexdigest()[:32]


def rows_from_signals(signals: Sequence[Signal], evaluated: datetime) -> pa.Table:
    """Rows as the lake takes them, ``dt`` being the event's date."""
    return pa.Table.from_pylist([_row(signal, evaluated) for signal in signals], schema=_SCHEMA)


def signals_from_rows(rows: pa.RecordBatch | pa.Table) -> list[Signal]:
    """The signals that these rows were made of."""
    return [signal_from_row(row) for row in rows.to_pylist()]


def signal_from_row(row: dict[str, Any]) -> Signal:
    """The signal of one row, as pyarrow's ``to_pylist`` gives it."""
    return Signal(
        id=row["m_id"],
        rule_id=row["rule_id"],
        rule_name=row["rule_name"],
        severity=Severity(row["severity"]),
        summary=row["summary"],
        time=row["m_time"],
        table=row["source_table"],
        event_ids=tuple(row["event_ids"] or ()),
        tags=tuple(row["tags"] or ()),
        group=json.loads(row["group_values"]),
        entities=json.loads(row["entities"]),
        evidence=json.loads(row["evidence"]),
        suppressed_by=row["suppressed_by"],
        fields={name: tuple(values) for name, values in json.loads(row["fields"] or "{}").items()},
        silent=bool(row["silent"]),
        disposition=row.get("disposition"),
    )


def commit_signals(table: Table, signals: Iterable[Signal], transaction: str, version: int) -> Iterator[Signal]:
    """Store signals under ``(transaction, version)`` and yield them once they are; none where they were stored before.

    Raises:
        LakeError: they cannot be written or committed.
        Fenced: another process committed others under the transaction.
    """
    evaluated = datetime.now(UTC)
    staged: list[DataFile] = []
    for chunk in in_chunks(iter(signals), CHUNK):
        staged += table.stage(rows_from_signals(chunk, evaluated))
    if staged and table.commit(staged, {transaction: version}) is not None:
        for batch in table.read(staged):
            yield from signals_from_rows(batch)


def unstored(table: Table, signals: Iterable[Signal]) -> Iterator[Signal]:
    """Those signals that the table does not hold yet, each once."""
    known: set[str] = set()
    for chunk in in_chunks(iter(signals), CHUNK):
        fresh = {each.id: each for each in chunk if each.id not in known}
        known |= fresh.keys()
        times = [each.time for each in chunk]
        stored = set(table.known_ids(pa.array(fresh, pa.string()), min(times), max(times)).to_pylist())
        yield from (each for each in fresh.values() if each.id not in stored)


def in_chunks(signals: Iterator[Signal], size: int) -> Iterator[list[Signal]]:
    """Lists of at most ``size`` signals."""
    chunk: list[Signal] = []
    for signal in signals:
        chunk.append(signal)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _row(signal: Signal, evaluated: datetime) -> dict[str, Any]:
    return {
        "rule_id": signal.rule_id,
        "rule_name": signal.rule_name,
        "severity": str(signal.severity),
        "summary": signal.summary,
        "source_table": signal.table,
        "event_ids": list(signal.event_ids),
        "tags": list(signal.tags),
        "group_values": _json(signal.group),
        "entities": _json(signal.entities),
        "evidence": _json(signal.evidence),
        "suppressed_by": signal.suppressed_by,
        "fields": _json({name: list(values) for name, values in signal.fields.items()}) if signal.fields else None,
        "silent": signal.silent,
        "disposition": signal.disposition,
        "m_id": signal.id,
        "m_time": signal.time,
        "m_ingest_time": evaluated,
        PARTITION: signal.time.astimezone(UTC).date().isoformat(),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
