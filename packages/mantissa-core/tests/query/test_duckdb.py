from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mantissa_core.errors import QueryError
from mantissa_core.model import Query, TableSnapshot
from mantissa_core.query.duckdb import DuckDB
from mantissa_core.query.limits import Limits
from mantissa_core.query.process import WorkerProcess
from mantissa_core.testing.query_backend import EVENTS, events, parquet_table

SLOW = (
    f"SELECT count(*) FROM {EVENTS} a, {EVENTS} b, {EVENTS} c, {EVENTS} d WHERE a.share * b.share - c.share = d.share"
)


@pytest.fixture(scope="module")
def backend() -> Iterator[DuckDB]:
    backend = DuckDB(DuckDB.Config(threads=1, memory_limit="200MB"))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TableSnapshot:
    return parquet_table(events(), tmp_path_factory.mktemp("lake"))


def written(path: Path, rows: pa.Table) -> str:
    pq.write_table(rows, path)
    return str(path)


def test_a_query_reads_only_the_files_that_may_matter(backend: DuckDB, lake: TableSnapshot) -> None:
    day = backend.run_query(Query(f"SELECT * FROM {EVENTS} WHERE dt = '2026-03-02'", [lake]))
    hour = backend.run_query(
        Query(f"SELECT * FROM {EVENTS} WHERE m_time >= '2026-03-03 10:00' AND m_time < '2026-03-03 11:00'", [lake])
    )
    everything = backend.run_query(Query(f"SELECT * FROM {EVENTS}", [lake]))
    sizes = [Path(file).stat().st_size for file in lake.files]
    assert (day.data_scanned_bytes, hour.data_scanned_bytes) == (sizes[1], sizes[2])
    assert everything.data_scanned_bytes == sum(sizes)
    assert (day.rows.num_rows, hour.rows.num_rows, everything.rows.num_rows) == (50, 3, 200)


def test_bounds_on_a_table_leave_a_view_over_it_whole(backend: DuckDB, lake: TableSnapshot) -> None:
    view = TableSnapshot("everyone", {"m_user": "VARCHAR"}, sql=f"SELECT m_user FROM {EVENTS}")
    sql = f"SELECT (SELECT count(*) FROM everyone) AS n, count(*) AS day FROM {EVENTS} WHERE dt = '2026-03-02'"
    assert backend.run_query(Query(sql, [lake, view])).rows.to_pylist() == [{"n": 200, "day": 50}]


def test_files_with_fewer_columns_have_nulls_there(backend: DuckDB, tmp_path: Path) -> None:
    old = written(tmp_path / "old.parquet", pa.table({"m_id": ["1"]}))
    new = written(tmp_path / "new.parquet", pa.table({"m_id": ["2"], "added": [7], "not_declared": [1]}))
    table = TableSnapshot("grown", {"m_id": "VARCHAR", "added": "BIGINT"}, [old, new])
    rows = backend.run_query(Query("SELECT * FROM grown ORDER BY m_id", [table])).rows
    assert rows.to_pylist() == [{"m_id": "1", "added": None}, {"m_id": "2", "added": 7}]


def test_a_new_snapshot_shows_new_files(backend: DuckDB, tmp_path: Path) -> None:
    first = written(tmp_path / "a.parquet", pa.table({"m_id": ["1"]}))
    counts = []
    for files in ([first], [first, written(tmp_path / "b.parquet", pa.table({"m_id": ["2"]}))], [first]):
        table = TableSnapshot("growing", {"m_id": "VARCHAR"}, files)
        counts.append(backend.run_query(Query("SELECT count(*) AS n FROM growing", [table])).rows.to_pylist())
    assert counts == [[{"n": 1}], [{"n": 2}], [{"n": 1}]]


def test_hostile_names_of_tables_columns_and_files_are_quoted(backend: DuckDB, tmp_path: Path) -> None:
    name, column = 'a"b; --', "x' \" y"
    file = written(tmp_path / 'it\'s "odd".parquet', pa.table({column: [1]}))
    table = TableSnapshot(name, {column: "BIGINT"}, [file])
    result = backend.run_query(Query('SELECT * FROM "a""b; --"', [table]))
    assert result.rows.to_pylist() == [{column: 1}]


def test_a_view_may_stand_on_a_view_and_never_on_itself(backend: DuckDB, lake: TableSnapshot) -> None:
    lower = TableSnapshot("lower_view", {"u": "VARCHAR"}, sql=f"SELECT m_user AS u FROM {EVENTS}")
    upper = TableSnapshot("upper_view", {"n": "BIGINT"}, sql="SELECT count(DISTINCT u) AS n FROM lower_view")
    assert backend.run_query(Query("FROM upper_view", [upper, lake, lower])).rows.to_pylist() == [{"n": 4}]
    one = TableSnapshot("one", {}, sql="FROM two")
    two = TableSnapshot("two", {}, sql="FROM one")
    with pytest.raises(QueryError, match="one -> two -> one"):
        backend.run_query(Query("FROM one", [one, two]))


