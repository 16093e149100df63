"""Plans as SQL: run on DuckDB over real rows, and rendered for every engine."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.ask.compile import Table, compile_plan, prefixes
from mantissa_core.ask.plan import All, Compare, Group, Measure, Not, Order, Period, Plan
from mantissa_core.ask.plan import Any as AnyOf
from mantissa_core.errors import QueryError
from pydantic import ValidationError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Period(lo=NOON - timedelta(hours=12), hi=NOON + timedelta(hours=12))
BEFORE = Period(lo=NOON - timedelta(hours=36), hi=NOON - timedelta(hours=12))
TABLE = Table(
    "events",
    {
        "m_time": "TIMESTAMPTZ",
        "dt": "VARCHAR",
        "m_user": "VARCHAR",
        "m_src_ip": "VARCHAR",
        "m_outcome": "VARCHAR",
        "m_any_ip": "VARCHAR[]",
        "bytes": "BIGINT",
        "admin": "BOOLEAN",
    },
)
ROWS = [
    (0, "amara", "203.0.113.7", "success", ["203.0.113.7"], 10, True),
    (1, "Amara", "10.1.2.3", "failure", ["10.1.2.3", "192.0.2.1"], 20, False),
    (2, "lin", "10.129.0.1", "failure", [], 30, None),
    (3, "o'hara; DROP TABLE events; --", "198.51.100.9", None, None, 40, False),
    (-24, "lin", "10.1.2.3", "success", ["10.1.2.3"], 5, False),
]


def filled(rows: list[tuple[Any, ...]] = ROWS) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLE.columns.items())
    connection.execute(f"SET TimeZone = 'UTC'; CREATE TABLE events ({columns})")
    for hours, *rest in rows:
        moment = NOON + timedelta(hours=hours)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [moment, f"{moment:%Y-%m-%d}", *rest])
    return connection


def answers(plan: Plan) -> list[tuple[Any, ...]]:
    rows = filled().sql(compile_plan(plan, TABLE)).to_arrow_table().to_pylist()
    return [tuple(row.values()) for row in rows]


def users(*filters: Any) -> list[str]:
    rows = answers(Plan(source="events", period=DAY, filters=filters, select=("m_user",), order=(Order(by="m_user"),)))
    return sorted(row[0] for row in rows)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Compare(field="m_user", value="AMARA"), ["Amara", "amara"]),
        (Compare(field="m_user", op="ne", value="amara"), ["lin", "o'hara; DROP TABLE events; --"]),
        (Compare(field="m_user", value="o'hara; DROP TABLE events; --"), ["o'hara; DROP TABLE events; --"]),
        (Compare(field="m_user", op="in", value=("lin", "nobody")), ["lin"]),
        (Compare(field="m_user", op="contains", value="MAR"), ["Amara", "amara"]),
        (Compare(field="m_user", op="starts", value="a"), ["Amara", "amara"]),
        (Compare(field="m_user", op="ends", value="N"), ["lin"]),
        (Compare(field="m_user", op="contains", value="%"), []),
        (Compare(field="m_src_ip", op="cidr", value="10.0.0.0/9"), ["Amara"]),
        (Compare(field="m_src_ip", op="cidr", value="10.0.0.0/8"), ["Amara", "lin"]),
        (Compare(field="m_any_ip", value="192.0.2.1"), ["Amara"]),
        (Compare(field="bytes", op="ge", value=30), ["lin", "o'hara; DROP TABLE events; --"]),
        (Compare(field="admin", value=True), ["amara"]),
        (Compare(field="m_outcome", op="is_null"), ["o'hara; DROP TABLE events; --"]),
        (Not(of=Compare(field="m_outcome", value="success")), ["Amara", "lin"]),
        (AnyOf(of=(Compare(field="m_user", value="lin"), Compare(field="admin", value=True))), ["amara", "lin"]),
        (All(of=(Compare(field="m_user", value="amara"), Compare(field="bytes", op="lt", value=15))), ["amara"]),
    ],
)
def test_a_condition_finds_the_rows_that_people_mean(condition: Any, expected: list[str]) -> None:
    assert users(condition) == expected


def test_groups_are_counted_and_the_largest_comes_first() -> None:
    plan = Plan(source="events", period=DAY, groups=(Group(field="m_outcome"),), measures=(Measure(),), limit=1)
    assert answers(plan) == [("failure", 2)]


def test_measures_and_conditions_on_them() -> None:
    measures = (Measure(function="sum", field="bytes"), Measure(function="count_distinct", field="m_user"))
    having = (Compare(field="sum_bytes", op="gt", value=20),)
    plan = Plan(source="events", period=DAY, groups=(Group(field="m_outcome"),), measures=measures, having=having)
    assert answers(plan) == [("failure", 50, 2), (None, 40, 1)]


def test_a_trend_is_in_the_order_of_time() -> None:
    plan = Plan(source="events", period=DAY, groups=(Group(bucket="hour"),), measures=(Measure(),))
    assert [(row[0].hour, row[1]) for row in answers(plan)] == [(12, 1), (13, 1), (14, 1), (15, 1)]


def test_two_periods_stand_beside_each_other() -> None:
    plan = Plan(source="events", period=DAY, versus=BEFORE, measures=(Measure(),))
    assert answers(plan) == [(4, 1)]


def test_the_newest_row_comes_first_and_no_more_than_asked() -> None:
    plan = Plan(source="events", period=DAY, select=("m_user", "m_time"), limit=1)
    assert answers(plan) == [("o'hara; DROP TABLE events; --", NOON + timedelta(hours=3))]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (Plan(source="events", period=DAY, select=("secret",)), "events has no column 'secret'"),
        (Plan(source="events", period=DAY, filters=(Compare(field="bytes", op="contains", value="1"),)), "is no text"),
        (Plan(source="events", period=DAY, filters=(Compare(field="bytes", value="x"),)), "expected a number"),
        (Plan(source="events", period=DAY, filters=(Compare(field="m_any_ip", op="gt", value="x"),)), "several values"),
        (Plan(source="events", period=DAY, filters=(Compare(field="m_src_ip", op="cidr", value="::/0"),)), "no IPv4"),
    ],
)
def test_what_the_table_cannot_answer_is_an_error_that_says_why(plan: Plan, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        compile_plan(plan, TABLE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"groups": [{"field": "m_user"}]},
        {"measures": [{"function": "sum"}]},
        {"measures": [{}], "order": [{"by": "m_user"}]},
        {"filters": [{"kind": "compare", "field": "m_user", "op": "in", "value": "x"}]},
        {"filters": [{"kind": "compare", "field": "m_user", "op": "is_null", "value": "x"}]},
        {"filters": [{"kind": "sql", "text": "1=1"}]},
        {"limit": 100_000},
        {"period": {"lo": NOON, "hi": NOON}},
        {"versus": BEFORE},
    ],
    ids=["group alone", "sum of nothing", "order", "in", "null", "sql", "limit", "period", "versus"],
)
def test_what_is_no_plan_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate({"source": "events", "period": DAY, **wrong})


def test_a_plan_survives_json() -> None:
    plan = Plan(source="events", period=DAY, filters=(Not(of=Compare(field="m_user", op="in", value=("a", "b"))),))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("duckdb", "LOWER(\"m_user\") = 'o''hara'"),
        ("athena", "LOWER(\"m_user\") = 'o''hara'"),
        ("bigquery", "LOWER(`m_user`) = 'o\\'hara'"),
        ("tsql", "LOWER([m_user]) = 'o''hara'"),
    ],
)
def test_every_engine_gets_its_own_quotes(dialect: Any, expected: str) -> None:
    plan = Plan(source="events", period=DAY, filters=(Compare(field="m_user", value="o'hara"),))
    sql = compile_plan(plan, TABLE, dialect)
    assert expected in sql
    assert "BETWEEN '2026-11-20' AND '2026-11-20'" in sql


def test_an_engine_without_lists_says_so() -> None:
    with pytest.raises(QueryError, match="Synapse has no lists"):
        compile_plan(Plan(source="events", period=DAY, filters=(Compare(field="m_any_ip", value="x"),)), TABLE, "tsql")


CONNECTION = filled([])


@given(st.text(), st.sampled_from(["eq", "contains", "starts", "ends"]))
def test_whatever_a_value_holds_it_stays_a_value(text: str, op: Any) -> None:
    plan = Plan(source="events", period=DAY, filters=(Compare(field="m_user", op=op, value=text),))
    if "\0" in text:
        with pytest.raises(QueryError, match="null character"):
            compile_plan(plan, TABLE)
        return
    sql = compile_plan(plan, TABLE)
    assert len(CONNECTION.extract_statements(sql)) == 1
    assert CONNECTION.execute(sql).fetchall() == []


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_the_prefixes_of_a_network_are_those_of_its_addresses(address: Any, length: int, other: Any) -> None:
    network = ipaddress.ip_network((address, length), strict=False)
    found = any(f"{other}" == each or (f"{other}".startswith(each) and each.endswith(".")) or each == "" for each in
                prefixes(str(network)))  # fmt: skip
    assert found == (other in network)
    assert any(str(address).startswith(each) for each in prefixes(str(network)))
