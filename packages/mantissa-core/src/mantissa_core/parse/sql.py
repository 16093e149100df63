"""The one place where names and values become SQL text (DuckDB's dialect)."""

from __future__ import annotations


def identifier(name: str) -> str:
    """Quote a name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | int | bool) -> str:
    """Quote a value. NUL, which the SQL parser does not accept inside a literal, is written as ``chr(0)``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return " || chr(0) || ".join("'" + part.replace("'", "''") + "'" for part in value.split("\0"))
