from __future__ import annotations

import duckdb
import pytest
from mantissa_core.errors import QueryError
from mantissa_core.query.guard import MAX_TEXT, check, first_line

KNOWN = ["events", "signals"]


@pytest.fixture(scope="module")
def parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:", config={"threads": 1})


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT * FROM events", {"events"}),
        ("select e.m_user from EVENTS e join Signals s using (m_id)", {"events", "signals"}),
        ("FROM events", {"events"}),
        ("TABLE events", {"events"}),
        ("DESCRIBE events", {"events"}),
        ("SUMMARIZE events", {"events"}),
        ("VALUES (1), (2)", set()),
        ("WITH a AS (SELECT * FROM events), b AS (SELECT * FROM a) SELECT * FROM b", {"events"}),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT * FROM r", set()),
        ("SELECT * FROM events WHERE m_user IN (SELECT m_user FROM signals)", {"events", "signals"}),
        ("SELECT count(*) FILTER (WHERE m_time > now() - INTERVAL 1 DAY) FROM events", {"events"}),
        ("SELECT unnest(m_any_ip) FROM events, range(3)", {"events"}),
        ("SELECT list_transform(m_any_ip, lambda x: lower(x)) FROM events", {"events"}),
        ("SELECT row_number() OVER (ORDER BY m_time) AS n FROM events QUALIFY n = 1", {"events"}),
        ("SELECT '; DROP VIEW events', $$a;b$$, E'\\' ; DROP' FROM events", {"events"}),
        ("SELECT replace(m_user, 'a', 'b'), json_extract_string(m_extra, '$.a.b') FROM events;", {"events"}),
        ("SELECT * FROM events UNION ALL BY NAME SELECT * FROM signals ORDER BY m_time LIMIT 5", {"events", "signals"}),
    ],
)
def test_a_reading_statement_is_accepted_with_its_tables(
    parser: duckdb.DuckDBPyConnection, sql: str, tables: set[str]
) -> None:
    assert check(parser, sql, KNOWN).tables == tables


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "found 0"),
        ("-- only a comment", "found 0"),
        ("SELECT 1; SELECT 2", "found 2"),
        ("SELECT 1 /* ; */ ; DELETE FROM events -- x", "found 2"),
        ("SELECT 1;;DROP VIEW events", "found 2"),
        ("selec 1", "syntax error"),
        ("DELETE FROM events", "DELETE"),
        ("WITH d AS (DELETE FROM events RETURNING *) SELECT * FROM d", "DELETE"),
        ("SELECT * FROM events WHERE EXISTS (WITH d AS (UPDATE events SET a = 1 RETURNING *) FROM d)", "UPDATE"),
        ("CREATE TEMP TABLE t AS SELECT 1", "CREATE"),
        ("CREATE MACRO f() AS 1", "CREATE"),
        ("SET VARIABLE x = 1", "SET"),
        ("RESET memory_limit", "only SELECT"),
        ("CHECKPOINT", "only SELECT"),
        ("BEGIN", "only SELECT"),
        ("USE other", "only SELECT"),
        ("CALL pragma_version()", "CALL"),
        ("PRAGMA database_list", "PRAGMA"),
        ("SHOW TABLES", "SHOW"),
        ("SHOW ALL TABLES", "SHOW"),
        ("EXPLAIN ANALYZE SELECT 1", "EXPLAIN"),
        ("EXPLAIN DELETE FROM events", "only SELECT"),
        ("EXPLAIN SELECT * FROM read_text('x')", "read_text"),
        ("PIVOT events ON m_user", "only SELECT"),
        ("SELECT * FROM read_parquet('x')", "read_parquet"),
        ("SELECT * FROM main.read_text('x')", "read_text"),
        ("SELECT * FROM query('SELECT 1')", "function query"),
        ("SELECT * FROM query_table('events')", "query_table"),
        ("SELECT * FROM json_execute_serialized_sql('{}')", "json_execute"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings"),
        ("SELECT * FROM pragma_table_info('events')", "pragma_table_info"),
        ("SELECT current_setting('allowed_paths')", "current_setting"),
        ("SELECT GETENV('HOME')", "getenv"),
        ("SELECT repeat('A', 2000000000)", "repeat"),
        ("SELECT 'A'.repeat(2000000000)", "repeat"),
        ("SELECT * FROM events WHERE a = (SELECT content FROM read_text('x'))", "read_text"),
        ("SELECT * FROM '/etc/passwd'", "no table"),
        ("SELECT * FROM information_schema.tables", "no table"),
        ("SELECT * FROM sqlite_master", "no table"),
        ("SELECT * FROM memory.main.events", "no table"),
        ("SELECT * FROM evnets", "did you mean events"),
        ("SELECT (WITH hidden AS (SELECT 1) SELECT 1) FROM hidden", "no table 'hidden'"),
        ("WITH a AS (FROM sqlite_master), sqlite_master AS (SELECT 1) FROM a", "no table 'sqlite_master'"),
        ("WITH a AS (FROM a) FROM a", "no table 'a'"),
    ],
)
def test_everything_else_is_refused_with_its_reason(parser: duckdb.DuckDBPyConnection, sql: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        check(parser, sql, KNOWN)


def test_explain_is_told_apart_from_the_statement(parser: duckdb.DuckDBPyConnection) -> None:
    statement = check(parser, "explain  SELECT * FROM events;", KNOWN)
    assert (statement.explain, statement.sql.strip()) == (True, "SELECT * FROM events")


def test_a_text_without_end_is_refused(parser: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match="characters"):
        check(parser, "SELECT 1" + " " * MAX_TEXT, KNOWN)


def test_a_database_without_tables_says_so(parser: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError, match="none yet"):
        check(parser, "SELECT * FROM events", [])


def test_messages_are_cut_to_what_was_wrong() -> None:
    message = 'Binder Error: no column "x"\nCandidate bindings: "y"\n\nLINE 1: SELECT x\n               ^'
    assert first_line(message) == 'Binder Error: no column "x" Candidate bindings: "y"'
