"""The query backend ``acme.gadget``: DuckDB with a memory for answers."""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict
from dataclasses import replace
from datetime import date
from typing import Annotated, NamedTuple

from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import CostEstimate, Query, QueryResult
from mantissa_core.query.duckdb import DuckDB
from pydantic import Field

_PLAIN = (str, int, float, bool, bytes, date, type(None))


class Kept(NamedTuple):
    """An answer, and the moment (of the monotonic clock) from which on it is forgotten."""

    result: QueryResult
    until: float


class Gadget:
    """Answers a query that was answered a moment ago from memory.

    The same are two queries with the same text, parameters and limit over the same snapshots: a file
    of the lake never changes, so nothing that was committed since is missed. Only ``now()`` and
    ``random()`` may be up to ``keep_seconds`` old. An answer from memory has read 0 bytes.
    """

    class Config(PluginConfig):
        """How long answers are kept, how many, and what DuckDB may use."""

        keep_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60.0
        """Seconds for which an answer is kept."""
        keep_mb: Annotated[int, Field(ge=0, le=65_536)] = 64
        """Megabytes of answers that are kept; the least recently used go first."""
        duckdb: DuckDB.Config = Field(default_factory=DuckDB.Config)
        """Settings of ``core.duckdb``."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._engine = DuckDB(config.duckdb)
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    @hookimpl
    def check(self) -> None:
        """Run a query over nothing."""
        self._engine.check()

    @hookimpl
    def run_query(self, query: Query) -> QueryResult:
        """Run one SELECT, or answer it from memory.

        Raises:
            QueryError: as ``core.duckdb``; a failure is not kept.
        """
        started, key = time.perf_counter(), _key(query)
        if key and (found := self._recall(key)):
            name = query.execution_id or uuid.uuid4().hex
            elapsed = (time.perf_counter() - started) * 1000
            return replace(found, execution_id=name, data_scanned_bytes=0, execution_time_ms=elapsed)
        result = self._engine.run_query(query)
        if key:
            self._keep(key, result)
        return result

    @hookimpl
    def estimate_query(self, query: Query) -> CostEstimate:
        """Say what DuckDB would read, were nothing kept."""
        return self._engine.estimate_query(query)

    @hookimpl
    def cancel_query(self, execution_id: str) -> bool:
        """Stop the query where DuckDB runs it."""
        return self._engine.cancel_query(execution_id)

    def close(self) -> None:
        """End DuckDB's processes."""
        self._engine.close()

    def _recall(self, key: str) -> QueryResult | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.until <= time.monotonic():
                return None
            self._kept.move_to_end(key)
            return kept.result

    def _keep(self, key: str, result: QueryResult) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = Kept(result, time.monotonic() + self.config.keep_seconds)
            size = sum(each.result.rows.nbytes for each in self._kept.values())
            while size > self.config.keep_mb * 10**6:
                _, dropped = self._kept.popitem(last=False)
                size -= dropped.result.rows.nbytes


def _key(query: Query) -> str | None:
    """What identical queries share; ``None`` where a parameter's text does not tell all of its value."""
    if not all(isinstance(each, _PLAIN) for each in query.parameters.values()):
        return None
    return repr(replace(query, timeout=0, execution_id=""))