def test_a_file_that_is_gone_is_named_without_its_folder(backend: DuckDB, tmp_path: Path) -> None:
    table = TableSnapshot("gone", {"m_id": "VARCHAR"}, [str(tmp_path / "part-1.parquet")])
    with pytest.raises(QueryError, match=r"part-1\.parquet") as caught:
        backend.run_query(Query("FROM gone", [table]))
    assert str(tmp_path) not in str(caught.value)


def test_remote_files_are_refused_with_a_reason(backend: DuckDB) -> None:
    table = TableSnapshot("far", {"m_id": "VARCHAR"}, ["s3://bucket/part.parquet"])
    with pytest.raises(QueryError, match="local files only"):
        backend.run_query(Query("FROM far", [table]))


def test_too_much_memory_is_an_error_and_the_next_query_works(backend: DuckDB, lake: TableSnapshot) -> None:
    hungry = f"SELECT list(a.m_id || b.m_id || c.m_id) FROM {EVENTS} a, {EVENTS} b, {EVENTS} c"
    with pytest.raises(QueryError, match="memory"):
        backend.run_query(Query(hungry, [lake]))
    assert backend.run_query(Query("SELECT 1 AS one", [lake])).rows.num_rows == 1


def test_explain_shows_the_plan(backend: DuckDB, lake: TableSnapshot) -> None:
    [row] = backend.run_query(Query(f"EXPLAIN SELECT m_id FROM {EVENTS}", [lake])).rows.to_pylist()
    assert "READ_PARQUET" in row["plan"]
    assert str(Path(lake.files[0]).parent.parent) not in row["plan"]


def test_a_parameter_that_has_no_sql_type_is_named(backend: DuckDB) -> None:
    with pytest.raises(QueryError, match=r"\$thing"):
        backend.run_query(Query("SELECT $thing AS x", [], {"thing": object()}))


@pytest.mark.parametrize("value", [None, True, 2**62, 1.5, b"\x00\xff", ["a", None], "Zoë 🔥"])
def test_parameters_keep_their_type(backend: DuckDB, value: object) -> None:
    assert backend.run_query(Query("SELECT $value AS x", [], {"value": value})).rows.to_pylist() == [{"x": value}]


def test_the_worker_is_reused_and_survives_errors(backend: DuckDB, lake: TableSnapshot) -> None:
    backend.check()
    [worker] = backend._idle
    before = worker.pid
    with pytest.raises(QueryError):
        backend.run_query(Query("SELECT nope", [lake]))
    backend.check()
    assert [each.pid for each in backend._idle] == [before]


def test_a_worker_that_died_is_replaced(backend: DuckDB) -> None:
    backend.check()
    backend._idle[0]._process.kill()
    backend._idle[0]._process.wait()
    backend.check()


def test_a_second_query_waits_for_a_process_and_gives_up_in_time(lake: TableSnapshot) -> None:
    backend = DuckDB(DuckDB.Config(threads=1, workers=1))
    backend.check()
    slow = threading.Thread(target=_ignore, args=(backend, Query(SLOW, [lake], execution_id="slow")), daemon=True)
    slow.start()
    while "slow" not in backend._running:
        pass
    with pytest.raises(QueryError, match="busy"):
        backend.run_query(Query("SELECT 1", [], timeout=0.1))
    assert backend.cancel_query("slow")
    slow.join(30)
    backend.check()
    backend.close()


def _ignore(backend: DuckDB, query: Query) -> None:
    with pytest.raises(QueryError):
        backend.run_query(query)


def test_the_worker_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "s3cret")
    backend = DuckDB(DuckDB.Config(threads=1))
    backend.check()
    try:
        environment = Path(f"/proc/{backend._idle[0].pid}/environ")
        if not environment.exists():
            pytest.skip("this system does not show a process's environment")
        assert b"s3cret" not in environment.read_bytes()
    finally:
        backend.close()


def test_the_backend_itself_never_loads_the_engine() -> None:
    code = "import sys, mantissa_core.query.duckdb; print('duckdb' in sys.modules or '_duckdb' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_process_that_died_before_the_request_left_is_closed_without_a_word() -> None:
    process = WorkerProcess(Limits("100MB", 1), 100_000_000)
    process.kill("the query was cancelled")
    process._process.wait()
    with pytest.raises(QueryError, match="the query was cancelled"):
        process.exchange({"op": "run", "sql": "SELECT 1", "max_rows": 1, "tables": {}, "known": []}, None, {})
    process.close()
    process.close()
    assert not process.alive
