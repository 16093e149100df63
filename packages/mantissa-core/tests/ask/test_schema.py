"""The semantic layer over installed log types and made ones."""

from __future__ import annotations

import pytest
from mantissa_core.ask.compile import compile_plan
from mantissa_core.ask.plan import Plan
from mantissa_core.ask.schema import Schema
from mantissa_core.ask.schema.overlay import COLUMNS, VIEWS
from mantissa_core.errors import QueryError
from mantissa_core.lake.types import OVERLAY
from mantissa_core.lake.views import COLUMNS as VIEW_COLUMNS
from mantissa_core.lake.views import VIEW_NAMES
from mantissa_core.model.log_type import Column, LogType

from .test_compile import DAY

DOORS = LogType(
    name="acme.doors",
    title="Door openings",
    synonyms=("doors", "badges"),
    columns=(
        Column(path="badge.holder", description="Whose badge it was.", synonyms=("badge holder",)),
        Column(path="door", synonyms=("gate",), values={"N1": "north entrance"}),
        Column(path="open_seconds", type="int64"),
    ),
    views=("auth",),
)
LIFTS = LogType(name="acme.lifts", title="Lifts", columns=(Column(path="floor", type="int32"),))


@pytest.fixture
def schema() -> Schema:
    return Schema.of([DOORS, LIFTS], {"acme_doors", "acme_lifts", "signals"})


def test_every_table_and_the_views_over_them_may_be_asked(schema: Schema) -> None:
    assert list(schema.tables) == ["acme_doors", "acme_lifts", "auth"]
    doors = schema.tables["acme_doors"]
    assert (doors.synonyms, doors.columns["badge_holder"].description) == (
        ("acme.doors", "doors", "badges"),
        "Whose badge it was.",
    )
    assert (schema.tables["auth"].log_types, schema.tables["auth"].is_view, doors.is_view) == (
        ("acme.doors",),
        True,
        False,
    )


def test_types_are_those_of_sql_so_that_plans_can_be_compiled(schema: Schema) -> None:
    types = {name: each.type for name, each in schema.tables["acme_doors"].columns.items()}
    assert (types["open_seconds"], types["m_user"], types["m_any_ip"]) == ("BIGINT", "VARCHAR", "VARCHAR[]")
    assert 'FROM "auth"' in compile_plan(Plan(source="auth", period=DAY), schema.table("auth"))


def test_what_is_not_there_or_may_not_be_seen_cannot_be_asked_about() -> None:
    schema = Schema.of([DOORS, LIFTS], {"acme_doors", "acme_lifts"}, allowed={"acme_lifts"})
    assert list(schema.tables) == ["acme_lifts"]
    with pytest.raises(QueryError, match=r"no table 'acme_doors' \(there are: acme_lifts\)"):
        schema.table("acme_doors")
    assert not Schema.of([DOORS], set()).tables


@pytest.mark.parametrize(
    ("words", "first"),
    [("gate", ("acme_doors", "door")), ("north entrance", ("acme_doors", "door")), ("lifts", ("acme_lifts", None))],
)
def test_a_search_finds_columns_and_tables_by_peoples_words(
    schema: Schema, words: str, first: tuple[str, str | None]
) -> None:
    hit = schema.search(words)[0]
    assert (hit.table.name, hit.column.name if hit.column else None) == first
    assert not schema.search("xyzzy")


def test_the_version_changes_with_what_a_plan_could_depend_on(schema: Schema) -> None:
    again = Schema.of([LIFTS, DOORS], {"acme_doors", "acme_lifts"})
    other = Schema.of([DOORS.model_copy(update={"synonyms": ("doors",)}), LIFTS], {"acme_doors", "acme_lifts"})
    assert schema.version == again.version
    assert schema.version != other.version


def test_every_column_of_the_overlay_and_every_view_has_words() -> None:
    assert {*(each.name for each in OVERLAY), *VIEW_COLUMNS} == set(COLUMNS)
    assert set(VIEWS) == set(VIEW_NAMES)
