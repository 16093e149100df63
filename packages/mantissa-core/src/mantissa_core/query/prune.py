"""Which files a query can do without, judged by its WHERE clauses on ``m_time`` and ``dt``.

DuckDB skips row groups by their statistics, but opens every file first; ninety files cost more than the query.
Only what is certain counts: a table read in plain SELECTs whose conditions are joined by AND.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from .footers import TIME, Footer

if TYPE_CHECKING:
    import duckdb

V = TypeVar("V", datetime, str)

_SLACK = timedelta(minutes=10)  # for bounds that are computed: now() moves on between this look and the query
_FLIPPED = {
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
    "COMPARE_EQUAL": "COMPARE_EQUAL",
}
_CONSTANT_NODES = frozenset({"CONSTANT", "CAST", "PARAMETER", "FUNCTION", "TYPE"})
_CONSTANT_FUNCTIONS = frozenset(
    {"+", "-", "*", "trunc", "now", "get_current_timestamp", "current_timestamp", "today", "current_date", "date_trunc"}
    | {f"to_{unit}s" for unit in ("second", "minute", "hour", "day", "week", "month", "year")}
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What rows of a table must satisfy: inclusive bounds of ``m_time`` and of ``dt``; ``None`` is open."""

    first: datetime | None = None
    last: datetime | None = None
    first_day: str | None = None
    last_day: str | None = None

    def admit(self, footer: Footer, day: str | None) -> bool:
        """Whether a file may hold such rows. A file that does not say may."""
        return not (
            (self.first and footer.last and footer.last < self.first)
            or (self.last and footer.first and footer.first > self.last)
            or (day is not None and self.first_day is not None and day < self.first_day)
            or (day is not None and self.last_day is not None and day > self.last_day)
        )


def bounds(
    connection: duckdb.DuckDBPyConnection, tree: Mapping[str, Any], table: str, parameters: Mapping[str, Any]
) -> Bounds:
    """The bounds that hold for every read of ``table`` in a guarded statement."""
    each = [_bounds_of(connection, read, table.lower(), parameters) for read in _reads(tree, table.lower())]
    return Bounds(
        _least([one.first for one in each]),
        _greatest([one.last for one in each]),
        _least([one.first_day for one in each]),
        _greatest([one.last_day for one in each]),
    )


def _least(values: list[V | None]) -> V | None:
    known = [value for value in values if value is not None]
    return min(known) if known and len(known) == len(values) else None


def _greatest(values: list[V | None]) -> V | None:
    known = [value for value in values if value is not None]
    return max(known) if known and len(known) == len(values) else None


def _bounds_of(
    connection: duckdb.DuckDBPyConnection,
    read: Mapping[str, Any] | None,
    table: str,
    parameters: Mapping[str, Any],
) -> Bounds:
    """The bounds of one read; open where that is no plain SELECT."""
    found = Bounds()
    for column, comparison, expression in _conditions(read, table):
        value = _constant(connection, expression, column, parameters)
        if value is not None:
            with suppress(OverflowError):  # at the end of the calendar nothing is left to prune
                found = _narrowed(found, comparison, value, _SLACK if _computed(expression) else timedelta())
    return found


