"""Measures, sequences and silences as SQL: run on DuckDB over real rows, and rendered for every engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.ask.compile import Dialect, Table, compile_plan
from mantissa_core.ask.plan import Baseline, Compare, Group, Measure, Order, Period, Plan, Sequence
from mantissa_core.errors import QueryError
from pydantic import ValidationError

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = Period(lo=NOON - timedelta(hours=12), hi=NOON + timedelta(hours=12))
TABLE = Table(
    "events",
    {
        "m_id": "VARCHAR",
        "m_time": "TIMESTAMPTZ",
        "dt": "VARCHAR",
        "m_user": "VARCHAR",
        "m_outcome": "VARCHAR",
        "m_any_ip": "VARCHAR[]",
        "bytes": "BIGINT",
    },
)
ABROAD = {"kind": "compare", "field": "m_src_country", "op": "ne", "value": "United States"}
FAILED, DONE = Compare(field="m_outcome", value="failure"), Compare(field="m_outcome", value="success")
Row = tuple[float, str | None, str, int]
"""Minutes after noon, user, outcome, bytes."""
ROWS: list[Row] = [
    (0, "amara", "failure", 10),
    (1, "amara", "failure", 20),
    (2, "amara", "success", 30),
    (20, "amara", "success", 40),
    (3, "lin", "success", 1_000),
    (4, "lin", "failure", 3_000),
    (5, "noor", "failure", 5),
]


def run(plan: Plan, rows: list[Row] = ROWS) -> list[dict[str, Any]]:
    connection = duckdb.connect()
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLE.columns.items())
    connection.execute(f"SET TimeZone = 'UTC'; CREATE TABLE events ({columns})")
    for number, (minutes, user, outcome, size) in enumerate(rows):
        moment = NOON + timedelta(minutes=minutes)
        values = [f"e{number:03}", moment, f"{moment:%Y-%m-%d}", user, outcome, [], size]
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    found: list[dict[str, Any]] = connection.sql(compile_plan(plan, TABLE)).to_arrow_table().to_pylist()
    return found


def figure(measure: Measure) -> Any:
    [row] = run(Plan(source="events", period=DAY, measures=(measure,)))
    [(name, value)] = row.items()
    assert name == measure.name
    return value


@pytest.mark.parametrize(
    ("measure", "name", "value"),
    [
        (Measure(function="sum", field="bytes"), "sum_bytes", 4_105),
        (Measure(function="avg", field="bytes"), "avg_bytes", 4_105 / 7),
        (Measure(function="max", field="bytes"), "max_bytes", 3_000),
        (Measure(function="min", field="bytes", where=DONE), "min_bytes", 30),
        (Measure(function="quantile", field="bytes", q=0.5), "median_bytes", 30),
        (Measure(function="quantile", field="bytes", q=0.75), "p75_bytes", 520),
        (Measure(function="quantile", field="bytes", q=0.999), "p99_9_bytes", 2_988),
        (Measure(function="quantile", field="bytes", q=0.5, where=FAILED), "median_bytes", 15),
        (Measure(function="ratio", where=FAILED), "share", 4 / 7),
        (Measure(function="ratio", where=FAILED, against=DONE), "ratio", 4 / 3),
        (Measure(where=FAILED, label="failures"), "failures", 4),
        (Measure(function="count_distinct", field="m_user", where=DONE), "count_distinct_m_user", 2),
    ],
    ids=lambda each: each.name if isinstance(each, Measure) else None,
)
def test_a_measure_is_worked_out(measure: Measure, name: str, value: float) -> None:
    assert measure.name == name
    assert figure(measure) == pytest.approx(value)


def test_a_share_of_nothing_is_nothing() -> None:
    nobody = Compare(field="m_user", value="nobody")
    assert figure(Measure(function="ratio", where=FAILED, against=nobody)) is None
    plan = Plan(source="events", period=DAY, filters=(nobody,), measures=(Measure(function="ratio", where=FAILED),))
    assert run(plan) == [{"share": None}]


def test_two_conditions_stand_beside_each_other_and_are_compared() -> None:
    failed, done = Measure(where=FAILED, label="failure"), Measure(where=DONE, label="success")
    by_user = Plan(source="events", period=DAY, groups=(Group(field="m_user"),), measures=(failed, done))
    assert [tuple(row.values()) for row in run(by_user)] == [("amara", 2, 2), ("lin", 1, 1), ("noor", 1, 0)]
    more = by_user.model_copy(update={"having": (Compare(field="failure", op="gt", value="success"),)})
    assert [row["m_user"] for row in run(more)] == ["noor"]


def test_a_measure_over_two_periods_counts_each_in_its_own() -> None:
    before = Period(lo=DAY.lo - timedelta(days=1), hi=DAY.lo)
    share = Measure(function="ratio", where=FAILED)
    plan = Plan(source="events", period=DAY, versus=before, measures=(share, Measure(function="sum", field="bytes")))
    rows: list[Row] = [(0, "lin", "failure", 1), (1, "lin", "success", 2), (-1440, "lin", "failure", 4)]
    assert run(plan, rows) == [{"share": 0.5, "share_before": 1.0, "sum_bytes": 3, "sum_bytes_before": 4}]


def sequence(**changes: Any) -> Plan:
    wanted = {"first": (FAILED,), "then": (DONE,), "within": 600, **changes}
    return Plan(source="events", period=DAY, sequence=Sequence.model_validate(wanted))


def pairs(plan: Plan, rows: list[Row] = ROWS) -> list[tuple[Any, ...]]:
    return [
        (row["m_user"], (row["first_time"] - NOON).total_seconds() / 60, (row["then_time"] - NOON).total_seconds() / 60)
        for row in run(plan, rows)
    ]


def test_a_sequence_finds_what_came_after_what() -> None:
    assert pairs(sequence()) == [("amara", 1, 2)]
    assert pairs(sequence(within=86_400)) == [("amara", 1, 20), ("amara", 1, 2)]
    assert pairs(sequence(first=(DONE,), then=(FAILED,))) == [("lin", 3, 4)]
    [row] = run(sequence())
    assert (row["first_id"], row["then_id"]) == ("e001", "e002")


def test_a_sequence_can_want_several_of_the_first() -> None:
    assert pairs(sequence(at_least=2)) == [("amara", 1, 2)]
    assert pairs(sequence(at_least=3)) == []
    assert pairs(sequence(at_least=2, within=110)) == []  # the older one is two minutes away


def test_a_sequence_tells_of_each_key_once() -> None:
    [row] = run(sequence(within=86_400, each_key=True))
    assert (row["m_user"], row["pairs"]) == ("amara", 2)
    assert row["then_time"] == NOON + timedelta(minutes=20)


def test_what_a_sequence_finds_can_be_counted() -> None:
    measures = (Measure(), Measure(function="count_distinct", field="m_user"))
    plan = sequence(within=86_400).model_copy(update={"measures": measures, "groups": (Group(bucket="hour"),)})
    assert run(plan) == [{"hour": NOON, "events": 2, "count_distinct_m_user": 1}]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["amara", "lin", None]),
        st.sampled_from(["success", "failure", "skipped"]),
        st.just(1),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(1, 3), st.integers(1, 6), st.booleans())
def test_a_sequence_is_what_a_plain_search_finds(rows: list[Row], at_least: int, within: int, same: bool) -> None:
    then = "failure" if same else "success"
    expected = []
    for minute, user, outcome, _ in rows:
        earlier = sorted(at for at, who, what, _ in rows if (who, what) == (user, "failure") and at < minute)
        if user and outcome == then and len(earlier) >= at_least and minute - earlier[-at_least] <= within:
            expected.append((user, earlier[-1], minute))
    plan = sequence(then=(FAILED if same else DONE,), at_least=at_least, within=within * 60)
    assert sorted(pairs(plan, rows)) == sorted(expected)


def silence(kind: str, days: int) -> list[tuple[Any, ...]]:
    day = 24 * 60
    rows: list[Row] = [
        (-20 * day, "amara", "success", 1),
        (0, "amara", "success", 1),
        (-3 * day, "lin", "success", 1),
        (-20 * day, "noor", "success", 1),
        (-19 * day, "noor", "failure", 1),
        (0, "newcomer", "success", 1),
        (-20 * day, "lin", "success", 1),
        (0, "lin", "success", 1),
        (-2 * day, None, "success", 1),
    ]
    baseline = Baseline.model_validate({"kind": kind, "field": "m_user", "days": days})
    plan = Plan(
        source="events", period=DAY, baseline=baseline, groups=(Group(field="m_user"),), measures=(Measure(),)
    )  # fmt: skip
    return [(row["m_user"], (row["last_before"] - NOON).days, row["events"]) for row in run(plan, rows)]


def test_who_was_there_before_and_is_not_in_the_time() -> None:
    assert silence("dormant", 30) == [("noor", -19, 2)]
    assert silence("dormant", 10) == []


def test_who_was_away_and_came_back() -> None:
    assert silence("returned", 10) == [("amara", -20, 1)]
    assert silence("returned", 2) == [("amara", -20, 1), ("lin", -3, 1)]


PLANS = {
    "quantile": Plan(
        source="events",
        period=DAY,
        groups=(Group(field="m_user"),),
        measures=(Measure(function="quantile", field="bytes", q=0.95), Measure(function="avg", field="bytes")),
        having=(Compare(field="p95_bytes", op="gt", value=10),),
        order=(Order(by="p95_bytes"),),
    ),
    "share": Plan(
        source="events", period=DAY, groups=(Group(bucket="day"),), measures=(Measure(function="ratio", where=FAILED),)
    ),
    "sequence": sequence(at_least=5),
    "each": sequence(each_key=True),
    "counted": sequence().model_copy(update={"measures": (Measure(),)}),
    "returned": Plan(
        source="events",
        period=DAY,
        baseline=Baseline(kind="returned", field="m_user"),
        groups=(Group(field="m_user"),),
        measures=(Measure(),),
    ),
}


@pytest.mark.parametrize("dialect", get_args(Dialect))
@pytest.mark.parametrize("name", PLANS)
def test_every_engine_gets_one_statement_that_it_can_read(name: str, dialect: Dialect) -> None:
    sql = compile_plan(PLANS[name], TABLE, dialect)
    [tree] = sqlglot.parse(sql, read=dialect)
    assert isinstance(tree, sqlglot.exp.Select)
    assert "2026-11-20" in sql


@pytest.mark.parametrize(
    ("name", "dialect", "expected"),
    [
        ("quantile", "duckdb", 'QUANTILE_CONT("bytes", 0.95)'),
        ("quantile", "athena", 'APPROX_PERCENTILE("bytes", 0.95)'),
        ("quantile", "bigquery", "APPROX_QUANTILES(`bytes`, 20)[19]"),
        ("quantile", "tsql", "PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY [bytes]) OVER (PARTITION BY [m_user])"),
        ("quantile", "tsql", "AVG(CAST([bytes] AS FLOAT))"),
        ("share", "tsql", "AS FLOAT) / NULLIF(COUNT(*), 0)"),
        ("share", "bigquery", "AS FLOAT64) / NULLIF(COUNT(*), 0)"),
        ("sequence", "duckdb", '"later"."m_time" <= ("oldest"."m_time" + INTERVAL 600 SECOND)'),
        ("sequence", "athena", '<= DATE_ADD(\'SECOND\', 600, "oldest"."m_time")'),
        ("sequence", "bigquery", "<= TIMESTAMP_ADD(`oldest`.`m_time`, INTERVAL 600 SECOND)"),
        ("sequence", "tsql", "<= DATEADD(SECOND, 600, [oldest].[m_time])"),
        ("sequence", "tsql", "PARTITION BY [m_user] ORDER BY [m_time])"),
    ],
)
def test_every_engine_gets_its_own_words(name: str, dialect: Dialect, expected: str) -> None:
    sql = " ".join(compile_plan(PLANS[name], TABLE, dialect).split())
    assert expected in sql.replace("( ", "(").replace(" )", ")")


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"measures": [{"function": "sum", "field": "m_user"}]}, "m_user holds no numbers"),
        ({"measures": [{"function": "quantile", "field": "m_user", "q": 0.5}]}, "m_user holds no numbers"),
        ({"sequence": {"first": [FAILED], "then": [DONE], "key": "m_any_ip"}}, "several values"),
        ({"sequence": {"first": [FAILED], "then": [DONE], "key": "secret"}}, "no column 'secret'"),
        (
            {
                "baseline": {"kind": "dormant", "field": "secret"},
                "groups": [{"field": "secret"}],
                "measures": [{}],
            },
            "no column 'secret'",
        ),
    ],
    ids=["sum", "quantile", "list", "key", "silence"],
)
def test_what_the_table_cannot_tell_is_an_error_that_says_why(plan: dict[str, Any], reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        compile_plan(Plan.model_validate({"source": "events", "period": DAY, **plan}), TABLE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"measures": [{"function": "quantile", "field": "bytes"}]},
        {"measures": [{"function": "quantile", "field": "bytes", "q": 1}]},
        {"measures": [{"function": "sum", "field": "bytes", "q": 0.5}]},
        {"measures": [{"function": "ratio"}]},
        {"measures": [{"against": FAILED}]},
        {"measures": [{"where": FAILED}, {"where": DONE}]},
        {"measures": [{"label": "a b; --"}]},
        {"measures": [{}], "having": [{"field": "events", "op": "gt", "value": "failures"}]},
        {"sequence": {"first": [], "then": [DONE]}},
        {"sequence": {"first": [FAILED], "then": [DONE]}, "select": ["m_user"]},
        {"sequence": {"first": [FAILED], "then": [DONE]}, "baseline": {"field": "m_user"}},
        {"sequence": {"first": [FAILED], "then": [DONE]}, "measures": [{"function": "ratio", "where": FAILED}]},
        {"baseline": {"kind": "dormant", "field": "m_user"}},
        {"sequence": {"first": [FAILED], "then": [ABROAD]}},
        {"measures": [{"function": "ratio", "where": ABROAD}]},
        {
            "baseline": {"kind": "dormant", "field": "m_user"},
            "filters": [ABROAD],
            "groups": [{"field": "m_user"}],
            "measures": [{}],
        },
    ],
    ids=["no q", "q of 1", "q", "no where", "against", "names", "label", "having", "no first", "select", "both",
         "where in pairs", "no group", "countries in a sequence", "countries in a share", "countries in a silence"],
)  # fmt: skip
def test_what_is_no_plan_of_these_shapes_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate({"source": "events", "period": DAY, **wrong})


def test_a_plan_that_was_kept_before_these_shapes_is_still_one() -> None:
    old = (
        '{"source":"auth","filters":[],"period":{"lo":"2026-11-20T00:00:00Z","hi":"2026-11-21T00:00:00Z","text":"",'
        '"assumed":false,"zone":"UTC"},"versus":null,"baseline":{"field":"m_src_ip","per":"m_user","days":30},'
        '"select":[],"groups":[],"measures":[{"function":"count","field":null}],"having":[],"order":[],"limit":10,'
        '"assumptions":[]}'
    )
    plan = Plan.model_validate_json(old)
    assert plan.baseline == Baseline(field="m_src_ip")
    assert plan.measures == (Measure(),)
    assert plan.sequence is None


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_of_these_shapes_survives_json(name: str) -> None:
    assert Plan.model_validate_json(PLANS[name].model_dump_json()) == PLANS[name]
