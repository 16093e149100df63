"""Records that were no usable events: those that wait, and another try at them with today's log types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from .errors import LogTypeError
from .model import Put

if TYPE_CHECKING:
    import pyarrow as pa

    from .model import LogType
    from .runtime import Runtime

REPLAYED = "dead-letters"
"""The state partition that remembers which were replayed."""
STEP = 500
"""Dead letters that are tried, and committed, at a time."""
_PUTS = 50


@dataclass(slots=True)
class Replay:
    """What another try brought: events stored, events that had been stored before, records that are still unusable."""

    tried: int = 0
    stored: int = 0
    duplicates: int = 0
    still_dead: int = 0


def waiting(runtime: Runtime, log_type: str | None = None) -> Iterator[dict[str, Any]]:
    """The dead letters that were not replayed yet, newest day first, as rows of the table ``dead_letter``."""
    from .parse.dead_letter import DEAD_LETTER

    if DEAD_LETTER not in runtime.lake.tables():
        return
    table = runtime.lake.table(DEAD_LETTER)
    files = sorted(table.live(), key=lambda file: (file.dt, file.path), reverse=True)
    rows = (row for batch in table.read(files) for row in reversed(batch.to_pylist()))
    wanted = (row for row in rows if log_type in (None, row["log_type"]))
    while page := list(islice(wanted, STEP)):
        done = runtime.state.get_many(REPLAYED, [row["m_id"] for row in page])
        yield from (row for row in page if row["m_id"] not in done)


def replay(runtime: Runtime, log_type: str | None = None) -> Replay:
    """Parse the waiting dead letters again and store those that are events now. May be repeated.

    An event gets the id that it would have had, so that nothing is stored twice. Records that were cut because
    of their size stay dead: their rest is at the source only.

    Raises:
        LakeError: the lake cannot be read or written; what was stored before stays.
    """
    total = Replay()
    order = sorted(waiting(runtime, log_type), key=_origin)
    for (name, origin, source), rows in groupby(order, key=_origin):
        while page := list(islice(rows, STEP)):
            _replay_page(runtime, name, origin, source, page, total)
    return total


def _origin(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["log_type"], row["origin"], row["m_source"]


def _replay_page(
    runtime: Runtime, name: str, origin: str, source: str, page: list[dict[str, Any]], total: Replay
) -> None:
    whole = {row["position"]: row for row in page if not row["truncated"]}
    total.tried += len(page)
    try:
        log_type = runtime.log_types.get(name)
    except LogTypeError:
        total.still_dead += len(page)  # its plugin was uninstalled
        return
    rows, dead = _parsed(runtime, log_type, origin, source, whole)
    stored = _store(runtime, log_type, rows)
    total.stored += stored
    total.duplicates += rows.num_rows - stored
    total.still_dead += len(page) - rows.num_rows
    _remember(runtime, [row["m_id"] for position, row in whole.items() if position not in dead])


def _parsed(
    runtime: Runtime, log_type: LogType, origin: str, source: str, letters: Mapping[int, dict[str, Any]]
) -> tuple[pa.Table, set[int]]:
    from .parse.dead_letter import raw_of
    from .parse.rows import RowBuilder

    with RowBuilder(log_type) as builder:
        parsed = builder.build(
            [raw_of(row) for row in letters.values()],
            list(letters),
            origin=origin,
            source=source,
            ingest_time=datetime.now(UTC),
            retention_days=runtime.settings.lake.retention_days,
        )
    return parsed.rows, {letter.position for letter in parsed.dead}


def _store(runtime: Runtime, log_type: LogType, rows: pa.Table) -> int:
    """Commit the rows that are not in the lake yet; return how many."""
    import pyarrow.compute as pc

    from .lake.spec import table_spec
    from .lake.stream_log import StreamLog

    if not rows.num_rows:
        return 0
    spec = table_spec(log_type)
    table = runtime.lake.ensure(spec)
    span = pc.min_max(rows["m_time"]).as_py()
    known = table.known_ids(rows["m_id"].combine_chunks(), span["min"], span["max"])
    fresh = rows.filter(pc.invert(pc.is_in(rows["m_id"], value_set=known)))
    if fresh.num_rows:
        log = StreamLog(runtime.lake, runtime.state, f"replay/{log_type.name}")
        log.recover()
        log.commit({spec: fresh}, {})
    return int(fresh.num_rows)


def _remember(runtime: Runtime, ids: list[str]) -> None:
    now = datetime.now(UTC)
    kept = now + timedelta(days=runtime.settings.lake.retention_days)
    puts = [Put(each, {"replayed": now.isoformat()}, kept) for each in ids]
    for start in range(0, len(puts), _PUTS):
        runtime.state.commit(REPLAYED, puts[start : start + _PUTS])
