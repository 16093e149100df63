"""The tables that a statement reads, with a name resolved in the scope where it stands."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from mantissa_core.errors import QueryError

from .readable import Readable

_OURS = frozenset({"this", "alias", "db", "catalog"})


def physical_tables(
    tree: exp.Expr, readable: Mapping[str, Readable], known: Collection[str]
) -> list[tuple[exp.Table, Readable]]:
    """Each mention of a table with what it stands for. ``readable`` is by lower-case name.

    Raises:
        QueryError: a name is not readable, is qualified, is a function's, or a WITH takes a table's name.
    """
    for cte in tree.find_all(exp.CTE):
        if cte.alias.lower() in readable:
            raise QueryError(f"WITH names {cte.alias!r}, which is a table: give it another name")
        if any(table.name.lower() == cte.alias.lower() for table in cte.this.find_all(exp.Table)):
            raise QueryError(f"WITH {cte.alias!r} reads itself: join on equal columns instead")  # T-SQL recurses so
    seen: dict[int, exp.Table] = {}
    found: dict[int, tuple[exp.Table, Readable]] = {}
    for scope in traverse_scope(tree):
        named = {name.lower() for name in scope.cte_sources}
        for table in scope.tables:
            seen[id(table)] = table
            if not _names_cte(table, named):
                found[id(table)] = (table, _target(table, readable, known))
    if any(id(table) not in seen for table in tree.find_all(exp.Table)):
        raise QueryError("a table stands where none may: name tables in FROM and JOIN only")
    return list(found.values())


def _names_cte(table: exp.Table, named: Collection[str]) -> bool:
    plain = isinstance(table.this, exp.Identifier) and not table.args.get("db") and not table.args.get("catalog")
    if not plain or table.name.lower() not in named:
        return False
    _refuse_extras(table)
    return True


def _target(table: exp.Table, readable: Mapping[str, Readable], known: Collection[str]) -> Readable:
    if not isinstance(table.this, exp.Identifier):
        name = table.this.name if isinstance(table.this, exp.Anonymous) else type(table.this).__name__
        raise QueryError(f"the table function {name} is not allowed: read a table")
    if table.args.get("db") or table.args.get("catalog"):
        raise QueryError(f"{table.sql()!r} is qualified: name the table alone")
    if table.name.lower() not in readable:
        raise QueryError(f"there is no table {table.name!r}{_suggestion(table.name, readable, known)}")
    _refuse_extras(table)
    return readable[table.name.lower()]


def _refuse_extras(table: exp.Table) -> None:
    extras: list[Any] = [name for name, value in table.args.items() if value and name not in _OURS]
    if extras:
        raise QueryError(f"{', '.join(sorted(extras)).upper()} after {table.name!r} is not allowed")


def _suggestion(name: str, readable: Mapping[str, Readable], known: Collection[str]) -> str:
    names = {each.lower(): each for each in [*(table.name for table in readable.values()), *known]}
    close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(names[each] for each in close)}?"
    return f" (there are: {', '.join(sorted(names.values())) or 'none yet'})"
