"""Reference evaluator = matcher = DuckDB's SQL, rule by rule and in shared scans, on random rules and random events.

``just differential 1000000`` runs it on that many pairs of a rule and an event, with its progress.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mantissa_core.detect.match.evaluate import evaluate
from mantissa_core.detect.rules.rule import Rule
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.scan import Planner
from mantissa_core.detect.sql.statement import statement
from mantissa_core.errors import RuleError
from mantissa_core.model import LogType

from ..strategies import DETECTIONS, EVENTS, asks_text_of_object

EVENTS_EACH, RULES_EACH = 20, 8
PAIRS = int(os.environ.get("MANTISSA_PAIRS", "4800"))
REPORTED = 100
"""Examples between two lines of progress, where one asked for more than the usual number."""

DUCKDB = dialect_named("duckdb")
REFUSALS = re.compile("made of several columns|too large to be compared|is IPv6|parts of a time")
_progress = {"examples": 0, "pairs": 0}


def expressible(rules: Sequence[Rule], log_type: LogType) -> dict[str, str]:
    """The rules' statements, by id, without those that SQL refuses for a listed reason."""
    found = {}
    for rule in rules:
        try:
            found[rule.id] = statement(rule, DUCKDB, log_type)
        except RuleError as error:
            if not REFUSALS.search(str(error)):
                raise
    return found


def rows_found(batch: pa.RecordBatch, statements: Sequence[str]) -> set[tuple[int, str]]:
    ids = pa.array([str(number) for number in range(batch.num_rows)], pa.string())
    with duckdb.connect() as connection:
        connection.register("acme_audit", pa.Table.from_batches([batch]).append_column("m_id", ids))
        return {(int(row), rule) for sql in statements for row, rule in connection.execute(sql).fetchall()}


@given(
    events=st.lists(EVENTS, min_size=EVENTS_EACH, max_size=EVENTS_EACH),
    detections=st.lists(DETECTIONS, min_size=RULES_EACH, max_size=RULES_EACH),
)
@settings(
    max_examples=max(1, PAIRS // (EVENTS_EACH * RULES_EACH)),
    phases=[Phase.reuse, Phase.generate, Phase.shrink],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_evaluator_matcher_and_sql_agree(
    events: list[dict[str, Any]],
    detections: list[dict[str, Any]],
    make_rule: Callable[..., Rule],
    make_batch: Callable[..., pa.RecordBatch],
    match_rows: Callable[..., set[int]],
    log_type: LogType,
) -> None:
    rules = [make_rule(detection, id=f"rule-{number}") for number, detection in enumerate(detections)]
    batch = make_batch(events)
    hits = {(number, rule.id) for rule in rules for number, each in enumerate(events) if evaluate(rule, each, log_type)}
    assert {(number, rule.id) for rule in rules for number in match_rows(rule, batch)} == hits

    statements = expressible(rules, log_type)
    in_sql = [rule for rule in rules if rule.id in statements]
    excepted = {
        (number, rule.id)
        for rule in in_sql
        for number, each in enumerate(events)
        if asks_text_of_object(rule, each, log_type)
    }
    expected = {hit for hit in hits - excepted if hit[1] in statements}
    assert rows_found(batch, list(statements.values())) - excepted == expected
    plan = Planner(DUCKDB, log_type).plan(in_sql)
    assert not plan.refused
    assert rows_found(batch, [scan.sql for scan in plan.scans]) - excepted == expected
    _report(len(events) * len(in_sql) - len(excepted))


def _report(pairs: int) -> None:
    _progress["examples"] += 1
    _progress["pairs"] += pairs
    if "MANTISSA_PAIRS" in os.environ and _progress["examples"] % REPORTED == 0:
        print(f"{_progress['pairs']:,} pairs of a rule and an event agree", file=sys.stderr, flush=True)
