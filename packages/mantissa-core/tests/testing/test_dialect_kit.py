"""The kit for dialects: the core's own passes it, one that is wrong does not."""

from __future__ import annotations

import duckdb
import pytest
from mantissa_core.detect.sql import dialect_named
from mantissa_core.detect.sql.duckdb import DuckDB
from mantissa_core.testing.sql_dialect import TABLE, SqlDialectContract


class OnDuckDB(SqlDialectContract):
    refuses = ("is IPv6",)

    def run(self, sql, rows):
        with duckdb.connect() as connection:
            connection.register(TABLE, rows)
            return connection.execute(sql).fetchall()


class TestDuckDB(OnDuckDB):
    dialect = dialect_named("duckdb")


class CaseSensitive(DuckDB):
    def folded(self, text):
        return text


def test_a_dialect_that_compares_with_regard_to_case_fails():
    class Wrong(OnDuckDB):
        dialect = CaseSensitive()

    with pytest.raises(AssertionError):
        Wrong().test_a_rule_finds_what_the_reference_evaluator_finds(0, False)


def test_a_dialect_that_refuses_without_saying_so_fails():
    class Silent(OnDuckDB):
        dialect = dialect_named("duckdb")
        refuses = ()

    with pytest.raises(AssertionError, match="no listed reason"):
        Silent().test_a_rule_finds_what_the_reference_evaluator_finds(19, False)
