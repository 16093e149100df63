"""A lake with one log type, scheduled rules over it, and a clock that tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mantissa_core.detect.follow.failing import FailingRules
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.rules.rule_set import RuleSet
from mantissa_core.detect.schedule.book import ScheduleBook
from mantissa_core.detect.schedule.runs import Runs
from mantissa_core.detect.schedule.scheduler import Scheduler
from mantissa_core.detect.signals import SIGNALS, signals_from_rows
from mantissa_core.detect.sql_rules import SqlRule
from mantissa_core.detect.sql_rules.parse import parse_sql_rule
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.named import tables_named
from mantissa_core.lake.spec import table_spec
from mantissa_core.model import LogType, Query, QueryResult, Signal
from mantissa_core.parse.json_text import dumps
from mantissa_core.parse.log_types import LogTypes
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.query.duckdb import DuckDB
from mantissa_core.state.documents import State
from mantissa_core.state.sqlite import SQLite

SQL_ID = "33333333-3333-4333-8333-333333333333"
QUERY = """
SELECT m_id, m_user, name FROM acme_audit
WHERE m_time >= $window_start AND m_time < $window_end AND name = 'bad'
"""


class Clock:
    """What the time is said to be."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 0, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


class Bench:
    """Everything that a scheduler needs; ``scheduler`` makes one, as another process would."""

    def __init__(self, folder: Path, log_type: LogType, backend: DuckDB) -> None:
        self.lake = Lake.open(folder / "lake")
        self.state = State(SQLite(SQLite.Config(path=folder / "state.sqlite")))
        self.clock, self.runs = Clock(), Runs(self.state)
        self.log_types = LogTypes([log_type])
        self._log_type, self._backend = log_type, backend

    def ingest(self, *events: Mapping[str, Any]) -> list[str]:
        """Commit events, each with a time of day on 21 November 2026 in ``at``; returns their ids."""
        table = self.lake.ensure(table_spec(self._log_type))
        version = table.version() + 1
        records = [{**each, "when": f"2026-11-{each['at']}Z"} for each in events]
        with RowBuilder(self._log_type) as builder:
            rows = builder.build(
                [dumps(each).encode() for each in records],
                range(len(records)),
                origin=f"file {version}",
                source="acme-test",
                ingest_time=self.clock(),
                retention_days=36_500,
            ).rows
        table.commit(table.stage(rows), {"test": version})
        found: list[str] = rows["m_id"].to_pylist()
        return found

    def ask(self, sql: str, parameters: Mapping[str, Any]) -> QueryResult:
        names, tables = tables_named(sql, self.lake, self.log_types, [*map(table_spec, self.log_types), SIGNALS])
        return self._backend.run_query(Query(sql, tables, parameters, 10_000, known=names))

    def book(self, *rules: Rule | SqlRule) -> ScheduleBook:
        sigma = [each for each in rules if isinstance(each, Rule)]
        queries = [each for each in rules if isinstance(each, SqlRule)]
        return ScheduleBook(self.state, RuleSet(sigma, queries=queries), self.clock)

    def scheduler(self, *rules: Rule | SqlRule) -> Scheduler:
        failing = FailingRules(self.state, self.clock)
        return Scheduler(self.lake, self.log_types, self.book(*rules), self.runs, failing, self.ask, self.clock)

    def stored(self) -> list[Signal]:
        table = self.lake.ensure(SIGNALS)
        return [signal for batch in table.read(table.live()) for signal in signals_from_rows(batch)]


@pytest.fixture(scope="package")
def backend() -> Iterator[DuckDB]:
    backend = DuckDB(DuckDB.Config(memory_limit="512MB", threads=1, workers=2))
    yield backend
    backend.close()


@pytest.fixture
def bench(tmp_path: Path, log_type: LogType, backend: DuckDB) -> Bench:
    return Bench(tmp_path, log_type, backend)


@pytest.fixture
def sql_rule() -> Callable[..., SqlRule]:
    def make(**more: Any) -> SqlRule:
        document = {
            "title": "Bad things",
            "id": SQL_ID,
            "query": QUERY,
            "level": "high",
            "threshold": {"type": "count", "value": 1},
            "schedule_expression": "rate(5 minutes)",
            **more,
        }
        return parse_sql_rule({name: value for name, value in document.items() if value is not None})

    return make
