"""Dialects are found by entry points; a broken one is named with what is wrong."""

import pytest
from mantissa_core.detect.sql import NAMES, dialect_named, dialect_names
from mantissa_core.errors import PluginError

GROUP = "mantissa.sql_dialects"


def test_a_dialect_of_another_distribution_is_found_by_its_name(install):
    source = """
    from mantissa_core.detect.sql.duckdb import DuckDB

    class MotherDuck(DuckDB):
        name = "MotherDuck"
    """
    install("acme-sql", {GROUP: {"motherduck": "acme_sql:MotherDuck"}}, acme_sql=source)
    assert dialect_names() == tuple(sorted([*NAMES, "motherduck"]))
    assert dialect_named("motherduck").name == "MotherDuck"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "could not be imported"),
        ("class Acme: pass", "acme_sql.Acme is no mantissa_core.detect.sql.dialect.Dialect"),
        ("Acme = 5", "expected a class"),
        (
            "from mantissa_core.detect.sql.dialect import Dialect\nclass Acme(Dialect): pass",
            "could not be made: .*abstract",
        ),
    ],
)
def test_a_broken_dialect_is_refused_with_the_reason(install, source, reason):
    install("acme-sql", {GROUP: {"acme": "acme_sql:Acme"}}, acme_sql=source)
    with pytest.raises(PluginError, match=reason):
        dialect_named("acme")
    assert dialect_named("duckdb").name == "DuckDB"


def test_two_dialects_of_one_name_are_both_refused(install):
    install("acme-sql", {GROUP: {"duckdb": "acme_sql:Acme"}}, acme_sql="class Acme: pass")
    with pytest.raises(PluginError, match="claimed by"):
        dialect_named("duckdb")
