"""Whatever the guard accepts is one SELECT over allowed tables, each bounded, for each dialect."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from mantissa_core.errors import QueryError
from mantissa_core.query.guarded import Guarded, Readable, Window, guard

from .guarded_shape import shape_of

WINDOW = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
DIALECTS = ("duckdb", "athena", "bigquery", "tsql")
DATA = yaml.safe_load(Path(__file__).with_name("redteam.yaml").read_text("utf-8"))
STATEMENTS = sorted(
    {sql for engines in DATA.values() for kinds in engines.values() for each in kinds.values() for sql in each}
)
FRAGMENTS = (
    *(";", "--", "/*", "*/", "'", '"', "`", "$$", "\\", "[", "]", "(", ")", ",", "|>", "\n", "\0", "AS auth_events"),
    *("SELECT * FROM secret_tbl", "(SELECT max(val) FROM secret_tbl)", "WITH secret_tbl AS (SELECT 1) ", " UNION ALL "),
    *("read_text('/etc/passwd')", "secret_tbl", "auth_events", "main.", " CROSS JOIN auth_events b", "DELETE FROM x"),
    *("FOR XML AUTO", "INTO y", "TABLESAMPLE", "PIVOT", "LATERAL", "E'\\''", "U&'a'", "N'x'", "RECURSIVE", " OR true "),
    *("LIMIT 100%", "@x", "$path"),
)


def expressions() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(
        [
            *("ts", "user_name", "a.user_name", "secret_tbl.val", "*", "count(*)", "1", "'x'", "'it''s'", "NULL"),
            *("$x", "now()", '"$path"', "repeat('a', 9)", "getenv('HOME')", "current_user", "'\\'", "`x`"),
        ]
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds("({} = {})".format, inner, inner),
            st.builds("lower({})".format, inner),
            st.builds("CASE WHEN {} THEN {} END".format, inner, inner),
            st.builds("(SELECT max({}) FROM {})".format, inner, st.sampled_from(["auth_events", "secret_tbl", "c"])),
            st.builds("EXISTS (SELECT 1 FROM auth_events AS e WHERE {})".format, inner),
        ),
        max_leaves=4,
    )


def sources() -> st.SearchStrategy[str]:
    tables = st.sampled_from(["auth_events", "AUTH_EVENTS", '"auth_events"', "secret_tbl", "main.auth_events", "c"])
    named = st.builds("{}{}".format, tables, st.sampled_from(["", " AS a", " AS secret_tbl", " AS a(x)"]))
    return st.recursive(
        named,
        lambda inner: st.one_of(
            st.builds("(SELECT * FROM {}) AS a".format, inner),
            st.builds("(WITH c AS (SELECT * FROM {}) SELECT * FROM c) AS a".format, inner),
            st.builds("{} JOIN {} AS b ON a.user_name = b.user_name".format, inner, tables),
            st.builds("{}, {}".format, inner, tables),
            st.builds(
                "{} CROSS JOIN UNNEST({}) AS u(x)".format, inner, st.sampled_from(["a.ips", "[1]", "(SELECT 1)"])
            ),
        ),
        max_leaves=3,
    )


def statements() -> st.SearchStrategy[str]:
    ends = (
        "",
        " LIMIT 5",
        " LIMIT 99999999",
        " LIMIT 5%",
        " ORDER BY 1",
        " FOR UPDATE",
        " OFFSET 2",
        ";",
        "; SELECT 1",
    )
    selects = st.builds(
        "{}SELECT {} AS x FROM {}{}{}".format,
        st.sampled_from(["", "WITH c AS (SELECT * FROM auth_events) ", "WITH auth_events AS (SELECT 1) "]),
        expressions(),
        sources(),
        st.one_of(st.just(""), st.builds(" WHERE {}".format, expressions())),
        st.sampled_from(ends),
    )
    return st.one_of(selects, st.builds("{} UNION ALL {}".format, selects, selects))


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A statement of the collection with pieces put in, cut out, or of another one behind it."""
    text = draw(st.sampled_from(STATEMENTS))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 5]))
        piece = draw(st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(STATEMENTS), st.text(max_size=3)))
        text = text[:place] + piece + text[place + cut :]
    return text


def judged(sql: str, dialect: str) -> Guarded | str:
    """The statement as it may run, or why it may not."""
    try:
        return guard(sql, [Readable("auth_events", "ts", None, WINDOW)], dialect, max_rows=100)
    except QueryError as error:
        return str(error)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["grammar", "mutations"])
def test_what_is_accepted_is_bounded(dialect: str, kind: str) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sql=statements() if kind == "grammar" else mutations())
    def holds(sql: str) -> None:
        result = judged(sql, dialect)
        if isinstance(result, str):
            event("refused")
            assert result
            return
        event("accepted")
        shape = shape_of(result.sql, dialect, {"auth_events"})
        assert (shape.tables, shape.unbounded) == (result.tables, [])
        assert shape.limit is not None
        assert shape.limit <= 100
        assert judged(sql, dialect) == result

    holds()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_text_in_the_statement_stays_that_text(dialect: str) -> None:
    """What the guard writes is read back as the same value: no quote or backslash breaks out."""
    import sqlglot
    from sqlglot import exp

    reads = {"athena": "trino"}.get(dialect, dialect)

    @settings(max_examples=100, deadline=None)
    @given(value=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20))
    def holds(value: str) -> None:
        sql = exp.select(exp.alias_(exp.Literal.string(value), "x")).sql(dialect=reads)
        if len([each for each in sql if each in "([{"]) > 50:
            return
        written = guard(sql, [], dialect).sql
        (literal, *_) = sqlglot.parse_one(written, read=reads).find_all(exp.Literal)
        assert (literal.name if literal.is_string else None) == value

    holds()