def _conditions(read: Mapping[str, Any] | None, table: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Triples (column, comparison, expression) that all must hold where the table is read."""
    if read is None or read["where_clause"] is None:
        return []
    names = {table, str(read["from_table"]["alias"]).lower()}
    return list(_comparisons(read["where_clause"], names))


def _reads(node: Any, table: str) -> Iterator[Mapping[str, Any] | None]:
    """For each mention of the table: the plain SELECT around it, or ``None``."""
    if isinstance(node, list):
        for each in node:
            yield from _reads(each, table)
    elif isinstance(node, dict):
        source = node.get("from_table") if node.get("type") == "SELECT_NODE" else None
        plain = isinstance(source, dict) and _is_table(source, table) and source["sample"] is None
        if plain:
            yield node
        elif _is_table(node, table):
            yield None
        for name, each in node.items():
            if not (plain and name == "from_table"):
                yield from _reads(each, table)


def _is_table(node: Mapping[str, Any], table: str) -> bool:
    return node.get("type") == "BASE_TABLE" and str(node.get("table_name")).lower() == table


def _comparisons(where: Mapping[str, Any], names: set[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    kind = where["type"]
    if kind == "CONJUNCTION_AND":
        for each in where["children"]:
            yield from _comparisons(each, names)
    elif kind == "COMPARE_BETWEEN" and (column := _column(where["input"], names)):
        yield column, "COMPARE_GREATERTHANOREQUALTO", where["lower"]
        yield column, "COMPARE_LESSTHANOREQUALTO", where["upper"]
    elif kind in _FLIPPED:
        if column := _column(where["left"], names):
            yield column, kind, where["right"]
        elif column := _column(where["right"], names):
            yield column, _FLIPPED[kind], where["left"]


def _column(node: Mapping[str, Any], names: set[str]) -> str | None:
    """``m_time`` or ``dt`` where the node is that column, plain or with the table's name or alias before it."""
    if node["class"] != "COLUMN_REF":
        return None
    *qualifier, name = (part.lower() for part in node["column_names"])
    own = not qualifier or (len(qualifier) == 1 and qualifier[0] in names)
    return name if own and name in (TIME, "dt") else None


def _constant(
    connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], column: str, parameters: Mapping[str, Any]
) -> datetime | str | None:
    """The value of an expression that reads nothing, as the column's type; ``None`` where that is uncertain."""
    import duckdb

    names = _parameters(node)
    if names is None or not names <= parameters.keys():
        return None
    select = json.dumps(_select(node))
    try:
        row = connection.execute("SELECT json_deserialize_sql($tree::JSON)", {"tree": select}).fetchone()
        target = "epoch_us(({})::TIMESTAMPTZ)" if column == TIME else "({})::VARCHAR"
        sql = "SELECT " + target.format(row[0] if row else "NULL")
        found = connection.execute(sql, {name: parameters[name] for name in names}).fetchone()
    except duckdb.Error:
        return None  # the query itself will say what is wrong with it
    value = found[0] if found else None
    if isinstance(value, int):
        return _moment(value)
    return value if isinstance(value, str) else None


def _moment(microseconds: int) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except OverflowError:
        return None


def _parameters(node: Any) -> frozenset[str] | None:
    """Names of the parameters in a constant expression; ``None`` where it is no such expression."""
    if isinstance(node, list):
        parts = [_parameters(each) for each in node]
    elif isinstance(node, dict):
        if node.get("class", "CONSTANT") not in _CONSTANT_NODES:
            return None
        if node.get("class") == "FUNCTION" and node["function_name"].lower() not in _CONSTANT_FUNCTIONS:
            return None
        if node.get("class") == "PARAMETER":
            return frozenset({node["identifier"]})
        parts = [_parameters(each) for each in node.values()]
    else:
        return frozenset()
    return None if None in parts else frozenset().union(*(each for each in parts if each))


def _select(expression: Mapping[str, Any]) -> dict[str, Any]:
    """The syntax tree of ``SELECT <expression>``."""
    node: dict[str, Any] = {
        "type": "SELECT_NODE",
        "modifiers": [],
        "cte_map": {"map": []},
        "select_list": [expression],
        "from_table": {"type": "EMPTY", "alias": "", "sample": None},
        "where_clause": None,
        "group_expressions": [],
        "group_sets": [],
        "aggregate_handling": "STANDARD_HANDLING",
        "having": None,
        "sample": None,
        "qualify": None,
    }
    return {"error": False, "statements": [{"node": node, "named_param_map": []}]}


def _computed(node: Mapping[str, Any]) -> bool:
    return node["class"] == "FUNCTION" or (node["class"] == "CAST" and _computed(node["child"]))


def _narrowed(found: Bounds, comparison: str, value: datetime | str, slack: timedelta) -> Bounds:
    lower = comparison in ("COMPARE_GREATERTHAN", "COMPARE_GREATERTHANOREQUALTO", "COMPARE_EQUAL")
    upper = comparison in ("COMPARE_LESSTHAN", "COMPARE_LESSTHANOREQUALTO", "COMPARE_EQUAL")
    if isinstance(value, datetime):
        first = max(filter(None, (found.first, value - slack if lower else None)), default=None)
        last = min(filter(None, (found.last, value + slack if upper else None)), default=None)
        return replace(found, first=first, last=last)
    first_day = max(filter(None, (found.first_day, value if lower else None)), default=None)
    last_day = min(filter(None, (found.last_day, value if upper else None)), default=None)
    return replace(found, first_day=first_day, last_day=last_day)
