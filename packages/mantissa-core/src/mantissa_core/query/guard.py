"""What a user's SQL may be: one statement that only reads the tables it was given.

The statement is judged by DuckDB's own syntax tree, so that there is no second parser to be fooled. This is the
first wall; the second is the engine, which has no access to anything but the files of the tables in use.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mantissa_core.errors import QueryError

if TYPE_CHECKING:
    import duckdb

MAX_TEXT = 100_000
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_SOURCES = frozenset(
    {"BASE_TABLE", "SUBQUERY", "JOIN", "EMPTY", "EXPRESSION_LIST", "TABLE_FUNCTION", "SHOW_REF", "PIVOT"}
)
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series"})
# Scalar functions that look at the engine or its surroundings, run text as SQL, change something, or (repeat)
# allocate beyond every limit in one uninterruptible step.
_DENIED = re.compile(
    r"(duckdb|pragma|pg|json_(de)?serialize|json_execute|read|parquet|sniff|write|enable|disable|force|checkpoint)(_.*)?"
    r"|getenv|glob|query|query_table|current_setting|set_config|getvariable|nextval|currval|repeat|which_secret"
    r"|in_search_path|add_parquet_key|setseed|sleep_ms|current_schemas|version|error|txid_current|current_query"
)
_EXPLAIN = re.compile(r"\s*explain\b(?!\s*(\(|analyze\b))", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that may run: its text, its syntax tree, and the tables that it reads (as they are named)."""

    sql: str
    tree: Mapping[str, Any]
    tables: frozenset[str]
    explain: bool = False


def check(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[str], known: Collection[str] = ()
) -> Statement:
    """Accept one SELECT (or EXPLAIN of one) over these ``tables``.

    ``connection`` lends its parser only; nothing is run. ``known`` names what exists besides, for the error.

    Raises:
        QueryError: the text is anything else; the message says what stands in the way.
    """
    if len(sql) > MAX_TEXT:
        raise QueryError(f"the query has {len(sql)} characters, at most {MAX_TEXT} are allowed")
    text, explain = _single(connection, sql)
    tree = _tree(connection, text)
    walk = _Walk({name.lower(): name for name in tables}, {*tables, *known})
    return Statement(text, tree, frozenset(walk.tables(tree)), explain)


def first_line(message: str) -> str:
    """What DuckDB says, without its excerpt of the query and its list of overloads."""
    kept = re.split(r"\n\s*\n?LINE \d+:|\n\tCandidate functions:", message)[0]
    return " ".join(kept.split())


def _single(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[str, bool]:
    """The text of the only statement, without ``EXPLAIN``, and whether that stood there."""
    import duckdb

    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryError(first_line(str(error))) from None
    if len(statements) != 1:
        raise QueryError(f"one statement is allowed, found {len(statements)}")
    text, kind = statements[0].query.strip().rstrip(";"), statements[0].type
    explain = _EXPLAIN.match(text) if kind == duckdb.StatementType.EXPLAIN else None
    if explain is None and kind != duckdb.StatementType.SELECT:
        raise QueryError(f"only SELECT and EXPLAIN SELECT are allowed, this is {kind.name}")
    return (text[explain.end() :], True) if explain else (text, False)


def _tree(connection: duckdb.DuckDBPyConnection, text: str) -> Mapping[str, Any]:
    row = connection.execute("SELECT json_serialize_sql($sql)", {"sql": text}).fetchone()
    answer: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if answer["error"] or len(answer["statements"]) != 1:
        raise QueryError("only SELECT and EXPLAIN SELECT are allowed (as a subquery, PIVOT needs its values listed)")
    tree: Mapping[str, Any] = answer["statements"][0]["node"]
    return tree


class _Walk:
    """One pass over the tree with the names of the CTEs in scope: a name known only further in does not count."""

    def __init__(self, tables: Mapping[str, str], known: Collection[str]) -> None:
        self._tables, self._known = tables, known

    def tables(self, node: Any, ctes: frozenset[str] = frozenset()) -> Iterator[str]:
        """The known tables that the tree reads."""
        if isinstance(node, list):
            for each in node:
                yield from self.tables(each, ctes)
        elif isinstance(node, dict):
            ctes = yield from self._with(node, ctes)
            yield from self._look(node, ctes)
            for name, each in node.items():
                if name != "cte_map":
                    yield from self.tables(each, ctes)

    def _with(self, node: Mapping[str, Any], ctes: frozenset[str]) -> Generator[str, None, frozenset[str]]:
        """Walk a WITH clause; each CTE sees the earlier ones, and itself where it is recursive."""
        for entry in node.get("cte_map", {}).get("map", ()):
            name, body = entry["key"].lower(), entry["value"]["query_node"]
            own = {name} if body["type"] == "RECURSIVE_CTE_NODE" else set()
            yield from self.tables(entry["value"], ctes | own)
            ctes |= {name}
        return ctes

    def _look(self, node: Mapping[str, Any], ctes: frozenset[str]) -> Iterator[str]:
        kind = node.get("type")
        if not isinstance(kind, str):
            return
        if kind.endswith("_NODE") and kind not in _NODES:
            raise QueryError(f"only SELECT is allowed, found {kind.removesuffix('_NODE').replace('_', ' ')}")
        if "query_location_length" in node and "class" not in node and kind not in _SOURCES:
            raise QueryError(f"{kind.replace('_', ' ')} is not allowed")
        if kind == "BASE_TABLE":
            yield from self._table(node, ctes)
        elif kind == "SHOW_REF" and node["query"] is None:
            raise QueryError("SHOW is not allowed; DESCRIBE <table> is")
        elif kind == "TABLE_FUNCTION" and node["function"]["function_name"].lower() not in _TABLE_FUNCTIONS:
            raise QueryError(f"the table function {node['function']['function_name']} is not allowed")
        elif "function_name" in node and _DENIED.fullmatch(node["function_name"].lower()):
            raise QueryError(f"the function {node['function_name']} is not allowed")

    def _table(self, node: Mapping[str, Any], ctes: frozenset[str]) -> Iterator[str]:
        name = node["table_name"]
        qualified = node["schema_name"] or node["catalog_name"]
        if not qualified and name.lower() in ctes:
            return
        if qualified or name.lower() not in self._tables:
            raise QueryError(f"there is no table {name!r}{self._suggestion(name)}")
        yield self._tables[name.lower()]

    def _suggestion(self, name: str) -> str:
        names = {each.lower(): each for each in self._known}
        close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
        if close:
            return f"; did you mean {' or '.join(names[each] for each in close)}?"
        return f" (there are: {', '.join(sorted(names.values())) or 'none yet'})"
