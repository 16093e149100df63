from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from mantissa_core.query.footers import Footer
from mantissa_core.query.guard import check
from mantissa_core.query.prune import Bounds, bounds

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def found(engine: duckdb.DuckDBPyConnection, where: str, **parameters: Any) -> Bounds:
    sql = f"SELECT * FROM events AS e {where}"
    return bounds(engine, check(engine, sql, ["events"]).tree, "events", parameters)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("WHERE m_time >= '2026-03-01' AND m_time < '2026-04-01' AND m_user = 'x'", Bounds(MARCH, APRIL)),
        ("WHERE e.m_time BETWEEN TIMESTAMP '2026-03-01' AND DATE '2026-04-01'", Bounds(MARCH, APRIL)),
        ("WHERE '2026-03-01' < m_time AND (m_time > '2026-01-01' AND true)", Bounds(MARCH)),
        ("WHERE m_time = TIMESTAMPTZ '2026-03-01 01:00:00+01'", Bounds(MARCH, MARCH)),
        (
            "WHERE m_time < TIMESTAMPTZ '2026-03-08 00:00:00+00' - INTERVAL 7 DAY",
            Bounds(None, MARCH + timedelta(minutes=10)),
        ),
        ("WHERE dt = '2026-03-01'", Bounds(None, None, "2026-03-01", "2026-03-01")),
        ("WHERE dt >= '2026-03-01' AND dt < '2026-03-05'", Bounds(None, None, "2026-03-01", "2026-03-05")),
    ],
)
def test_bounds_that_must_hold_are_found(engine: duckdb.DuckDBPyConnection, where: str, expected: Bounds) -> None:
    assert found(engine, where) == expected


@pytest.mark.parametrize(
    "where",
    [
        "",
        "WHERE m_time > '2026-03-01' OR m_user = 'x'",
        "WHERE NOT (m_time > '2026-03-01')",
        "WHERE m_time <> '2026-03-01'",
        "WHERE m_time > e.m_ingest_time",
        "WHERE m_time > (SELECT max(m_time) FROM events)",
        "WHERE m_time > 'no time at all'",
        "WHERE m_time > $missing",
        "WHERE m_time < TIMESTAMPTZ '9999-12-31 23:59:00+00' + INTERVAL 0 DAY",
        "WHERE m_time < 'infinity'",
        "WHERE m_time > TIMESTAMPTZ '2026-03-01' + random() * INTERVAL 1 DAY",
        "WHERE other.m_time > '2026-03-01'",
        "JOIN events AS f USING (m_id) WHERE e.m_time > '2026-03-01'",
        "LEFT JOIN (SELECT 1 AS x) ON m_time > '2026-03-01'",
        "WHERE m_time > '2026-03-01' UNION ALL SELECT * FROM events",
    ],
)
def test_what_is_uncertain_bounds_nothing(engine: duckdb.DuckDBPyConnection, where: str) -> None:
    assert found(engine, where) == Bounds()


def test_parameters_and_the_present_count(engine: duckdb.DuckDBPyConnection) -> None:
    assert found(engine, "WHERE m_time >= $start AND dt <= $day", start=MARCH, day="2026-03-09") == Bounds(
        MARCH, None, None, "2026-03-09"
    )
    recent = found(engine, "WHERE m_time > now() - INTERVAL 1 DAY").first
    assert recent is not None
    assert abs((datetime.now(UTC) - recent).total_seconds() - 86_400) < 900


def test_a_file_is_left_out_only_where_it_cannot_matter() -> None:
    def footer(first: datetime | None, last: datetime | None) -> Footer:
        return Footer("part.parquet", frozenset(), 1, first, last)

    limits = Bounds(MARCH, APRIL, "2026-03-01", "2026-04-01")
    assert limits.admit(footer(MARCH, APRIL), "2026-03-15")
    assert limits.admit(footer(None, None), None)
    assert limits.admit(footer(datetime(2025, 1, 1, tzinfo=UTC), MARCH), "2026-03-01")
    assert not limits.admit(footer(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)), None)
    assert not limits.admit(footer(datetime(2026, 5, 1, tzinfo=UTC), None), None)
    assert not limits.admit(footer(None, None), "2026-02-28")
    assert not limits.admit(footer(None, None), "2026-04-02")
