"""What must hold of a row, in SQL. A value is a literal whatever it holds."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from sqlglot import exp

from mantissa_core.ask.plan import All, Any, Compare, Filter, Scalar
from mantissa_core.errors import QueryError

from .columns import Table, column

_COMPARED: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE,
}  # fmt: skip


def condition(filter_: Filter, table: Table, alias: str = "") -> exp.Condition:
    """A filter over the rows of a table.

    Raises:
        QueryError: the table cannot be asked for it.
    """
    match filter_:
        case Compare():
            kind = table.type_of(filter_.field)
            return compared(column(filter_.field, alias), filter_, kind)
        case All():
            return exp.and_(*(condition(each, table, alias) for each in filter_.of))
        case Any():
            return exp.or_(*(condition(each, table, alias) for each in filter_.of))
    return exp.not_(condition(filter_.of, table, alias))


def compared(left: exp.Condition, compare: Compare, kind: str) -> exp.Condition:
    """What stands left, of that SQL type, compared with the values.

    Raises:
        QueryError: the type cannot be compared so.
    """
    if compare.op in ("is_null", "not_null"):
        null = exp.Is(this=left, expression=exp.null())
        return exp.not_(null) if compare.op == "not_null" else null
    if kind.endswith("[]"):
        return _in_list(left, compare)
    if compare.op in ("in", "not_in"):
        values = compare.value if isinstance(compare.value, tuple) else ()
        if not values:  # no address is in that country
            return exp.true() if compare.op == "not_in" else exp.false()
        found = exp.In(this=_folded(left, kind), expressions=[_literal(each, kind) for each in values])
        return exp.not_(found) if compare.op == "not_in" else found
    return _single(left, compare, kind)


def _single(left: exp.Condition, compare: Compare, kind: str) -> exp.Condition:
    value = compare.value
    if compare.op in ("contains", "starts", "ends", "cidr") and kind != "VARCHAR":
        raise QueryError(f"{compare.field} is no text: {compare.op} cannot be asked of it")
    text = str(value).lower()
    match compare.op:
        case "contains":
            place = exp.StrPosition(this=_folded(left, kind), substr=exp.Literal.string(text))
            return exp.GT(this=place, expression=exp.Literal.number(0))
        case "starts":
            return _part(exp.Left, left, text)
        case "ends":
            return _part(exp.Right, left, text)
        case "cidr":
            return _in_network(left, str(value))
    assert isinstance(value, str | int | float | bool)  # noqa: S101  # Compare has checked it
    return _COMPARED[compare.op](this=_folded(left, kind), expression=_literal(value, kind))


def _in_network(left: exp.Condition, network: str) -> exp.Condition:
    by_length: dict[int, list[exp.Condition]] = {}
    for each in prefixes(network):
        by_length.setdefault(len(each), []).append(exp.Literal.string(each))
    return exp.or_(
        *(
            exp.In(this=exp.Left(this=left.copy(), expression=exp.Literal.number(length)), expressions=texts)
            for length, texts in by_length.items()
        )
    )


def prefixes(network: str) -> list[str]:
    """The beginnings of the texts of all addresses in an IPv4 network: ``10.1.0.0/15`` is ``10.0.`` and ``10.1.``.

    Raises:
        QueryError: it is no IPv4 network.
    """
    try:
        parsed = ipaddress.IPv4Network(network, strict=False)
    except ValueError:
        raise QueryError(f"{network!r} is no IPv4 network, such as 10.1.0.0/16") from None
    octets = -(-parsed.prefixlen // 8)
    if octets == 0:
        return [""]
    parts = parsed.subnets(new_prefix=octets * 8)
    dot = "." if octets < 4 else ""
    return [".".join(str(each.network_address).split(".")[:octets]) + dot for each in parts]


def _part(side: type[exp.Func], left: exp.Condition, text: str) -> exp.Condition:
    part = side(this=_folded(left, "VARCHAR"), expression=exp.Literal.number(len(text)))
    return exp.EQ(this=part, expression=exp.Literal.string(text))


def _in_list(left: exp.Condition, compare: Compare) -> exp.Condition:
    values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
    if compare.op not in ("eq", "ne", "in", "not_in"):
        raise QueryError(f"{compare.field} holds several values: ask whether one is among them (eq, in)")
    found = exp.or_(*(exp.ArrayContains(this=left.copy(), expression=exp.Literal.string(str(each))) for each in values))
    return exp.not_(found) if compare.op in ("ne", "not_in") else found


def _folded(left: exp.Condition, kind: str) -> exp.Condition:
    """Texts are compared without regard to case."""
    return exp.Lower(this=left) if kind == "VARCHAR" else left


def _literal(value: Scalar, kind: str) -> exp.Condition:
    if kind == "VARCHAR":
        return exp.Literal.string(str(value).lower())
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, int | float):
        return exp.Literal.number(value)
    raise QueryError(f"found the text {value!r}, expected a number or true or false")
