"""Estimates against what DuckDB really reads, and prices."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mantissa_core.errors import ConfigError, QueryError
from mantissa_core.model import Query, TableSnapshot
from mantissa_core.query.cost import Price, read_prices
from mantissa_core.query.duckdb import DuckDB
from mantissa_core.query.guarded import Readable, Window, guard

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = 40_000
COLUMNS = {"m_time": "TIMESTAMPTZ", "m_user": "VARCHAR", "wide": "VARCHAR", "number": "BIGINT", "dt": "VARCHAR"}
VIEW = TableSnapshot("everyone", {"m_user": "VARCHAR", "dt": "VARCHAR"}, sql="SELECT m_user, dt FROM measured")

# Runs the statement in a process of its own, so that nothing is cached, and prints the bytes that it read.
MEASURE = """
import sys, duckdb, pyarrow
def read():
    return int(next(line for line in open("/proc/self/io") if line.startswith("rchar")).split()[1])
files, sql = sys.argv[1].split("|"), sys.argv[2]
connection = duckdb.connect(config={"threads": 1})
connection.execute("SET TimeZone = 'UTC'")
connection.execute("CREATE VIEW measured AS SELECT * FROM read_parquet(" + repr(files) + ", hive_partitioning = true, "
    "hive_types = {'dt': VARCHAR})")
connection.execute("CREATE VIEW everyone AS SELECT m_user, dt FROM measured")
connection.execute("SELECT 1").to_arrow_table()
before = read()
connection.execute(sql).to_arrow_table()
print(read() - before)
"""


@pytest.fixture(scope="module")
def backend() -> Iterator[DuckDB]:
    backend = DuckDB(DuckDB.Config(threads=1, workers=1))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> TableSnapshot:
    """Two days, one file each, with ten row groups in the order of time."""
    folder = tmp_path_factory.mktemp("measured")
    files, days = [], ["2026-03-01", "2026-03-02"]
    for number, day in enumerate(days):
        numbers = range(number * ROWS, (number + 1) * ROWS)
        times = [START + timedelta(days=number, seconds=2 * (each % ROWS)) for each in numbers]
        wide = [f"{each * 2654435761 % 2**64:016x}{each * 40503 % 2**64:016x}" for each in numbers]
        table = {"m_time": times, "m_user": [f"user{each * 7919 % 9973}" for each in numbers], "wide": wide}
        path = folder / f"dt={day}" / "a.parquet"
        path.parent.mkdir()
        pq.write_table(pa.table({**table, "number": list(numbers)}), path, row_group_size=ROWS // 10)
        files.append(str(path))
    return TableSnapshot("measured", COLUMNS, files, days)


STATEMENTS = {
    "everything": "SELECT * FROM measured",
    "one column": "SELECT sum(length(wide)) AS x FROM measured",
    "one day": "SELECT * FROM measured WHERE dt = '2026-03-02'",
    "one column of one day": "SELECT sum(length(m_user)) AS x FROM measured WHERE dt = '2026-03-02'",
    "one hour": "SELECT sum(length(wide)) AS x FROM measured WHERE m_time < TIMESTAMPTZ '2026-03-01 01:00:00+00'",
    "a column in a condition": "SELECT count(*) AS n FROM measured WHERE wide LIKE '%ff%'",
    "a view": "SELECT sum(length(m_user)) AS x FROM everyone",
    "one day of a view": "SELECT sum(length(m_user)) AS x FROM everyone WHERE dt = '2026-03-02'",
    "a join with itself": "SELECT count(*) AS n FROM measured AS a JOIN measured AS b ON a.wide = b.wide",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the bytes that a process read are in /proc")
@pytest.mark.parametrize("name", STATEMENTS)
@pytest.mark.parametrize("bounded", [False, True], ids=["as-it-is", "guarded"])
def test_an_estimate_is_within_a_factor_of_two_of_what_is_read(
    backend: DuckDB, measured: TableSnapshot, name: str, bounded: bool
) -> None:
    sql = STATEMENTS[name]
    if bounded:
        # The window prunes; conditions outside of it are the engine's own, and an estimate does not see them.
        window = Window(START, START + (timedelta(hours=1) if name == "one hour" else timedelta(days=2)))
        sql = guard(sql, [Readable("measured", window=window), Readable("everyone", None)], max_rows=10**9).sql
    estimate = backend.estimate_query(Query(sql, [measured, VIEW]))
    command = [sys.executable, "-c", MEASURE, "|".join(measured.files), sql]
    read = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert read / 2 <= estimate.bytes <= read * 2


def test_fewer_columns_fewer_days_and_fewer_hours_cost_less(backend: DuckDB, measured: TableSnapshot) -> None:
    def estimate(name: str) -> int:
        return backend.estimate_query(Query(STATEMENTS[name], [measured, VIEW])).bytes

    whole = sum(Path(each).stat().st_size for each in measured.files)
    assert whole * 0.9 < estimate("everything") < whole
    assert estimate("one hour") < estimate("one column") < estimate("everything")
    assert estimate("one column of one day") * 2 == pytest.approx(estimate("a view"), rel=0.1)


def test_a_statement_that_would_not_run_has_no_estimate(backend: DuckDB, measured: TableSnapshot) -> None:
    with pytest.raises(QueryError, match="nothing"):
        backend.estimate_query(Query("SELECT nothing FROM measured", [measured]))


def test_what_the_footers_answer_reads_nothing(backend: DuckDB, measured: TableSnapshot) -> None:
    assert backend.estimate_query(Query("SELECT count(*) AS n FROM measured", [measured])).bytes == 0


def test_parameters_count_in_an_estimate(backend: DuckDB, measured: TableSnapshot) -> None:
    sql = "SELECT * FROM measured WHERE dt = $day"
    day = backend.estimate_query(Query(sql, [measured], {"day": "2026-03-01"}))
    none = backend.estimate_query(Query(sql, [measured], {"day": "2020-01-01"}))
    assert 0 == none.bytes < day.bytes


def test_a_price_has_a_minimum_and_is_rounded_up() -> None:
    price = Price(usd=5, per_bytes=1_000_000, minimum_bytes=100, round_to_bytes=10)
    assert [price.of(size) for size in (0, 100, 101, 1_000_000)] == [0.0005, 0.0005, 0.00055, 5.0]


def test_the_prices_that_come_with_the_project_name_each_engine() -> None:
    prices = read_prices()
    assert prices.usd("athena", 0) == pytest.approx(5 * 10 / 1024**2)
    assert prices.usd("athena", 1 << 40) == 5.0
    assert prices.usd("bigquery", 1 << 40) == 6.25
    assert prices.usd("synapse", 1 << 40) == 5.0
    assert prices.usd("duckdb", 1 << 40) == 0.0
    with pytest.raises(QueryError, match=r"no price is known for 'oracle' \(there are: athena"):
        prices.usd("oracle", 1)


def test_prices_come_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("as_of: 2026-01-01\nengines: {athena: {usd: 4, per_bytes: 1000}}\n")
    assert read_prices(path).usd("athena", 500) == 2.0
    path.write_text("as_of: 2026-01-01\nengines: {athena: {usd: -4, per_bytes: 1000}}\n")
    with pytest.raises(ConfigError, match=r"engines\.athena\.usd"):
        read_prices(path)
    with pytest.raises(ConfigError, match="FileNotFoundError"):
        read_prices(tmp_path / "none.yaml")
