"""The matches that correlations are about, read from the table ``signals``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from operator import attrgetter

import pyarrow as pa
import pyarrow.compute as pc

from mantissa_core.lake.files import DataFile
from mantissa_core.lake.table import Table

from .correlation import AMOUNTS, Correlation
from .metrics import numbers

COLUMNS = (
    "rule_id",
    "m_id",
    "m_time",
    "source_table",
    "event_ids",
    "entities",
    "fields",
    "suppressed_by",
)
GROUPS = 64
"""Groups that one match may belong to: with several values in a field it belongs to the group of each."""

Group = tuple[str, ...]
"""The values of a correlation's ``group_by``, in its order."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Hit:
    """One signal. ``time`` is in microseconds since 1970; ``entities`` is JSON text.

    ``key`` tells events apart: the event's id, or, for a correlation's result, the signal's own.
    """

    time: int
    key: str
    signal: str
    rule: str
    table: str
    events: tuple[str, ...]
    entities: str
    fields: Mapping[str, Sequence[str]]


ORDER = attrgetter("time", "key", "signal")
"""The one order of matches: by time, equal times by id."""


@dataclass(frozen=True, slots=True)
class Match:
    """A hit as one correlation sees it. ``values`` are those of the measured field (of several, their tuples)."""

    hit: Hit
    rule: str
    values: tuple[str | tuple[str, ...], ...]


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def micros_of(span: timedelta) -> int:
    """A timespan in microseconds."""
    return span // _MICROSECOND


def moment(time: int) -> datetime:
    """The moment that many microseconds after 1970; beyond the calendar, its end."""
    try:
        return _EPOCH + timedelta(microseconds=time)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if time > 0 else datetime.min.replace(tzinfo=UTC)


def read_hits(
    table: Table,
    files: Sequence[DataFile],
    rules: Iterable[str],
    correlations: Iterable[str],
    between: tuple[int, int] | None = None,
) -> Iterator[Hit]:
    """The signals of these rules and correlations in the files, ``between`` two times, both included.

    Those that a filter silenced count for nothing.
    """
    chained = frozenset(correlations)
    wanted = pa.array([*rules, *chained], pa.string())
    for batch in table.read(files, COLUMNS):
        mask = pc.and_(pc.is_in(batch.column("rule_id"), wanted), pc.is_null(batch.column("suppressed_by")))
        if between is not None:
            at = batch.column("m_time").cast(pa.int64())
            mask = pc.and_(mask, pc.and_(pc.greater_equal(at, between[0]), pc.less_equal(at, between[1])))
        kept = batch.filter(mask)
        times = kept.column("m_time").cast(pa.int64()).to_pylist()
        for time, row in zip(times, kept.drop_columns(["m_time"]).to_pylist(), strict=True):
            events = tuple(row["event_ids"] or ())
            key = events[0] if len(events) == 1 and row["rule_id"] not in chained else row["m_id"]
            fields = json.loads(row["fields"] or "{}")
            yield Hit(
                time, key, row["m_id"], row["rule_id"], row["source_table"], events, row["entities"] or "{}", fields
            )


def grouped(correlation: Correlation, hits: Iterable[Hit]) -> dict[Group, list[Match]]:
    """What belongs together, in order. A hit that lacks a value to group by, or to measure, belongs nowhere."""
    references: dict[str, list[str]] = {}
    for reference, rule_id in correlation.ids.items():
        references.setdefault(rule_id, []).append(reference)
    found: dict[Group, list[Match]] = {}
    for hit in sorted(hits, key=ORDER):
        for reference in references.get(hit.rule, ()):
            values = tuple(_values(correlation, reference, hit))
            if correlation.measured and not values:
                continue
            for group in _groups(correlation, reference, hit):
                found.setdefault(group, []).append(Match(hit, reference, values))
    return found


def _groups(correlation: Correlation, reference: str, hit: Hit) -> Iterator[Group]:
    parts = [hit.fields.get(correlation.field_of(name, reference), ()) for name in correlation.group_by]
    yield from islice(product(*(sorted(set(each)) for each in parts)), GROUPS)


def _values(correlation: Correlation, reference: str, hit: Hit) -> Iterator[str | tuple[str, ...]]:
    parts = [hit.fields.get(correlation.field_of(name, reference), ()) for name in correlation.measured]
    if correlation.kind in AMOUNTS:
        yield from (text for text in parts[0] if numbers([text]))
    elif len(parts) == 1:
        yield from parts[0]
    elif parts:
        yield from islice(product(*parts), GROUPS)
