"""Joins that cannot multiply without end: what is read together must be tied by equal values."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from mantissa_core.errors import QueryError

_KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})
_SIDES = frozenset({"", "LEFT", "RIGHT", "FULL"})
_METHODS = frozenset({"", "ASOF"})
_REMEDY = "join on equal columns, each with its table's name or alias (ON a.x = b.x), or USING (x)"


def check_joins(tree: exp.Expr) -> None:
    """Refuse what multiplies rows with rows.

    Raises:
        QueryError: a join has no equality between its sides, or is of an unusual kind.
    """
    for select in tree.find_all(exp.Select):
        joins = select.args.get("joins") or []
        for join in joins:
            _check_kind(join)
        if joins:
            _check_tied(select, joins)
    if any(not isinstance(join.parent, exp.Select) for join in tree.find_all(exp.Join)):
        raise QueryError("joins in brackets are not allowed: write them one after another")


def _check_kind(join: exp.Join) -> None:
    said = (str(join.args.get(part) or "").upper() for part in ("method", "side", "kind"))
    for text, allowed in zip(said, (_METHODS, _SIDES, _KINDS), strict=True):
        if text not in allowed:
            raise QueryError(f"a {text} JOIN is not allowed: {_REMEDY}")


def _check_tied(select: exp.Select, joins: list[exp.Join]) -> None:
    """Sources are tied by equalities of ON and WHERE, by USING, and where one row or a list of one's own is added."""
    source = select.args.get("from_")
    sources = [each for each in (source.this if source else None, *(join.this for join in joins)) if each is not None]
    names = [each.alias_or_name.lower() for each in sources]
    groups = {name: {name} for name in names}
    first = names[0]
    for each, name in zip(sources, names, strict=True):
        if name != first and _adds_no_rows_of_its_own(each):
            _tie(groups, first, name)
    for before, join in enumerate(joins):
        if join.args.get("using"):
            _tie(groups, names[before], join.this.alias_or_name.lower())
        _tie_equal(groups, join.args.get("on"))
    where = select.args.get("where")
    _tie_equal(groups, where.this if where else None)
    if loose := sorted(set(names) - groups[first]):
        raise QueryError(f"{loose[0]!r} is joined without an equality, which multiplies every row: {_REMEDY}")


def _tie_equal(groups: dict[str, set[str]], condition: exp.Expr | None) -> None:
    for each in _conjuncts(condition):
        if isinstance(each, exp.EQ | exp.NullSafeEQ):
            left, right = _tables_of(each.this), _tables_of(each.expression)
            if len(left) == 1 and len(right) == 1 and left != right and left | right <= groups.keys():
                _tie(groups, *left, *right)


def _conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    if isinstance(condition, exp.Paren):
        yield from _conjuncts(condition.this)
    elif isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif condition is not None:
        yield condition


def _tables_of(side: exp.Expr) -> set[str]:
    """The sources whose columns it computes from; a column without one may be anybody's, a subquery's are not seen."""
    if side.find(exp.Select):
        return set()
    return {column.table.lower() for column in side.find_all(exp.Column)}


def _tie(groups: dict[str, set[str]], one: str, other: str) -> None:
    whole = groups[one] | groups[other]
    for name in whole:
        groups[name] = whole


def _adds_no_rows_of_its_own(source: exp.Expr) -> bool:
    """The list in a row's own column, or a subquery of one row."""
    if isinstance(source, exp.Unnest):
        return source.find(exp.Column) is not None
    inner = source.this if isinstance(source, exp.Subquery) else None
    if isinstance(source, exp.Table):
        inner = _cte(source)
    return isinstance(inner, exp.Select) and _is_single_row(inner)


def _cte(table: exp.Table) -> exp.Expr | None:
    """What a WITH of the same statement names so. The nearest one counts."""
    node: exp.Expr | None = table
    while node := node.parent if node else None:
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ else ():
            if cte.alias.lower() == table.name.lower():
                found: exp.Expr = cte.this
                return found
    return None


def _is_single_row(select: exp.Select) -> bool:
    limit = select.args.get("limit")
    if isinstance(limit, exp.Limit) and isinstance(limit.expression, exp.Literal) and limit.expression.name == "1":
        return not limit.args.get("limit_options")
    if select.args.get("group") or select.args.get("distinct"):
        return False
    return bool(select.expressions) and all(_is_aggregate(each) for each in select.expressions)


def _is_aggregate(projection: exp.Expr) -> bool:
    """An aggregate that is no window function: without GROUP BY it makes one row of all."""
    odd = projection.find(exp.Window, exp.Explode, exp.Select)
    return odd is None and projection.find(exp.AggFunc) is not None
