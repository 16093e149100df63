"""From the rows of a query to signals."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from mantissa_core.detect.sql_rules.results import query_signals
from mantissa_core.errors import RuleError
from mantissa_core.model import QueryResult

AT = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)
START = AT - timedelta(minutes=5)


def result(rows: list[dict[str, object]], **more: object) -> QueryResult:
    table = pa.Table.from_pylist(rows) if rows else pa.table({"m_user": pa.array([], pa.string())})
    return QueryResult("x", "succeeded", table, 0, 0.0, **more)


def test_rows_of_a_group_are_counted_by_themselves(sql_rule):
    rule = replace(sql_rule(), group_by=("m_user",))
    rows = [
        {"m_id": str(n), "m_user": user, "m_src_ip": "192.0.2.1"} for n, user in enumerate(["a", "a", "b", "c", "c"])
    ]
    first, second = query_signals(rule, result(rows), START, AT)
    assert (first.group, first.event_ids, first.summary) == ({"user": "a"}, ("0", "1"), "Bad things: a")
    assert (second.group, second.entities) == ({"user": "c"}, {"user": "c", "src_ip": "192.0.2.1"})
    assert first.id != second.id


def test_without_groups_there_is_one_signal_that_says_how_many_rows(sql_rule):
    rows = [{"user": "a"}, {"user": "b"}]
    (signal,) = query_signals(sql_rule(), result(rows, truncated=True), START, AT)
    assert signal.group == {"rule": signal.rule_id}
    assert signal.entities == {}  # they differ
    assert signal.evidence == {
        "rows": 2,
        "more_than": 1,
        "from": "2026-11-21T09:00:00+00:00",
        "to": "2026-11-21T09:05:00+00:00",
        "truncated": True,
        "results": rows,
    }
    assert query_signals(sql_rule(), result([]), START, AT) == []


def test_evidence_is_bounded_and_any_value_can_be_stored(sql_rule):
    value = {
        "time": AT, "day": date(2026, 1, 2), "bytes": b"\xff", "text": "x" * 2000, "nan": float("nan"),
        "exact": Decimal("1.50"), "list": [1, None], "struct": {"a": AT}, "null": None, "span": timedelta(seconds=1),
    }  # fmt: skip
    rows = [{**value, "m_id": [f"{n}", f"{n}b"]} for n in range(1500)]
    (signal,) = query_signals(sql_rule(), result(rows), START, AT)
    assert len(signal.event_ids) == 1000
    assert 1 < len(signal.evidence["results"]) < 10
    assert "m_id" not in signal.evidence["results"][0]
    text = json.dumps(signal.evidence, allow_nan=False)
    assert "x" * 1000 + "\\u2026" in text
    assert '"1.50"' in text


def test_a_wide_result_fits_into_an_alert(sql_rule):
    rows = [{f"column{n}": "ü" * 5000 for n in range(100)} | {"list": ["x" * 900] * 1000} for _ in range(20)]
    (signal,) = query_signals(sql_rule(), result(rows), START, AT)
    assert 5_000 < len(json.dumps(signal.evidence)) < 12_000


def test_an_id_depends_on_rule_time_and_group_and_on_nothing_else(sql_rule):
    one = query_signals(sql_rule(), result([{"a": 1}, {"a": 2}]), START, AT)[0].id
    assert query_signals(sql_rule(), result([{"b": 1}] * 5), START - timedelta(hours=1), AT)[0].id == one
    assert query_signals(sql_rule(), result([{"a": 1}] * 2), START, AT + timedelta(minutes=5))[0].id != one


def test_a_column_to_group_by_must_be_there(sql_rule):
    rule = replace(sql_rule(), group_by=("who",))
    with pytest.raises(RuleError, match="no column who"):
        query_signals(rule, result([{"a": 1}]), START, AT)
