"""Fields that a log type does not declare, or whose values are of another type than declared: in ``m_extra``.

Nothing is lost by drift. It is counted by field, so that people can decide which columns to add, and said once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mantissa_core.log import get_logger
from mantissa_core.model import Document, LogType, Put
from mantissa_core.model.log_type import Path
from mantissa_core.state import State
from mantissa_core.state.limits import MAX_DOCUMENTS

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

PARTITION = "drift"
MOST_FIELDS = 300
"""Fields that are remembered of one source and log type; keys that are data would go on for ever."""
MOST_SHAPES = 1_000
"""Different shapes of one commit's events that are looked at, the most frequent ones first."""
FLUSH = timedelta(seconds=60)
"""How often counts are written; a new field is written at once."""

Kind = Literal["unknown", "type"]

_TYPES: Mapping[str, str] = {
    "VARCHAR": "string",
    "BOOLEAN": "bool",
    "BIGINT": "int64",
    "UBIGINT": "int64",
    "HUGEINT": "double",
    "DOUBLE": "double",
}
_KEY = re.compile(r"[A-Za-z_@$][A-Za-z0-9_@$.:-]{0,63}")
_DATA = re.compile(r"\d{5}|[0-9a-f]{8}-[0-9a-f]{4}", re.IGNORECASE)


class Drift(msgspec.Struct):
    """One field: whether it is not declared or of another ``type`` than declared, and in how many events it was.

    ``path`` is dotted, as in a log type; ``*`` stands for keys that are data. ``type`` is that of a column that would
    hold what was seen.
    """

    source: str
    log_type: str
    path: str
    kind: Kind
    type: str
    events: int
    first: datetime
    last: datetime


class DriftLog:
    """Counts the drift of one source's commits. Not thread-safe."""

    def __init__(self, state: State, source: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._state, self._source, self._clock = state, source, clock
        self._known: dict[str, set[str]] = {}
        self._counts: dict[tuple[str, str], _Seen] = {}
        self._written = clock()
        self._database: duckdb.DuckDBPyConnection | None = None

    def note(self, log_type: LogType, rows: pa.Table) -> None:
        """Count the fields in ``m_extra`` of committed rows; log those that were never seen before."""
        extra = rows.select(["m_extra"])
        if extra["m_extra"].null_count == len(extra):
            return
        known = self._load(log_type.name)
        news = False
        for shape, events in self._shapes(extra):
            for seen in fields_of(shape, log_type):
                if seen.path not in known:
                    if len(known) >= MOST_FIELDS:
                        continue
                    known.add(seen.path)
                    self._say(log_type, seen)
                    news = True
                counted = self._counts.setdefault((log_type.name, seen.path), seen)
                counted.events += events
                counted.type = wider(counted.type, seen.type)
        if news or self._clock() - self._written >= FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write what was counted."""
        counts, self._counts, self._written = list(self._counts.items()), {}, self._clock()
        for start in range(0, len(counts), MAX_DOCUMENTS):
            part = {f"{self._source}/{log_type}/{seen.path}": (log_type, seen)
                    for (log_type, _), seen in counts[start : start + MAX_DOCUMENTS]}  # fmt: skip
            before = self._state.get_many(PARTITION, list(part))
            # Without versions: two writers of one source may lose each other a count, which are figures for people.
            self._state.commit(PARTITION, [Put(key, self._added(before.get(key), *each)) for key, each in part.items()])

    def close(self) -> None:
        """Write what was counted, and release the database."""
        self.flush()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _load(self, log_type: str) -> set[str]:
        if log_type not in self._known:
            self._known[log_type] = {each.path for each in drift_of(self._state, self._source, log_type)}
        return self._known[log_type]

    def _say(self, log_type: LogType, seen: _Seen) -> None:
        log = get_logger("drift")
        say = log.warning if seen.kind == "type" else log.info
        told = {"source": self._source, "log_type": log_type.name, "field": seen.path}
        say("field not as declared", kind=seen.kind, type=seen.type, **told)

    def _added(self, old: Document | None, log_type: str, seen: _Seen) -> Mapping[str, Any]:
        now = self._clock()
        before = msgspec.convert(dict(old.value), Drift) if old else None
        drift = Drift(
            self._source,
            log_type,
            seen.path,
            seen.kind,
            wider(before.type if before else None, seen.type),
            seen.events + (before.events if before else 0),
            before.first if before else now,
            now,
        )
        dumped: dict[str, Any] = msgspec.to_builtins(drift)
        return dumped

    def _shapes(self, extra: pa.Table) -> list[tuple[Any, int]]:
        """The different structures of the JSON texts, each with its number of events."""
        import duckdb

        if self._database is None:
            self._database = duckdb.connect(config={"threads": 1})
        found = self._database.from_arrow(extra).query(
            "extra",
            "SELECT json_structure(m_extra) AS shape, count(*) AS events FROM extra WHERE m_extra IS NOT NULL "
            f"GROUP BY shape ORDER BY events DESC LIMIT {MOST_SHAPES}",
        )
        if found is None:
            return []
        return [(msgspec.json.decode(shape), events) for shape, events in found.fetchall()]


@dataclass
class _Seen:
    path: str
    kind: Kind
    type: str
    events: int = 0


def drift_of(state: State, source: str | None = None, log_type: str | None = None) -> Iterator[Drift]:
    """What drifted, of one source and log type or of all."""
    prefix = "" if source is None else f"{source}/" if log_type is None else f"{source}/{log_type}/"
    for document in state.scan(PARTITION, prefix):
        drift = msgspec.convert(dict(document.value), Drift)
        if source in (None, drift.source) and log_type in (None, drift.log_type):
            yield drift


def fields_of(shape: Any, log_type: LogType) -> Iterator[_Seen]:
    """The fields of one ``m_extra``, from its structure as DuckDB gives it.

    A subtree that stands where something else is declared is one field; so is an array, and an object whose keys are
    data.
    """
    seen: dict[str, _Seen] = {}
    for path, found in _leaves(shape, (), _declared(log_type)):
        text = ".".join(key.replace(".", "\\.") for key in path)
        kind: Kind = "type" if path in log_type.by_path or _is_above(path, log_type) else "unknown"
        if text in seen:
            seen[text].type = wider(seen[text].type, found)
        else:
            seen[text] = _Seen(text, kind, found)
    yield from seen.values()


def wider(one: str | None, other: str) -> str:
    """The column type that holds values of both."""
    if one is None or one == other:
        return other
    return "double" if {one, other} == {"int64", "double"} else "json" if "json" in (one, other) else "string"


def _declared(log_type: LogType) -> frozenset[Path]:
    return frozenset(log_type.by_path)


def _is_above(path: Path, log_type: LogType) -> bool:
    return any(declared[: len(path)] == path for declared in log_type.by_path)


def _leaves(shape: Any, path: Path, declared: frozenset[Path]) -> Iterator[tuple[Path, str]]:
    if not isinstance(shape, dict) or path in declared or (path and not shape):
        if path and shape != "NULL":
            yield path, _column_type(shape)
        return
    data = [key for key in shape if not _KEY.fullmatch(key) or _DATA.search(key)]
    if data:
        yield (*path, "*"), "json"
    for key, below in shape.items():
        if not (path and data) and key not in data:  # at the top one strange key says nothing about the others
            yield from _leaves(below, (*path, key), declared)


def _column_type(shape: Any) -> str:
    if isinstance(shape, list):
        return "list<string>" if shape == ["VARCHAR"] else "json"
    return "json" if isinstance(shape, dict) else _TYPES.get(shape, "json")
