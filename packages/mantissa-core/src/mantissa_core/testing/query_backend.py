# ruff: noqa: D102  # a test's name is the promise that it checks
"""Conformance kit for query backends: subclass :class:`QueryBackendContract` in a test module.

The author supplies the backend, and the kit's rows (:func:`events`) where it can read them::

    class TestWarehouse(QueryBackendContract):
        @pytest.fixture
        def backend(self):
            return Warehouse(Warehouse.Config(...))

        @pytest.fixture
        def tables(self, tmp_path):
            return [parquet_table(events(), tmp_path / "lake")]

Both may come from a fixture of wider scope: no test changes what they hold.

The statements are plain SQL that every engine understands; an engine whose dialect differs
overrides :attr:`QueryBackendContract.forbidden` and :attr:`QueryBackendContract.slow`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mantissa_core.errors import QueryError
from mantissa_core.hookspecs import PROJECT, QueryBackend
from mantissa_core.model import CostEstimate, Query, QueryResult, TableSnapshot

__all__ = ["EVENTS", "QueryBackendContract", "events", "parquet_table"]

EVENTS = "kit_events"
"""Name of the kit's table."""
ROWS = 200
MAX_ROWS = 10_000
HOOKS = ("run_query", "estimate_query", "cancel_query")
START = datetime(2026, 3, 1, tzinfo=UTC)
_TYPES = {
    "m_id": "VARCHAR",
    "m_time": "TIMESTAMP WITH TIME ZONE",
    "m_user": "VARCHAR",
    "m_any_ip": "VARCHAR[]",
    "size": "BIGINT",
    "share": "DOUBLE",
    "flagged": "BOOLEAN",
    "dt": "VARCHAR",
}


def events() -> pa.Table:
    """200 events over four days, with nulls, lists, times in UTC and text of every kind."""
    times = [START + timedelta(minutes=29 * n) for n in range(ROWS)]
    names = ["alice", "Zoë", "李 🔥", "o'brien; --", None]
    return pa.table(
        {
            "m_id": [f"{n:032x}" for n in range(ROWS)],
            "m_time": pa.array(times, pa.timestamp("us", "UTC")),
            "m_user": pa.array([names[n % 5] for n in range(ROWS)], pa.string()),
            "m_any_ip": pa.array(
                [[f"198.51.100.{n % 7}", "192.0.2.1"] if n % 3 else None for n in range(ROWS)], pa.list_(pa.string())
            ),
            "size": pa.array([2**53 + n if n % 4 else None for n in range(ROWS)], pa.int64()),
            "share": pa.array([n / 7 for n in range(ROWS)], pa.float64()),
            "flagged": pa.array([None if n % 5 == 0 else n % 2 == 0 for n in range(ROWS)], pa.bool_()),
            "dt": [f"{moment:%Y-%m-%d}" for moment in times],
        }
    )


def parquet_table(rows: pa.Table, folder: Path) -> TableSnapshot:
    """Write :func:`events` as the lake does, a file per day, and describe them."""
    files, days = [], sorted(set(rows.column("dt").to_pylist()))
    for day in days:
        part = rows.filter(pc.equal(rows.column("dt"), day)).drop_columns(["dt"])
        path = folder / f"dt={day}" / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(part, path)
        files.append(path)
    size = sum(path.stat().st_size for path in files)
    return TableSnapshot(EVENTS, dict(_TYPES), [str(path) for path in files], days, size, rows.num_rows)


