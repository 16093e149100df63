"""What may be asked about."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mantissa_core.ask.schema import Schema, SchemaColumn, SchemaTable
from mantissa_core.mcp.bounded import short, size
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments, Reply

_VALUES = 30


class SchemaArguments(Arguments):
    """One of the two, or none."""

    table: Annotated[str, Field(max_length=200)] = ""
    """A table or view whose columns are wanted. Without it and without 'search' all tables and views are listed."""
    search: Annotated[str, Field(max_length=400)] = ""
    """Words to look for in names, descriptions and synonyms of tables and columns, such as 'source country'."""


class Column(Reply):
    """A column."""

    name: str
    type: str
    about: str
    """What it holds, what people call it, and values that are known."""


class Table(Reply):
    """A table of one log type, or a view over several."""

    name: str
    kind: Literal["table", "view"]
    title: str
    description: str
    column_count: int
    columns: list[Column]
    """All of them where one table is asked for; those that were found by a search."""


class SchemaReply(Reply):
    """What there is."""

    tables: list[Table]
    truncated: bool
    """Whether something was left out."""
    more: str
    """How to get what was left out."""


def schema(call: Call, given: SchemaArguments) -> SchemaReply:
    """List the tables and views that hold events, the columns of one, or what is about some words.

    Call it before 'query', so that the SQL names what exists. The views auth, network and cloud_change unite the
    tables of many sources; every table has m_id, m_time, m_user, m_src_ip, m_action, m_outcome, m_target and dt.
    """
    known = call.runtime.asker.schema(call.caller.tables)
    if given.table:
        known.table(given.table)
        shown = known.tables[given.table]
        return _bounded(call, [(shown, list(shown.columns.values()))])
    if given.search:
        return _bounded(call, _found(known, given.search))
    return _bounded(call, [(each, []) for each in known.tables.values()])


def _found(known: Schema, words: str) -> list[tuple[SchemaTable, list[SchemaColumn]]]:
    tables: dict[str, list[SchemaColumn]] = {}
    for each in known.search(words, 50):
        tables.setdefault(each.table.name, []).extend([each.column] if each.column else [])
    return [(known.tables[name], columns) for name, columns in tables.items()]


def _bounded(call: Call, wanted: list[tuple[SchemaTable, list[SchemaColumn]]]) -> SchemaReply:
    room = call.limits.max_characters - 500
    made = SchemaReply(tables=[], truncated=False, more="")
    for each, columns in wanted:
        table = _table(each)
        room -= size(table.model_dump()) + 1
        if room > 0:
            made.tables.append(table)
        for column in map(_column, columns):
            room -= size(column.model_dump()) + 1
            if room > 0:
                table.columns.append(column)
    if room <= 0:
        made.truncated, made.more = True, "search for words of what is wanted"
    return made


def _table(each: SchemaTable) -> Table:
    return Table(
        name=each.name,
        kind="view" if each.is_view else "table",
        title=each.title,
        description=short(each.description, 400),
        column_count=len(each.columns),
        columns=[],
    )


def _column(each: SchemaColumn) -> Column:
    values = [f"{name} ({told})" if told else str(name) for name, told in each.values.items()]
    about = [
        each.description,
        f"Also called {', '.join(each.synonyms)}." if each.synonyms else "",
        f"Known values: {', '.join(values[:_VALUES])}{', …' if len(values) > _VALUES else ''}." if values else "",
    ]
    return Column(name=each.name, type=each.type, about=short(" ".join(filter(None, about)), 600))
