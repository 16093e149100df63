"""SQL on DuckDB is the reference evaluator and the matcher: every construct, and random rules on random events."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mantissa_core.detect import derive, lookup
from mantissa_core.detect.evaluate import evaluate
from mantissa_core.detect.ir import Op
from mantissa_core.detect.rules import Rule
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.executor import matches, plan_for
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType
from mantissa_core.model.query import TableSnapshot
from mantissa_core.query.duckdb import DuckDB

EXAMPLES = int(os.environ.get("MANTISSA_EXAMPLES", "60"))
DUCKDB = dialect_named("duckdb")

TEXTS = st.sampled_from(
    ["", "alice", "ALICE", "al_ce", "al%ce", "İ", "É", "é", "a\nb", "a*b", "a\\b", "[a]", '"', "10.0.0.1", "5", "5.0",
     "true", "False", "1", "2026-01-02T03:04:05Z", "null", "{", "-0", "1e3", "x'y", "x" * 40, "\U0001f600"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, 5, -5, 5.0, 0.5, 1e3, 1e22, 2**53 + 1, 2**70, -0.0])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
KEYS = ["city", "name", "user", "type", "userName", "items", "key", "na\u00efve", 'quo"te']
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=3), inner
    ),
    max_leaves=6,
)
TOP = ["name", "user", "address", "number", "flag", "ratio", "when", "tags", "params", "color", "colour", "dotted.key",
       "city", "place.city", "place", "user.name", "params.userName", "other", "dotted"]  # fmt: skip
EVENTS = st.dictionaries(st.sampled_from(TOP), VALUES, max_size=6)
FIELDS = [*TOP, "user.type", "params.items.name", "params.items", "other.name", "other.user.name", "hue", "source.ip",
          "Number", "user.items.key", "other.na\u00efve", 'params.quo"te', "absent"]  # fmt: skip
TESTED = st.sampled_from(
    ["alice", "ALICE", "al_ce", "al*", "a?b", "*", "", "5", 5, 5.0, 1, True, False, None, "a\\*b", "İ", "é", "{",
     "10.0.0.1", "x'y", 2**53 + 1, "1e22", "-0", 0, "x*x"]
)  # fmt: skip
WAYS = [f"{field}|{way}" for field in FIELDS for way in ("contains", "startswith", "endswith|cased")]
SELECTIONS = st.one_of(
    st.tuples(st.sampled_from(FIELDS), st.lists(TESTED, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(WAYS), st.sampled_from(["a", "AL", "5", "_", "%", "\\", '"', "'", "true", "1", "é"])),
    st.tuples(st.sampled_from([f"{field}|re" for field in FIELDS]), st.sampled_from(["^a", "[A-Z]", "5$", "(?i)É"])),
    st.tuples(st.sampled_from([f"{field}|cidr" for field in FIELDS]), st.just("10.0.0.0/8")),
    st.tuples(st.sampled_from([f"{field}|exists" for field in FIELDS]), st.booleans()),
    st.tuples(
        st.sampled_from([f"{field}|{way}" for field in FIELDS for way in ("lt", "lte", "gt", "gte")]),
        st.sampled_from([0, 1, 5, -5, 0.5, 1e3, 1e15]),
    ),
    st.tuples(st.sampled_from([f"{field}|fieldref" for field in FIELDS]), st.sampled_from(FIELDS)),
)
DETECTIONS = st.fixed_dictionaries(
    {
        "one": st.lists(SELECTIONS, min_size=1, max_size=2).map(dict),
        "two": st.one_of(
            st.lists(SELECTIONS, min_size=1, max_size=2).map(dict),
            st.lists(st.sampled_from(["alice", "5", "a*b", "true", '"']), min_size=1, max_size=2),
        ),
        "condition": st.sampled_from(["one", "not one", "one and two", "one and not two", "not (one and two)"]),
    }
)


def rows_of(batch: pa.RecordBatch) -> pa.Table:
    ids = pa.array([str(number) for number in range(batch.num_rows)], pa.string())
    return pa.Table.from_batches([batch]).append_column("m_id", ids)


def found(batch: pa.RecordBatch, *statements: str) -> set[tuple[int, str]]:
    with duckdb.connect() as connection:
        connection.register("acme_audit", rows_of(batch))
        return {(int(row), rule) for sql in statements for row, rule in connection.execute(sql).fetchall()}


def has_nested_arrays(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_nested_arrays, value.values()))
    return isinstance(value, list) and any(isinstance(each, list) or has_nested_arrays(each) for each in value)


def compares_objects(rule: Rule, event: Mapping[str, Any], log_type: LogType) -> bool:
    """Whether a text is asked of an object: SQL has its JSON text as it was stored, the matcher a canonical one."""
    for each in derive.predicates(rule.ir):
        names = [each.field, *(getattr(value, "field", None) for value in each.values)]
        for name in (name for name in names if name is not None and each.op not in {Op.NULL, Op.EXISTS}):
            texts = lookup.texts(event, lookup.spellings(name, log_type))
            if any(text.startswith("{") and len(text) > 1 for text in texts):
                return True
    return False


@given(events=st.lists(EVENTS, min_size=1, max_size=8), detection=DETECTIONS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_sql_finds_what_the_evaluator_and_the_matcher_find(
    events: list[dict[str, Any]],
    detection: dict[str, Any],
    make_rule: Callable[..., Rule],
    make_batch: Callable[..., pa.RecordBatch],
    match_rows: Callable[..., set[int]],
    log_type: LogType,
) -> None:
    rule = make_rule(detection)
    try:
        sql = statement(rule, DUCKDB, log_type)
    except RuleError as error:
        assume("made of several columns" not in str(error))
        raise
    events = [event for event in events if not has_nested_arrays(event) and not compares_objects(rule, event, log_type)]
    assume(events)
    batch = make_batch(events)
    expected = {number for number, event in enumerate(events) if evaluate(rule, event, log_type)}
    assert match_rows(rule, batch) == expected
    assert found(batch, sql) == {(number, rule.id) for number in expected}


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


def test_a_query_backend_runs_the_scans(
    tmp_path: Path, make_rule: Callable[..., Rule], make_batch: Callable[..., pa.RecordBatch], log_type: LogType
) -> None:
    rows = rows_of(make_batch([{"name": "a"}, {"name": "b"}, {}]))
    pq.write_table(rows, tmp_path / "rows.parquet")
    columns = {field.name: "VARCHAR[]" if pa.types.is_list(field.type) else "VARCHAR" for field in rows.schema}
    columns |= {"number": "BIGINT", "flag": "BOOLEAN", "ratio": "DOUBLE", "when": "TIMESTAMPTZ"}
    snapshot = TableSnapshot("acme_audit", columns, (str(tmp_path / "rows.parquet"),), rows=3)
    rules = [make_rule({"selection": {"name": "A"}}, id="one"), make_rule({"selection": {"name": None}}, id="none")]
    plan = plan_for(rules, DUCKDB, log_type, snapshot)
    backend = DuckDB(DuckDB.Config())
    try:
        assert set(matches(plan, backend, snapshot)) == {("0", "one"), ("2", "none")}
    finally:
        backend.close()