class QueryBackendContract:
    """What every query backend must do. Override the fixtures :meth:`backend` and :meth:`tables`."""

    forbidden: ClassVar[tuple[str, ...]] = (
        f"DELETE FROM {EVENTS}",
        f"UPDATE {EVENTS} SET m_user = 'x'",
        f"INSERT INTO {EVENTS} SELECT * FROM {EVENTS}",
        f"DROP TABLE {EVENTS}",
        f"DROP VIEW {EVENTS}",
        f"CREATE TABLE copied AS SELECT * FROM {EVENTS}",
        f"CREATE OR REPLACE VIEW {EVENTS} AS SELECT 1 AS m_id",
        f"ALTER TABLE {EVENTS} ADD COLUMN x INTEGER",
        f"COPY {EVENTS} TO '{{folder}}/stolen.csv'",
        f"COPY (SELECT * FROM {EVENTS}) TO '{{folder}}/stolen.parquet'",
        "ATTACH '{folder}/other.db' AS other",
        "EXPORT DATABASE '{folder}/stolen'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '1TB'",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "SELECT * FROM read_text('{folder}/secret.txt')",
        "SELECT * FROM read_csv('{folder}/secret.txt')",
        "SELECT * FROM '{folder}/secret.csv'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT getenv('HOME')",
        "SELECT 1; SELECT 2",
        f"SELECT 1; DROP VIEW {EVENTS}",
        f"WITH gone AS (DELETE FROM {EVENTS} RETURNING *) SELECT * FROM gone",
        f"EXPLAIN ANALYZE DELETE FROM {EVENTS}",
        "PREPARE p AS SELECT 1",
        "SELECT * FROM information_schema.tables",
        "",
        "-- nothing",
    )
    """Statements that must not run. ``{folder}`` holds a file ``secret.txt`` and must stay as it is."""
    slow: ClassVar[str] = (
        f"SELECT count(*) AS n FROM {EVENTS} AS a, {EVENTS} AS b, {EVENTS} AS c, {EVENTS} AS d, {EVENTS} AS e"
        " WHERE a.share * b.share - c.share * d.share + e.share = 0.123456789"
    )
    """A statement that runs for minutes."""
    examples: ClassVar[int] = 25
    """How many random parameters are tried; fewer for an engine that bills."""
    patience: ClassVar[float] = 30.0
    """Seconds to wait until a query has started, or has stopped."""

    @pytest.fixture
    def backend(self) -> QueryBackend:
        """The backend under test."""
        raise NotImplementedError("give your test class a fixture named 'backend'")

    @pytest.fixture
    def tables(self) -> Sequence[TableSnapshot]:
        """The kit's rows, as a table that the backend reads."""
        raise NotImplementedError("give your test class a fixture named 'tables'")

    def test_every_hook_is_marked_with_hookimpl(self, backend: Any) -> None:
        for hook in HOOKS:
            assert hasattr(getattr(backend, hook), f"{PROJECT}_impl"), f"decorate {hook!r} with @hookimpl"

    def test_a_query_returns_rows_and_what_they_took(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        query = Query(f"SELECT count(*) AS n FROM {EVENTS}", tables, execution_id="kit-count")
        result = backend.run_query(query)
        assert isinstance(result, QueryResult)
        assert result.rows.to_pylist() == [{"n": ROWS}]
        assert (result.status, result.execution_id, result.truncated) == ("succeeded", "kit-count", False)
        assert result.execution_time_ms > 0
        assert result.data_scanned_bytes >= 0

    def test_a_query_without_an_id_gets_one(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        names = {backend.run_query(Query("SELECT 1 AS one", tables)).execution_id for _ in range(2)}
        assert len(names - {""}) == 2

    def test_every_type_survives(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        expected = events()
        columns = ", ".join(expected.column_names)
        rows = backend.run_query(Query(f"SELECT {columns} FROM {EVENTS} ORDER BY m_id", tables)).rows
        assert rows.column_names == expected.column_names
        for name in expected.column_names:
            assert _plain(rows, name) == _plain(expected, name), name

    def test_times_carry_their_zone(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        rows = backend.run_query(Query(f"SELECT min(m_time) AS first FROM {EVENTS}", tables)).rows
        assert rows.schema.field("first").type.tz is not None
        assert _plain(rows, "first") == [START]

    def test_no_more_rows_than_asked_for(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        sql = f"SELECT m_id FROM {EVENTS} ORDER BY m_id DESC"
        some = backend.run_query(Query(sql, tables, max_rows=3))
        assert some.rows.column("m_id").to_pylist() == [f"{n:032x}" for n in (199, 198, 197)]
        assert some.truncated, "say that there was more"
        exactly = backend.run_query(Query(sql, tables, max_rows=ROWS))
        assert (exactly.rows.num_rows, exactly.truncated) == (ROWS, False)

    def test_never_more_rows_than_the_greatest_limit(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        sql = f"SELECT a.m_id FROM {EVENTS} AS a, {EVENTS} AS b"
        result = backend.run_query(Query(sql, tables, max_rows=1_000_000))
        assert (result.rows.num_rows, result.truncated) == (MAX_ROWS, True)

    def test_a_limit_of_the_query_itself_holds(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        result = backend.run_query(Query(f"SELECT m_id FROM {EVENTS} LIMIT 2", tables))
        assert (result.rows.num_rows, result.truncated) == (2, False)

    def test_a_comment_at_the_end_does_no_harm(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        result = backend.run_query(Query(f"SELECT m_id FROM {EVENTS} -- everything", tables, max_rows=2))
        assert (result.rows.num_rows, result.truncated) == (2, True)

    def test_only_reading_is_possible(self, backend: Any, tables: Sequence[TableSnapshot], tmp_path: Path) -> None:
        for name in ("secret.txt", "secret.csv"):
            (tmp_path / name).write_text("the secret\n")
        before = {path.name for path in tmp_path.iterdir()}
        for statement in self.forbidden:
            with pytest.raises(QueryError):
                backend.run_query(Query(statement.replace("{folder}", str(tmp_path)), tables))
                pytest.fail(f"this ran: {statement}")
        assert {path.name for path in tmp_path.iterdir()} == before
        assert backend.run_query(Query(f"SELECT count(*) AS n FROM {EVENTS}", tables)).rows.to_pylist() == [{"n": ROWS}]

    def test_an_unknown_table_or_column_is_named(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        for sql, name in ((f"SELECT * FROM {EVENTS}x", f"{EVENTS}x"), (f"SELECT m_usr FROM {EVENTS}", "m_usr")):
            with pytest.raises(QueryError) as caught:
                backend.run_query(Query(sql, tables))
            assert name in str(caught.value)

    def test_errors_do_not_tell_where_the_files_are(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        cast = f"SELECT CAST(m_id AS INTEGER) AS n FROM {EVENTS} WHERE m_id LIKE '%a'"
        for sql in (f"SELECT nope FROM {EVENTS}", cast, "SELECT * FROM nope"):
            with pytest.raises(QueryError) as caught:
                backend.run_query(Query(sql, tables))
            shown = [str(Path(file).parent) for table in tables for file in table.files]
            assert not [path for path in shown if path in str(caught.value)]

    def test_parameters_are_bound_by_name(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        sql = f"SELECT count(*) AS n FROM {EVENTS} WHERE m_user = $user AND m_time < $until"
        parameters = {"user": "o'brien; --", "until": START + timedelta(days=1)}
        [row] = backend.run_query(Query(sql, tables, parameters)).rows.to_pylist()
        assert row == {"n": 10}

    def test_a_missing_parameter_is_an_error(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        with pytest.raises(QueryError):
            backend.run_query(Query(f"SELECT * FROM {EVENTS} WHERE m_user = $user", tables))

    def test_a_parameter_is_never_sql(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
        values = st.one_of(text, st.sampled_from(["'; DROP VIEW kit_events; --", "$value", "' OR '1'='1", "\\'"]))

        @settings(
            max_examples=self.examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # shrinking a text of 40 characters is not worth its queries
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(value=values)
        def comes_back(value: str) -> None:
            sql = "SELECT $value AS value"
            assert backend.run_query(Query(sql, tables, {"value": value})).rows.to_pylist() == [{"value": value}]

        comes_back()

    def test_a_slow_query_is_stopped(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        started = time.monotonic()
        with pytest.raises(QueryError):
            backend.run_query(Query(self.slow, tables, timeout=0.5))
        assert time.monotonic() - started < 60, "the timeout is in seconds, and it counts"
        assert backend.run_query(Query("SELECT 1 AS one", tables)).rows.num_rows == 1

    def test_a_running_query_can_be_cancelled(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        outcome: list[object] = []

        def run() -> None:
            try:
                outcome.append(backend.run_query(Query(self.slow, tables, timeout=60, execution_id="kit-slow")))
            except QueryError as error:
                outcome.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        deadline = time.monotonic() + self.patience
        while not (cancelled := backend.cancel_query("kit-slow")) and time.monotonic() < deadline:
            time.sleep(0.02)
        thread.join(self.patience)
        assert cancelled, "cancel_query says True where it stopped something"
        assert [type(each) for each in outcome] == [QueryError]
        assert backend.cancel_query("kit-slow") is False
        assert backend.run_query(Query("SELECT 1 AS one", tables)).rows.num_rows == 1

    def test_an_estimate_reads_nothing_and_grows_with_the_span(
        self, backend: Any, tables: Sequence[TableSnapshot]
    ) -> None:
        day = backend.estimate_query(Query(f"SELECT * FROM {EVENTS} WHERE dt = '2026-03-02'", tables))
        everything = backend.estimate_query(Query(f"SELECT * FROM {EVENTS}", tables))
        assert isinstance(day, CostEstimate)
        assert 0 < day.bytes < everything.bytes
        assert day.usd <= everything.usd

    def test_an_estimate_refuses_what_would_not_run(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        with pytest.raises(QueryError):
            backend.estimate_query(Query(f"DELETE FROM {EVENTS}", tables))

    def test_a_view_over_the_tables_of_the_query_works(self, backend: Any, tables: Sequence[TableSnapshot]) -> None:
        view = TableSnapshot("kit_view", {"m_user": "VARCHAR"}, sql=f"SELECT m_user FROM {EVENTS} WHERE size IS NULL")
        result = backend.run_query(Query("SELECT count(*) AS n FROM kit_view", [*tables, view]))
        assert result.rows.to_pylist() == [{"n": 50}]

    def test_a_table_without_files_is_empty(self, backend: Any) -> None:
        empty = TableSnapshot("kit_empty", {"m_id": "VARCHAR", "m_any_ip": "VARCHAR[]"})
        result = backend.run_query(Query("SELECT m_id, m_any_ip FROM kit_empty", [empty]))
        assert (result.rows.num_rows, result.rows.column_names) == (0, ["m_id", "m_any_ip"])


def _plain(rows: pa.Table, name: str) -> list[Any]:
    """Values as Python has them, times in UTC: engines name that zone differently."""
    column = rows.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", "UTC"))
    values: list[Any] = column.to_pylist()
    return values
