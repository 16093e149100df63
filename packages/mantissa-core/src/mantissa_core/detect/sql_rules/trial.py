"""SQL rules with the events that they must and must not fire on, in ``<rule>.tests.yml`` beside the rule.

.. code-block:: yaml

    tests:
      - name: six failures of one user
        match: true
        at: 2026-11-20T09:05:00Z
        events: {okta.system: [{eventType: user.session.start}]}
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from mantissa_core.detect.signals import SIGNALS
from mantissa_core.detect.testing.entries import read_entries
from mantissa_core.errors import MantissaError, RuleError
from mantissa_core.lake.lake import Lake
from mantissa_core.lake.named import tables_named
from mantissa_core.lake.spec import table_spec
from mantissa_core.model import LogType, Query
from mantissa_core.parse.rows import RowBuilder
from mantissa_core.query.duckdb import DuckDB

from .results import query_signals
from .rule import END, MOST_ROWS, START, SqlRule

DAY = timedelta(days=1)
FOR_EVER = 36_500
"""Days: a test's event may be of any age."""


@dataclass(frozen=True, slots=True)
class SqlTest:
    """Events by log type, and whether the rule must fire on them when it runs at ``at``.

    Without ``at`` the run is just behind the newest event.
    """

    name: str
    match: bool
    events: Mapping[str, Sequence[Mapping[str, Any]]]
    at: datetime | None


@dataclass(frozen=True, slots=True)
class SqlVerdict:
    """What came of one test: ``rows`` the query returned. ``problem`` says why there is no answer."""

    rule: SqlRule
    test: str
    expected: bool
    got: bool | None
    rows: int = 0
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the rule did what the test expects."""
        return self.got is self.expected


def sql_tests_of(rule: SqlRule) -> list[SqlTest]:
    """The tests that stand beside the rule's file; none where there is no such file.

    Raises:
        RuleError: the file is broken; names it and the test.
    """
    return read_entries(rule, "events", _test)


def run_sql_tests(rules: Iterable[SqlRule], log_types: Iterable[LogType]) -> Iterator[SqlVerdict]:
    """Run the rules' own tests: each over a lake of its own, with the engine that runs queries.

    Raises:
        RuleError: a test file is broken.
    """
    cases = [(rule, test) for rule in rules for test in sql_tests_of(rule)]
    if not cases:
        return
    known = {each.name: each for each in log_types}
    backend = DuckDB(DuckDB.Config(memory_limit="512MB", threads=1))
    try:
        for rule, test in cases:
            yield _verdict(rule, test, known, backend)
    finally:
        backend.close()


def _verdict(rule: SqlRule, test: SqlTest, known: Mapping[str, LogType], backend: DuckDB) -> SqlVerdict:
    try:
        with tempfile.TemporaryDirectory(prefix="mantissa-rules-test-") as folder:
            lake = Lake.open(Path(folder) / "lake")
            newest = [_ingest(lake, _log_type(name, known), events) for name, events in test.events.items()]
            at = test.at or max(newest, default=datetime.now(UTC)) + timedelta(seconds=1)
            start = rule.timing.start(at) if rule.timing else at - DAY
            values = {START: start, END: at}
            names, tables = tables_named(
                rule.query, lake, known.values(), [*map(table_spec, known.values()), SIGNALS]
            )  # fmt: skip
            parameters = {name: values[name] for name in rule.parameters}
            result = backend.run_query(Query(rule.query, tables, parameters, MOST_ROWS, known=names))
            fired = bool(query_signals(rule, result, start, at))
    except MantissaError as error:
        return SqlVerdict(rule, test.name, test.match, None, problem=str(error))
    return SqlVerdict(rule, test.name, test.match, fired, result.rows.num_rows)


def _log_type(name: str, known: Mapping[str, LogType]) -> LogType:
    if name not in known:
        raise RuleError(f"events: no log type {name!r} is installed")
    return known[name]


def _ingest(lake: Lake, log_type: LogType, events: Sequence[Mapping[str, Any]]) -> datetime:
    """Store the events; returns the newest event's time."""
    with RowBuilder(log_type) as builder:
        parsed = builder.build(
            [json.dumps(each).encode() for each in events],
            range(len(events)),
            origin="rule tests",
            source="rule-tests",
            ingest_time=datetime.now(UTC),
            retention_days=FOR_EVER,
        )
    for letter in parsed.dead:
        raise RuleError(f"event {letter.position + 1} is no {log_type.name} record: {letter.reason}")
    table = lake.ensure(table_spec(log_type))
    table.commit(table.stage(parsed.rows), {"rule tests": 1})
    newest: datetime = pc.max(parsed.rows["m_time"]).as_py()
    return newest


def _test(entry: Any) -> SqlTest:
    events = entry.get("events") if isinstance(entry, Mapping) else None
    if not isinstance(events, Mapping) or not all(_are_events(each) for each in events.values()):
        raise RuleError(f"found {entry!r}, expected a test with name, match and events: {{log type: [event, …]}}")
    name, match = str(entry.get("name", "")), entry.get("match")
    if not isinstance(match, bool):
        raise RuleError(f"{name}: match: found {match!r}, expected true or false")
    try:
        return SqlTest(name, match, json.loads(json.dumps(dict(events), allow_nan=False)), _moment(entry.get("at")))
    except (TypeError, ValueError) as error:
        raise RuleError(f"{name}: {error}; put dates in events in quotes") from error


def _are_events(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
