"""The conformance kit of query backends, and what this one promises beyond it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from mantissa_core.errors import QueryError
from mantissa_core.model import Query, TableSnapshot
from mantissa_core.testing.query_backend import EVENTS, QueryBackendContract, events, parquet_table

from mantissa_acme.query_backend import Gadget

Start = Callable[..., Gadget]
USERS = f"SELECT m_user FROM {EVENTS} WHERE m_user > $after"


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """``start(keep_seconds=…)``: a backend, ended with the tests of this module."""
    started: list[Gadget] = []

    def start(**settings: object) -> Gadget:
        duckdb = {"threads": 1, "memory_limit": "200MB"}
        started.append(Gadget(Gadget.Config.model_validate({"duckdb": duckdb, **settings})))
        return started[-1]

    yield start
    for backend in started:
        backend.close()


@pytest.fixture(scope="module")
def backend(start: Start) -> Gadget:
    return start()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TableSnapshot:
    return parquet_table(events(), tmp_path_factory.mktemp("lake"))


class TestGadget(QueryBackendContract):
    @pytest.fixture
    def backend(self, backend: Gadget) -> Gadget:
        return backend

    @pytest.fixture
    def tables(self, table: TableSnapshot) -> list[TableSnapshot]:
        return [table]


def test_an_identical_query_is_answered_from_memory_under_its_own_id(start: Start, table: TableSnapshot) -> None:
    backend, query = start(), Query(USERS, [table], {"after": "a"}, execution_id="one")
    first = backend.run_query(query)
    again = backend.run_query(replace(query, execution_id="two", timeout=1.0))
    assert again.rows.equals(first.rows)
    assert (first.data_scanned_bytes > 0, again.data_scanned_bytes) == (True, 0)
    assert (first.execution_id, again.execution_id) == ("one", "two")


def test_a_query_that_differs_is_asked_anew(start: Start, table: TableSnapshot) -> None:
    query = Query(USERS, [table], {"after": "a"})
    shorter = replace(table, files=table.files[:1], partitions=table.partitions[:1])
    others = [
        replace(query, sql=f"{USERS} ORDER BY m_user"),
        replace(query, parameters={"after": "b"}),
        replace(query, max_rows=5),
        replace(query, tables=[shorter]),
    ]
    backend = start()
    assert all(backend.run_query(each).data_scanned_bytes > 0 for each in [query, *others])


@pytest.mark.parametrize("settings", [{"keep_seconds": 0}, {"keep_mb": 0}])
def test_what_is_too_old_or_too_much_is_not_kept(start: Start, table: TableSnapshot, settings: dict[str, int]) -> None:
    backend, query = start(**settings), Query(USERS, [table], {"after": "a"})
    assert all(backend.run_query(query).data_scanned_bytes > 0 for _ in range(2))


def test_a_parameter_whose_text_does_not_tell_its_value_is_asked_anew(start: Start, table: TableSnapshot) -> None:
    query = Query(f"SELECT m_user FROM {EVENTS} WHERE list_contains($users, m_user)", [table], {"users": ["alice"]})
    backend = start()
    assert all(backend.run_query(query).data_scanned_bytes > 0 for _ in range(2))


def test_a_failure_is_not_kept(start: Start, table: TableSnapshot) -> None:
    backend = start()
    for _ in range(2):
        with pytest.raises(QueryError, match="after"):
            backend.run_query(Query(USERS, [table]))
