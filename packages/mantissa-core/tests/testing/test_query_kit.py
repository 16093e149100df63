"""The query kit, proven on the built-in backend and on variants that are wrong in one way each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from mantissa_core.errors import QueryError
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import CostEstimate, Query, QueryResult, TableSnapshot
from mantissa_core.query.duckdb import DuckDB
from mantissa_core.testing.query_backend import EVENTS, QueryBackendContract, events, parquet_table


@pytest.fixture(scope="module")
def warm() -> Iterator[DuckDB]:
    backend = DuckDB(DuckDB.Config(threads=1))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> TableSnapshot:
    return parquet_table(events(), tmp_path_factory.mktemp("lake"))


class TestDuckDB(QueryBackendContract):
    @pytest.fixture
    def backend(self, warm: DuckDB) -> DuckDB:
        return warm

    @pytest.fixture
    def tables(self, lake: TableSnapshot) -> Sequence[TableSnapshot]:
        return [lake]


class Careless:
    """Every backend's temptation: an engine with all its doors open, and the caller's text as it came."""

    @hookimpl
    def run_query(self, query: Query) -> QueryResult:
        started = time.perf_counter()
        try:
            rows = self.fetch(self.connected(query), query)
        except duckdb.Error as error:
            raise QueryError(self.explained(error, query)) from error
        elapsed = (time.perf_counter() - started) * 1000
        kept = rows.slice(0, self.limit(query))
        return QueryResult(self.named(query), "succeeded", kept, 0, elapsed, rows.num_rows > kept.num_rows)

    @hookimpl
    def estimate_query(self, query: Query) -> CostEstimate:
        return CostEstimate(sum(table.bytes for table in query.tables), 0.0)

    @hookimpl
    def cancel_query(self, execution_id: str) -> bool:
        return False

    def connected(self, query: Query) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        for table in query.tables:
            if table.files:
                source = (
                    f"read_parquet({list(table.files)!r}, hive_partitioning = true, hive_types = {{'dt': VARCHAR}})"
                )
                connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {source}")
        return connection

    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return connection.sql(query.sql, params=dict(query.parameters)).to_arrow_table()

    def limit(self, query: Query) -> int:
        return min(query.max_rows, 10_000)

    def named(self, query: Query) -> str:
        return query.execution_id or f"{time.perf_counter_ns()}"

    def explained(self, error: Exception, query: Query) -> str:
        return str(error)


class WithoutAHook(Careless):
    def run_query(self, query: Query) -> QueryResult:
        return super().run_query(query)


class CountsNothing(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return super().fetch(connection, query).slice(0, 0)


class NamesNothing(Careless):
    def named(self, query: Query) -> str:
        return query.execution_id


class RoundsNumbers(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        rows = super().fetch(connection, query)
        if "size" not in rows.column_names:
            return rows
        where = rows.column_names.index("size")
        return rows.set_column(where, "size", rows.column("size").cast(pa.float64(), safe=False))


class DropsTheZone(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        rows = super().fetch(connection, query)
        fields = [pa.field(f.name, pa.timestamp("us")) if pa.types.is_timestamp(f.type) else f for f in rows.schema]
        return rows.cast(pa.schema(fields))


class IgnoresTheLimit(Careless):
    def limit(self, query: Query) -> int:
        return 10**9


class HasNoGreatestLimit(Careless):
    def limit(self, query: Query) -> int:
        return query.max_rows


class PastesItsLimit(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return connection.sql(f"{query.sql} LIMIT {query.max_rows}").to_arrow_table()


class WrapsInOneLine(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return connection.sql(f"SELECT * FROM ({query.sql}) LIMIT {query.max_rows + 1}").to_arrow_table()


class HidesWhatWasWrong(Careless):
    def explained(self, error: Exception, query: Query) -> str:
        return "the query failed"


class TellsWhereTheFilesAre(Careless):
    def explained(self, error: Exception, query: Query) -> str:
        return f"{error} while reading {[file for table in query.tables for file in table.files]}"


class IgnoresParameters(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return connection.sql(query.sql, params=dict.fromkeys(query.parameters, "alice")).to_arrow_table()


class PastesParameters(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        sql = query.sql
        for name, value in query.parameters.items():
            sql = sql.replace(f"${name}", f"'{value}'")
        return connection.sql(sql).to_arrow_table()


class TakesAMissingParameterForNull(Careless):
    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return connection.sql(query.sql, params={"user": None, **query.parameters}).to_arrow_table()


class Answers(Careless):
    """Answers at once what takes long: with nothing."""

    def fetch(self, connection: duckdb.DuckDBPyConnection, query: Query) -> pa.Table:
        return pa.table({"one": [1]})


class EstimatesEverything(Careless):
    """Never looks at the statement."""


class KnowsNoViews(Careless):
    """Only tables with files exist."""


WRONG: list[tuple[str, type[Careless]]] = [
    ("test_every_hook_is_marked_with_hookimpl", WithoutAHook),
    ("test_a_query_returns_rows_and_what_they_took", CountsNothing),
    ("test_a_query_without_an_id_gets_one", NamesNothing),
    ("test_every_type_survives", RoundsNumbers),
    ("test_times_carry_their_zone", DropsTheZone),
    ("test_no_more_rows_than_asked_for", IgnoresTheLimit),
    ("test_never_more_rows_than_the_greatest_limit", HasNoGreatestLimit),
    ("test_a_limit_of_the_query_itself_holds", PastesItsLimit),
    ("test_a_comment_at_the_end_does_no_harm", WrapsInOneLine),
    ("test_only_reading_is_possible", Careless),
    ("test_an_unknown_table_or_column_is_named", HidesWhatWasWrong),
    ("test_errors_do_not_tell_where_the_files_are", TellsWhereTheFilesAre),
    ("test_parameters_are_bound_by_name", IgnoresParameters),
    ("test_a_missing_parameter_is_an_error", TakesAMissingParameterForNull),
    ("test_a_parameter_is_never_sql", PastesParameters),
    ("test_a_slow_query_is_stopped", Answers),
    ("test_a_running_query_can_be_cancelled", Answers),
    ("test_an_estimate_reads_nothing_and_grows_with_the_span", EstimatesEverything),
    ("test_an_estimate_refuses_what_would_not_run", EstimatesEverything),
    ("test_a_view_over_the_tables_of_the_query_works", KnowsNoViews),
    ("test_a_table_without_files_is_empty", KnowsNoViews),
]
FAILURES = (AssertionError, pytest.fail.Exception, QueryError)
WITHOUT_TABLES = {"test_every_hook_is_marked_with_hookimpl", "test_a_table_without_files_is_empty"}


class Impatient(QueryBackendContract):
    patience = 0.1


@pytest.mark.parametrize(("test", "wrong"), WRONG, ids=[f"{wrong.__name__}-{test}" for test, wrong in WRONG])
def test_a_wrong_backend_fails(test: str, wrong: type[Careless], lake: TableSnapshot, tmp_path: Path) -> None:
    arguments: list[Any] = [] if test in WITHOUT_TABLES else [[lake]]
    arguments += [tmp_path] if "only_reading" in test else []
    with pytest.raises(FAILURES):
        getattr(Impatient(), test)(wrong(), *arguments)


def test_every_test_of_the_kit_is_proven_by_a_wrong_backend() -> None:
    assert {name for name in dir(QueryBackendContract) if name.startswith("test_")} == {test for test, _ in WRONG}


def test_the_kits_table_is_what_it_says(lake: TableSnapshot) -> None:
    assert (lake.name, lake.rows, len(lake.files)) == (EVENTS, 200, 5)
    assert list(lake.columns) == events().column_names
