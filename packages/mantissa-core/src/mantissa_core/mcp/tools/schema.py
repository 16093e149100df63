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


class Table(Reply):
    """A table of one log type, or a view over several."""

    name: str
    kind: Literal["table", "view"]
    title: str
    description: str
    columns: int


class Column(Reply):
    """A column. ``values``: those that are known, with what they mean."""

    table: str
    name: str
    type: str
    description: str
    synonyms: list[str]
    values: dict[str, str]


class SchemaReply(Reply):
    """What there is."""

    tables: list[Table]
    columns: list[Column]
    """Those of the table, or those that were found."""
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
        return _bounded(call, [shown], [(shown, each) for each in shown.columns.values()])
    if given.search:
        return _found(call, known, given.search)
    return _bounded(call, list(known.tables.values()), [])


def _found(call: Call, known: Schema, words: str) -> SchemaReply:
    hits = known.search(words, 50)
    tables = {each.table.name: each.table for each in hits}
    columns = [(each.table, each.column) for each in hits if each.column]
    return _bounded(call, list(tables.values()), columns)


def _bounded(call: Call, tables: list[SchemaTable], columns: list[tuple[SchemaTable, SchemaColumn]]) -> SchemaReply:
    room = call.limits.max_characters - 500
    made = SchemaReply(tables=[], columns=[], truncated=False, more="")
    for parts, source in ((made.tables, map(table, tables)), (made.columns, (column(*each) for each in columns))):
        for each in source:
            room -= size(each.model_dump()) + 1
            if room < 0:
                made.truncated, made.more = True, "search for words of what is wanted"
                break
            parts.append(each)  # type: ignore[arg-type]  # tables to tables, columns to columns
    return made


def table(each: SchemaTable) -> Table:
    """As a client sees it."""
    kind: Literal["table", "view"] = "view" if each.is_view else "table"
    return Table(
        name=each.name, kind=kind, title=each.title, description=short(each.description, 400), columns=len(each.columns)
    )


def column(of: SchemaTable, each: SchemaColumn) -> Column:
    """As a client sees it."""
    values = {str(name): short(str(told), 100) for name, told in list(each.values.items())[:_VALUES]}
    return Column(
        table=of.name,
        name=each.name,
        type=each.type,
        description=short(each.description, 400),
        synonyms=list(each.synonyms),
        values=values,
    )
