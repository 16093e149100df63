"""The query backend ``core.duckdb``: SQL over the lake's Parquet files, in a process of its own."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from pydantic import Field

from mantissa_core.errors import QueryError
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.query import CostEstimate, Query, QueryResult, TableSnapshot

from .frames import table_from_bytes
from .limits import Limits
from .process import WorkerProcess

MAX_ROWS = 10_000
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30}
_SIZE = r"^\d+(\.\d+)? ?([KMGT]B|[KMG]iB)$"


class DuckDB:
    """Runs queries in warm worker processes, one query per process at a time.

    A worker is read-only, sees only the files of the tables in use, and is killed when a query exceeds its time,
    its memory or is cancelled; the next query starts a new one.
    """

    class Config(PluginConfig):
        """How much a query may use."""

        memory_limit: Annotated[str, Field(pattern=_SIZE)] = "1GB"
        """Memory for one query, such as ``512MB`` or ``4GiB``."""
        threads: Annotated[int, Field(ge=1, le=256)] | None = None
        """Threads for one query; by default one per core."""
        workers: Annotated[int, Field(ge=1, le=64)] = 2
        """Queries that may run at once; each has its own process, memory and threads."""
        temp_directory: Path | None = None
        """Where large sorts and joins may spill; without it they fail at the memory limit."""
        temp_size: Annotated[str, Field(pattern=_SIZE)] = "10GB"
        """How much may be spilled."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._slots = threading.BoundedSemaphore(config.workers)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._running: dict[str, WorkerProcess] = {}

    @hookimpl
    def check(self) -> None:
        """Run a query over nothing."""
        self.run_query(Query("SELECT 1 AS one", ()))

    @hookimpl
    def run_query(self, query: Query) -> QueryResult:
        """Run one SELECT (or EXPLAIN of one)."""
        started = time.perf_counter()
        name = query.execution_id or uuid4().hex
        answer, body = self._ask("run", query, name)
        elapsed = (time.perf_counter() - started) * 1000
        rows = table_from_bytes(body)
        return QueryResult(name, "succeeded", rows, answer["scanned"], round(elapsed, 3), answer["truncated"])

    @hookimpl
    def estimate_query(self, query: Query) -> CostEstimate:
        """Add up the columns in use, in the files and row groups that pruning leaves. Costs nothing here."""
        answer, _ = self._ask("estimate", query, query.execution_id or uuid4().hex)
        files = answer["files"]
        return CostEstimate(answer["bytes"], 0.0, f"{files} file" if files == 1 else f"{files} files")

    @hookimpl
    def cancel_query(self, execution_id: str) -> bool:
        """Kill the worker that runs the query."""
        with self._lock:
            worker = self._running.get(execution_id)
            if worker:
                worker.kill("the query was cancelled")
        return worker is not None

    def close(self) -> None:
        """End the idle workers; one that is at work ends with its query."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _ask(self, operation: str, query: Query, name: str) -> tuple[dict[str, Any], bytes]:
        request = {
            "op": operation,
            "sql": query.sql,
            "max_rows": min(max(query.max_rows, 0), MAX_ROWS),
            "tables": {each.name: _digest(each) for each in query.tables},
            "known": list(query.known),
        }
        tables = _Definitions(query.tables)
        deadline = time.monotonic() + query.timeout
        with self._worker(name, query.timeout) as worker:
            left = max(deadline - time.monotonic(), 0.001)
            return worker.exchange(request, query.parameters, tables, left)

    @contextmanager
    def _worker(self, name: str, patience: float) -> Iterator[WorkerProcess]:
        """A worker of one's own, named so that it can be cancelled."""
        if not self._slots.acquire(timeout=max(patience, 0)):
            raise QueryError(f"all {self.config.workers} query processes were busy for {patience:g} s: try again later")
        try:
            worker = self._take()
            with self._lock:
                self._running[name] = worker
            try:
                yield worker
            finally:
                with self._lock:
                    del self._running[name]
                self._give_back(worker)
        finally:
            self._slots.release()

    def _take(self) -> WorkerProcess:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker and worker.alive:
            return worker
        if worker:
            worker.close()
        return WorkerProcess(self._limits(), _bytes(self.config.memory_limit))

    def _give_back(self, worker: WorkerProcess) -> None:
        if worker.alive:
            with self._lock:
                self._idle.append(worker)
        else:
            worker.close()

    def _limits(self) -> Limits:
        folder = str(self.config.temp_directory) if self.config.temp_directory else None
        return Limits(self.config.memory_limit, self.config.threads, folder, self.config.temp_size if folder else "0MB")


class _Definitions(Mapping[str, Mapping[str, Any]]):
    """The tables of a query as the worker wants them, made when it asks."""

    def __init__(self, tables: Sequence[TableSnapshot]) -> None:
        self._tables = {each.name: each for each in tables}

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        table = self._tables[name]
        return {
            "name": name,
            "columns": dict(table.columns),
            "files": [_path(name, each) for each in table.files],
            "partitions": list(table.partitions),
            "sql": table.sql,
        }

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


def _path(table: str, file: str) -> str:
    parts = urlsplit(file)
    if parts.scheme == "file":
        return unquote(parts.path)
    if "://" in file:
        raise QueryError(f"the files of {table} are on {parts.scheme}://: this backend reads local files only")
    return file


def _digest(table: TableSnapshot) -> str:
    """What the worker knows this version of the table by."""
    parts = (*table.files, "", *table.partitions, "", *map(" ".join, table.columns.items()), table.sql or "")
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _bytes(size: str) -> int:
    digits = size.rstrip("KMGTiB ")
    return int(float(digits) * _UNITS[size[len(digits) :].strip().upper()])
