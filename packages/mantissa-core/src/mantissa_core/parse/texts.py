"""Columns as text, in SQL: what overlay rules and ids compare and copy."""

from __future__ import annotations

from mantissa_core.model import Column

from .sql import identifier

_TEXTUAL = frozenset({"string", "json"})


def text_of(column: Column) -> str:
    """Return SQL for the column's value as text: of a list the first element, otherwise as JSON writes it."""
    name = identifier(column.column)
    if column.type in _TEXTUAL:
        return name
    if column.type == "list<string>":
        return f"{name}[1]"
    return f"CAST({name} AS VARCHAR)"


def texts_of(column: Column) -> str:
    """Return SQL for a list of all the column's values as text, none of them where it is null."""
    name = identifier(column.column)
    return f"coalesce({name}, [])" if column.type == "list<string>" else f"[{text_of(column)}]"
