"""What the guard says, and what it puts around a statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from mantissa_core.errors import QueryError
from mantissa_core.query.guarded import Readable, Window, guard
from sqlglot import exp

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
EVENTS = Readable("events", window=WINDOW)
STATE = Readable("risks", time=None, day=None)


def sql(text: str, dialect: str = "duckdb", max_rows: int = 10) -> str:
    return guard(text, [EVENTS, STATE], dialect, max_rows=max_rows).sql


def test_a_table_is_bounded_by_time_and_day_under_its_own_name() -> None:
    assert sql("SELECT events.m_user FROM Events") == (
        'SELECT events.m_user FROM (SELECT * FROM "events" '
        "WHERE \"m_time\" >= CAST('2026-03-01 00:00:00.000000+00:00' AS TIMESTAMPTZ) "
        "AND \"m_time\" < CAST('2026-03-02 00:00:00.000000+00:00' AS TIMESTAMPTZ) "
        "AND \"dt\" BETWEEN '2026-03-01' AND '2026-03-01') AS Events LIMIT 10"
    )


def test_a_window_in_another_zone_is_said_in_utc() -> None:
    east = timezone(timedelta(hours=5))
    window = Window(datetime(2026, 3, 1, tzinfo=east), datetime(2026, 3, 2, tzinfo=east))
    result = guard("SELECT 1 FROM events", [Readable("events", window=window)])
    assert "\"dt\" BETWEEN '2026-02-28' AND '2026-03-01'" in result.sql
    assert result.notes == ("events: only events with 2026-02-28 19:00:00 <= time < 2026-03-01 19:00:00 UTC",)


def test_a_table_of_states_is_read_whole() -> None:
    result = guard("SELECT * FROM risks", [EVENTS, STATE])
    assert result.sql == 'SELECT * FROM (SELECT * FROM "risks") AS risks LIMIT 1000'
    assert (result.windows, result.notes, result.limit) == ({}, (), 1000)


def test_rows_that_may_not_be_seen_are_left_out_at_each_mention() -> None:
    only = exp.column("tenant").eq("a'b")
    result = guard("SELECT 1 FROM risks UNION SELECT 2 FROM risks AS r", [Readable("risks", None, None, None, only)])
    assert result.sql.count("WHERE tenant = 'a''b'") == 2
    assert result.notes == ("risks: only rows that you may see",)


def test_what_was_put_there_is_told() -> None:
    result = guard("SELECT * FROM events LIMIT 5", [EVENTS], max_rows=10)
    assert (result.tables, result.windows, result.limit) == ({"events"}, {"events": WINDOW}, None)


@pytest.mark.parametrize(
    ("dialect", "text", "end"),
    [
        ("duckdb", "SELECT 1 FROM events ORDER BY 1", "ORDER BY 1 LIMIT 10"),
        ("duckdb", "SELECT 1 FROM events LIMIT 3", "LIMIT 3"),
        ("duckdb", "SELECT 1 FROM events LIMIT 30 OFFSET 2", "LIMIT 10 OFFSET 2"),
        ("athena", "SELECT 1 FROM events FETCH FIRST 30 ROWS ONLY", "FETCH FIRST 10 ROWS ONLY"),
        ("athena", "SELECT 1 FROM events FETCH FIRST 3 ROWS ONLY", "FETCH FIRST 3 ROWS ONLY"),
        ("bigquery", "SELECT 1 FROM events LIMIT 30", "LIMIT 10"),
        ("tsql", "SELECT 1 AS a FROM events ORDER BY a OFFSET 2 ROWS", "OFFSET 2 ROWS FETCH FIRST 10 ROWS ONLY"),
    ],
)
def test_the_limit_is_the_statements_own(dialect: str, text: str, end: str) -> None:
    assert sql(text, dialect).endswith(end)


def test_t_sql_has_top_and_its_with_at_the_beginning() -> None:
    assert sql("SELECT m_user FROM events", "tsql").startswith(
        "SELECT TOP 10 m_user FROM (SELECT * FROM [events] WHERE"
    )
    union = sql("WITH a AS (SELECT 1 AS x FROM risks) SELECT x FROM a UNION SELECT x FROM a ORDER BY x", "tsql")
    assert union.startswith("WITH a AS (")
    assert "SELECT TOP 10 * FROM (SELECT x FROM a UNION SELECT x FROM a) AS q ORDER BY x" in union


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM event", "did you mean events"),
        ("SELECT * FROM other.events", "name the table alone"),
        ("SELECT 1; SELECT 2", "more behind a semicolon"),
        ("SELECT * FROM events LIMIT 5 PERCENT", "a number of rows"),
        ("SELECT * FROM events a CROSS JOIN events b", "ON a.x = b.x"),
        ("SELECT lpad(m_user, 100000) FROM events", "up to 1000"),
        ("SELECT * FROM events TABLESAMPLE 5%", "SAMPLE"),
        ("SELECT " + "(" * 100 + "1" + ")" * 100, "nested more than"),
        ("SELECT 1" + " " * 20_000, "20008 characters"),
        ("SELECT " + "1," * 3_000 + "1", "6002 words"),
        ("SELECT " + " + ".join(f"(SELECT {n} FROM events)" for n in range(9)), "read 9 times"),
        ("SELECT " + " + ".join(f"(SELECT {n})" for n in range(30)), "31 SELECTs"),
        ("SELECT 'a\0b'", "null character"),
    ],
)
def test_a_refusal_says_what_stands_in_the_way(text: str, reason: str) -> None:
    with pytest.raises(QueryError) as error:
        sql(text)
    assert reason in str(error.value)


def test_what_does_not_read_back_as_it_was_meant_is_refused() -> None:
    """The library writes the alias of a pipe under another name than it reads it by; the fuzz found that."""
    for dialect in ("duckdb", "bigquery"):
        with pytest.raises(QueryError):
            sql("SELECT m_user FROM events |> AS x(true)", dialect)
        with pytest.raises(QueryError):
            sql("SELECT current_schem|>as(true)", dialect)


def test_a_construct_whose_translation_moves_the_limit_inside_is_refused() -> None:
    text = "SELECT DISTINCT ON (m_user) m_user FROM events"
    assert sql(text).endswith("LIMIT 10")
    with pytest.raises(QueryError, match="cannot be said in trino"):
        sql(text, "athena")


def test_only_names_that_the_reader_may_hear_of_are_suggested() -> None:
    with pytest.raises(QueryError, match=r"no table 'hidden' \(there are: events, more\)"):
        guard("SELECT * FROM hidden", [EVENTS], known=["more"])


def test_a_subquery_may_be_three_deep_counted_on_the_users_text() -> None:
    deep = "SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM events) c) b) a"
    assert "LIMIT 10" in sql(deep)
    with pytest.raises(QueryError, match="nested 4 deep"):
        sql(f"SELECT * FROM ({deep}) z")
    chain = "WITH a AS (SELECT * FROM events), b AS (SELECT * FROM a), c AS (SELECT * FROM b), d AS (SELECT * FROM c) "
    assert sql(chain + "SELECT * FROM d")


def test_parameters_need_a_value() -> None:
    text = "SELECT * FROM events WHERE m_user = $who"
    assert "$who" in guard(text, [EVENTS], parameters=["who"]).sql
    with pytest.raises(QueryError, match="parameter 'who'"):
        sql(text)


def test_an_unknown_dialect_and_an_odd_window_are_refused() -> None:
    with pytest.raises(QueryError, match="dialect 'oracle'"):
        sql("SELECT 1", "oracle")
    with pytest.raises(QueryError, match="time zone"):
        Window(datetime(2026, 3, 1), datetime(2026, 3, 2))  # the point
    with pytest.raises(QueryError, match="before it begins"):
        Window(WINDOW.hi, WINDOW.lo)
    with pytest.raises(QueryError, match="no column of time"):
        Readable("risks", None, None, WINDOW)
    with pytest.raises(QueryError, match="at least 1"):
        sql("SELECT 1", max_rows=0)
