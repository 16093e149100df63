"""SQL that a model wrote, over an instance's lake: bounded in time, and to the tables that somebody may see."""

from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.errors import QueryError
from mantissa_core.query.guarded import Window

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = Window(NOW - timedelta(days=1), NOW)

LOG_TYPE = """
name: test.{name}
title: Logins
time: {{path: at}}
views: [auth]
columns: [{{path: at}}, {{path: message}}]
overlay: {{user: [message]}}
"""


@pytest.fixture
def siem(mantissa, tmp_path):
    """Two tables in the view auth, each with an event of the last day and one of the day before."""
    folder = tmp_path / "types"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(LOG_TYPE.format(name=name))
    runtime = mantissa(log_types={"paths": [str(folder)]})
    for name in ("one", "two"):
        times = [NOW - timedelta(hours=hours) for hours in (2, 30)]
        events = [{"at": at.isoformat(), "message": f"{name}-{at:%d}"} for at in times]
        runtime.ingest(f"test.{name}", events)
    return runtime


def users(runtime, sql, **options):
    bounded = runtime.guarded(sql, options.pop("window", DAY), **options)
    return sorted(row["m_user"] for row in runtime.query(bounded.sql).rows.to_pylist())


def test_a_window_bounds_tables_and_views(siem):
    assert users(siem, "SELECT m_user FROM test_one") == ["one-10"]
    assert users(siem, "SELECT m_user FROM auth WHERE m_time > TIMESTAMPTZ '1970-01-01'") == ["one-10", "two-10"]
    assert len(users(siem, "SELECT m_user FROM auth", window=None)) == 4


def test_a_view_shows_the_rows_of_allowed_tables_alone(siem):
    assert users(siem, "SELECT m_user FROM auth", allowed=["test_two"]) == ["two-10"]
    assert users(siem, "SELECT a.m_user FROM auth a JOIN test_two b USING (m_id)", allowed=["test_two"]) == ["two-10"]


def test_a_table_that_is_not_allowed_does_not_exist(siem):
    for sql in ("SELECT * FROM test_one", "SELECT * FROM auth JOIN test_one USING (m_id)"):
        with pytest.raises(QueryError, match="no table 'test_one'") as error:
            siem.guarded(sql, DAY, allowed=["test_two"])
        assert "signals" not in str(error.value)
    with pytest.raises(QueryError, match=r"no table 'auth' \(there are: none yet\)"):
        siem.guarded("SELECT * FROM auth", DAY, allowed=[])


def test_more_rows_than_asked_for_are_noticed(siem):
    bounded = siem.guarded("SELECT * FROM auth", None, max_rows=3)
    result = siem.query(bounded.sql, max_rows=3)
    assert (result.rows.num_rows, result.truncated) == (3, True)


def test_an_estimate_shrinks_with_the_window(siem):
    day, whole = (siem.guarded("SELECT m_user FROM test_one", window) for window in (DAY, None))
    assert 0 < siem.estimate(day.sql).bytes <= siem.estimate(whole.sql).bytes
