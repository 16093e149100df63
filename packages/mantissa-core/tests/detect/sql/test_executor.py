"""SQL on DuckDB is the reference evaluator and the matcher: every construct, and random rules on random events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.executor import halving, matches
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import QueryTooLarge, RuleError
from mantissa_core.model import LogType
from mantissa_core.model.query import TableSnapshot
from mantissa_core.query.duckdb import DuckDB

DUCKDB = dialect_named("duckdb")


def rows_of(batch: pa.RecordBatch) -> pa.Table:
    ids = pa.array([str(number) for number in range(batch.num_rows)], pa.string())
    return pa.Table.from_batches([batch]).append_column("m_id", ids)


def found(batch: pa.RecordBatch, *statements: str) -> set[tuple[int, str]]:
    with duckdb.connect() as connection:
        connection.register("acme_audit", rows_of(batch))
        return {(int(row), rule) for sql in statements for row, rule in connection.execute(sql).fetchall()}


def test_shared_scans_find_what_single_statements_find(
    make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    events = [{"name": name, "number": number, "other": {"x": name}} for number in range(5) for name in ("a", "B", "c")]
    selections: Sequence[dict[str, Any]] = [
        {"name": "A"}, {"name": ["b", "c"], "number|gt": 2}, {"other.x": "a"}, {"number": 3}, {"absent": None},
    ]  # fmt: skip
    rules = [make_rule({"selection": each}, id=f"rule {number}") for number, each in enumerate(selections)]
    batch = make_batch(events)
    expected = found(batch, *(statement(rule, DUCKDB, log_type) for rule in rules))
    assert len(expected) == 5 + 4 + 5 + 3 + 15
    for limits in ({}, {"most_rules": 2}, {"largest": 3_000}):
        plan = Planner(DUCKDB, log_type, **limits).plan(rules)
        assert plan.refused == []
        assert sorted(rule.id for scan in plan.scans for rule in scan.rules) == [rule.id for rule in rules]
        assert found(batch, *(scan.sql for scan in plan.scans)) == expected


def test_a_scan_that_is_too_large_is_halved_until_one_rule_is_left(
    make_rule: Callable[..., Rule], log_type: LogType
) -> None:
    rules = [make_rule({"selection": {"name": name}}, id=name) for name in "abc"]
    planner = Planner(DUCKDB, log_type)
    (scan,) = planner.plan(rules).scans
    first, second = planner.halved(scan)
    assert [len(first.rules), len(second.rules)] == [1, 2]
    with pytest.raises(RuleError, match="too large"):
        planner.halved(first)


def test_what_an_engine_finds_too_large_is_run_in_parts(make_rule: Callable[..., Rule], log_type: LogType) -> None:
    rules = [make_rule({"selection": {"name": name}}, id=name) for name in "abcde"]
    planner = Planner(DUCKDB, log_type)
    (scan,) = planner.plan(rules, table="t").scans

    def run(sql: str) -> list[str]:
        labels = [rule.id for rule in rules if f"'{rule.id}' END" in sql or f"'{rule.id}' AS" in sql]
        if len(labels) > 2:
            raise QueryTooLarge("too many rules for this engine")
        return labels

    assert list(halving(planner, scan, run, table="t")) == list("abcde")


def test_a_query_backend_runs_the_scans(
    tmp_path: Path, make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    rows = rows_of(make_batch([{"name": "a"}, {"name": "b"}, {}]))
    pq.write_table(rows, tmp_path / "rows.parquet")
    columns = {field.name: "VARCHAR[]" if pa.types.is_list(field.type) else "VARCHAR" for field in rows.schema}
    columns |= {"number": "BIGINT", "flag": "BOOLEAN", "ratio": "DOUBLE", "when": "TIMESTAMPTZ"}
    snapshot = TableSnapshot("acme_audit", columns, (str(tmp_path / "rows.parquet"),), rows=3)
    rules = [make_rule({"selection": {"name": "A"}}, id="one"), make_rule({"selection": {"name": None}}, id="none")]
    planner = Planner(DUCKDB, log_type)
    plan = planner.plan(rules, table=snapshot.name)
    backend = DuckDB(DuckDB.Config())
    try:
        assert set(matches(planner, plan, backend, snapshot)) == {("0", "one"), ("2", "none")}
    finally:
        backend.close()
