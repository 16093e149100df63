"""The outermost LIMIT: set on the statement itself, since engines may drop the order of a subquery."""

from __future__ import annotations

from sqlglot import exp

from mantissa_core.errors import QueryError


def limited(tree: exp.Expr, max_rows: int, dialect: str) -> tuple[exp.Expr, bool]:
    """The statement with at most so many rows, and whether that was put there by us.

    Raises:
        QueryError: its own limit is no whole number.
    """
    asked = row_limit(tree)
    if asked is not None and asked <= max_rows:
        return tree, False
    if isinstance(tree.args.get("limit"), exp.Fetch) or (dialect == "tsql" and tree.args.get("offset")):
        tree.set("limit", exp.Fetch(direction="FIRST", count=exp.Literal.number(max_rows)))
        return tree, True
    if dialect == "tsql" and isinstance(tree, exp.SetOperation):
        return _wrapped(tree, max_rows), True
    tree.set("limit", exp.Limit(expression=exp.Literal.number(max_rows)))
    return tree, True


def row_limit(tree: exp.Expr) -> int | None:
    """How many rows the statement asks for itself.

    Raises:
        QueryError: its limit is no whole number.
    """
    limit = tree.args.get("limit")
    if limit is None:
        return None
    count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    while isinstance(count, exp.Paren):
        count = count.this
    if limit.args.get("limit_options") and limit.args["limit_options"].args.get("percent"):
        raise QueryError("LIMIT in per cent is not allowed: write a number of rows")
    if limit.args.get("limit_options") and limit.args["limit_options"].args.get("with_ties"):
        raise QueryError("WITH TIES is not allowed: write a number of rows")
    if not isinstance(count, exp.Literal) or not count.is_int or limit.expressions:
        raise QueryError("LIMIT takes a whole number of rows, such as LIMIT 100")
    return int(count.name)


def _wrapped(tree: exp.SetOperation, max_rows: int) -> exp.Expr:
    """T-SQL has TOP in SELECT only, no ORDER BY in a subquery, and WITH at the very beginning alone."""
    order, with_ = tree.args.get("order"), tree.args.get("with_")
    tree.set("order", None)
    tree.set("with_", None)
    outer = exp.select("*").from_(exp.Subquery(this=tree, alias=exp.TableAlias(this=exp.to_identifier("q"))))
    outer.set("order", order)
    outer.set("with_", with_)
    return outer.limit(max_rows)
