"""One DuckDB query per rule, written for the benchmarks: what a matcher has to beat. Not the project's SQL executor.

It covers what the benchmarks' rules use: scalar columns, and paths inside JSON columns.
"""

from __future__ import annotations

from mantissa_core.detect.ir.text import fold
from mantissa_core.detect.ir.tree import And, FieldRef, Glob, Node, Not, Op, Predicate, Regex, Wild
from mantissa_core.detect.match.bind import bind
from mantissa_core.model import LogType

_SEARCH = {Op.CONTAINS: "contains", Op.STARTSWITH: "starts_with", Op.ENDSWITH: "ends_with"}
_ORDER = {Op.LT: "<", Op.LTE: "<=", Op.GT: ">", Op.GTE: ">="}


def where(node: Node, log_type: LogType) -> str:
    """The condition, never null."""
    if isinstance(node, Predicate):
        return f"coalesce({_predicate(node, log_type)}, false)"
    if isinstance(node, Not):
        return f"NOT {where(node.child, log_type)}"
    joined = (" AND " if isinstance(node, And) else " OR ").join(where(child, log_type) for child in node.children)
    return f"({joined})"


def _predicate(predicate: Predicate, log_type: LogType) -> str:
    if predicate.field is None:
        raise ValueError("keywords are not written as SQL here")
    text = _text(predicate.field, log_type)
    folded = text if predicate.cased else f"lower({text})"
    if predicate.op is Op.NULL:
        return f"{text} IS NULL"
    if predicate.op is Op.EXISTS:
        return f"{text} IS NOT NULL"
    return "(" + " OR ".join(_value(predicate, value, text, folded, log_type) for value in predicate.values) + ")"


def _value(predicate: Predicate, value: object, text: str, folded: str, log_type: LogType) -> str:
    op = predicate.op
    if isinstance(value, FieldRef):
        other = f"lower({_text(value.field, log_type)})"
        return f"lower({text}) = {other}" if value.op is Op.EQ else f"{_SEARCH[value.op]}(lower({text}), {other})"
    if isinstance(value, Regex):
        return f"regexp_matches({text}, {_quoted(str(value))})"
    if isinstance(value, Glob):
        return f"{folded} SIMILAR TO {_quoted(_glob(value, predicate.cased))}"
    if isinstance(value, (int, float)):
        return f"TRY_CAST({text} AS DOUBLE) {_ORDER.get(op, '=')} {value}"
    literal = _quoted(str(value) if predicate.cased else fold(str(value)))
    if op is Op.CIDR:
        return _within(text, str(value))
    return f"{folded} = {literal}" if op is Op.EQ else f"{_SEARCH[op]}({folded}, {literal})"


def _text(field: str, log_type: LogType) -> str:
    binding = bind(field, log_type)
    if binding.column is not None:
        name = f'"{binding.column.column}"'
        return name if binding.column.type == "string" else f"CAST({name} AS VARCHAR)"
    path = binding.paths[0]
    for column in binding.related:
        if column.type == "json":
            below = path[len(column.keys) :]
            steps = "".join(f'."{key}"' for key in below)
            return f"""("{column.column}" ->> '${steps}')""" if below else f'"{column.column}"'
    return "CAST(NULL AS VARCHAR)"


def _within(text: str, network: str) -> str:
    """IPv4 networks of whole numbers, as a range."""
    address, bits = network.split("/")
    one, two, three, four = (int(part) for part in address.split("."))
    first = (one << 24) + (two << 16) + (three << 8) + four
    parts = " + ".join(f"TRY_CAST(split_part({text}, '.', {4 - n}) AS BIGINT) * {256**n}" for n in range(4))
    return f"({parts}) BETWEEN {first} AND {first + (1 << (32 - int(bits))) - 1}"


def _glob(glob: Glob, cased: bool) -> str:
    wilds = {Wild.MANY: "(?s:.*)", Wild.ONE: "(?s:.)"}
    return "".join(
        wilds[part] if isinstance(part, Wild) else _escaped(part if cased else fold(part)) for part in glob.parts
    )


def _escaped(text: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 127 else rf"\x{{{ord(c):x}}}" for c in text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
