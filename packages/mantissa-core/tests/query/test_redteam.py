"""Hostile and benign statements against the guard and a hardened engine.

What an accepted statement returns may depend on nothing but the rows that may be read: it runs over two databases that
differ in the rows outside the window and in the secret table, and must answer the same.
"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import yaml
from mantissa_core.errors import QueryError
from mantissa_core.query.guard import check
from mantissa_core.query.guarded import Guarded, Readable, Window, guard

from .guarded_shape import shape_of

MAX_ROWS = 500
TABLE = "auth_events"
ENGINES = ("duckdb", "athena", "bigquery", "tsql")
WINDOW = Window(datetime.now(UTC) - timedelta(days=7), datetime.now(UTC) + timedelta(days=1))
READABLE = Readable(TABLE, "ts", None, WINDOW)
HARDENED = {
    "enable_external_access": "false",
    "lock_configuration": "true",
    "memory_limit": "256MB",
    "threads": "1",
    "max_temp_directory_size": "0MB",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "python_enable_replacements": "false",
    "allow_persistent_secrets": "false",
}


class Case(NamedTuple):
    contain: str
    dialect: str
    kind: str
    sql: str


def own() -> list[Case]:
    data = yaml.safe_load(Path(__file__).with_name("redteam.yaml").read_text("utf-8"))
    return [
        Case(contain, dialect, kind, sql)
        for contain, engines in data.items()
        for dialect, kinds in engines.items()
        for kind, statements in kinds.items()
        for sql in statements
    ]


def corpus() -> list[Case]:
    """The external statements; those for engines that there is no guard for are tried as every engine's."""
    folder = os.environ.get("MANTISSA_TEST_DATA")
    if not folder:
        return []
    lines = (Path(folder) / "sql-redteam.jsonl").read_text("utf-8").splitlines()
    found = []
    for each in map(json.loads, lines):
        dialects = [each["dialect"]] if each["dialect"] in ENGINES else ENGINES
        found += [Case(each["contain"], dialect, each["cls"], each["sql"]) for dialect in dialects]
    return found


CASES = [*own(), *corpus()]
IDS = [f"{number:03}-{case.contain}-{case.dialect}-{case.kind}" for number, case in enumerate(CASES)]


def guarded(case: Case) -> Guarded:
    return guard(case.sql, [READABLE], case.dialect, max_rows=MAX_ROWS)


class Databases(NamedTuple):
    """``whole`` has more rows, outside the window, and other secrets than ``inside``."""

    whole: duckdb.DuckDBPyConnection
    inside: duckdb.DuckDBPyConnection
    parser: duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    folder, now = tmp_path_factory.mktemp("redteam"), datetime.now(UTC)
    for name, days, secret in (("whole", 40, "hidden"), ("inside", 7, "other")):
        with duckdb.connect(str(folder / name)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"CREATE TABLE {TABLE}(ts TIMESTAMPTZ, user_name VARCHAR, src_ip VARCHAR, src_country VARCHAR, "
                "outcome VARCHAR)"
            )
            connection.executemany(f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?)", list(rows(now, days)))
            connection.execute(
                f"CREATE TABLE secret_tbl AS SELECT '{secret}' AS val, now() AS ts, 'amara' AS user_name"
            )
    opened = [duckdb.connect(str(folder / name), read_only=True, config=HARDENED) for name in ("whole", "inside")]
    yield Databases(*opened, duckdb.connect(":memory:"))
    for each in opened:
        each.close()


def rows(now: datetime, days: int) -> Iterator[tuple[Any, ...]]:
    """Events, the newest first, never near the window's edge: it is 7 days before the start of the test."""
    people, places = ("amara", "lin", "noor"), ("US", "DE", None)
    for number in range(days * 6):
        ts = now - timedelta(hours=4 * number + 2)
        address = f"203.0.113.{number % 9}" if number % 3 else f"198.51.100.{number % 5}"
        outcome = "failure" if number % 4 == 0 else "success"
        yield ts, people[number % 3], address, places[number % 7 % 3], outcome


def fetch(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """Rows as texts, in their order; a statement that does not end is interrupted, which is an error."""
    timer = threading.Timer(60, connection.interrupt)
    timer.start()
    try:
        table = connection.sql(sql).to_arrow_table()
        return [repr(sorted(row.items(), key=lambda item: item[0])) for row in table.to_pylist()]
    finally:
        timer.cancel()


def judged(case: Case) -> Guarded | str:
    """The statement as it may run, or why it may not."""
    try:
        return guarded(case)
    except QueryError as error:
        return str(error)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_is_hostile_never_runs_as_written_and_what_is_benign_runs(case: Case, databases: Databases) -> None:
    result = judged(case)
    if isinstance(result, str):
        assert case.contain != "allow", f"benign, and refused: {result}"
        assert result
        assert "write it more simply" not in result, "no refusal by accident"
        return
    assert case.contain != "reject", f"hostile, and accepted: {result.sql}"
    shape = shape_of(result.sql, case.dialect, {TABLE})
    assert shape.tables == result.tables
    assert shape.unbounded == []
    assert shape.limit is not None
    assert shape.limit <= MAX_ROWS
    assert "/*" not in result.sql
    if case.dialect == "duckdb":
        _answers_from_the_window_alone(case, result, databases)


def _answers_from_the_window_alone(case: Case, result: Guarded, databases: Databases) -> None:
    assert check(databases.parser, result.sql, [TABLE]).tables == result.tables
    found = fetch(databases.whole, result.sql)
    assert len(found) <= MAX_ROWS
    assert sorted(found) == sorted(fetch(databases.inside, result.sql))
    assert not any("hidden" in row for row in found)
    if case.contain == "allow":
        ordered = "ORDER BY" in case.sql.upper().rsplit(")", 1)[-1]
        expected = fetch(databases.inside, case.sql)
        assert (found if ordered else sorted(found)) == (expected if ordered else sorted(expected))


def test_no_hostile_statement_escapes_and_no_benign_one_is_refused() -> None:
    """The counts, over all engines; also that there are enough of each."""
    cases = own()
    counts = Counter(f"{case.contain} {'refused' if isinstance(judged(case), str) else 'accepted'}" for case in cases)
    assert len(cases) >= 120
    assert counts["reject accepted"] == 0
    assert counts["allow refused"] == 0
    assert counts["rewrite refused"] == 0
    assert counts["reject refused"] >= 120
    assert counts["allow accepted"] >= 60


def test_the_hardened_engine_refuses_what_the_guard_never_shows_it(databases: Databases) -> None:
    for sql in (
        "SELECT * FROM read_text('/etc/hostname')",
        "DELETE FROM auth_events",
        "SET threads = 4",
        "LOAD httpfs",
    ):
        with pytest.raises(duckdb.Error):
            databases.whole.execute(sql)
