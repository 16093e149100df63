"""What a rewritten statement is, told without the guard's code: its tables, those that nothing bounds, its limit."""

from __future__ import annotations

from typing import NamedTuple

import sqlglot
from sqlglot import exp

READS = {"athena": "trino"}


class Shape(NamedTuple):
    tables: frozenset[str]
    unbounded: list[str]
    limit: int | None


def shape_of(sql: str, dialect: str, allowed: set[str], time: str = "ts") -> Shape:
    """Raises AssertionError where it is not one SELECT over allowed tables."""
    (tree,) = sqlglot.parse(sql, read=READS.get(dialect, dialect))
    assert isinstance(tree, exp.Select | exp.SetOperation), sql
    assert not list(tree.find_all(exp.DML, exp.DDL, exp.Command, exp.Into)), sql
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables, unbounded = set(), []
    for table in tree.find_all(exp.Table):
        assert isinstance(table.this, exp.Identifier), sql
        assert not table.db, sql
        if table.name in allowed:
            tables.add(table.name)
            if not _is_bounded(table, time):
                unbounded.append(table.parent.sql() if table.parent else "")
        else:
            assert table.name.lower() in ctes, sql
    return Shape(frozenset(tables), unbounded, _limit(tree))


def _is_bounded(table: exp.Table, time: str) -> bool:
    """It stands alone in ``SELECT * FROM table WHERE time >= … AND time < … [AND …]``, in brackets."""
    select = table.parent.parent if isinstance(table.parent, exp.From) else None
    if not isinstance(select, exp.Select) or not isinstance(select.parent, exp.Subquery) or select.args.get("joins"):
        return False
    where = select.args.get("where")
    parts = list(where.this.flatten()) if where and isinstance(where.this, exp.And) else []
    kinds = {type(part) for part in parts if part.this.name == time and part.args.get("expression")}
    return {exp.GTE, exp.LT} <= kinds


def _limit(tree: exp.Expr) -> int | None:
    limit = tree.args.get("limit")
    count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression if limit else None
    return int(count.name) if isinstance(count, exp.Literal) else None
