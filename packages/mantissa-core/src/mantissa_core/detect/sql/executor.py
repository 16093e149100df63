"""Rules run by a query backend over a table: the SQL executor on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from mantissa_core.detect.rules import Rule
from mantissa_core.errors import QueryError
from mantissa_core.model import LogType
from mantissa_core.model.query import Query, QueryResult, TableSnapshot

from .dialect import Dialect
from .row import Span
from .scan import Plan, Planner

MOST_ROWS = 10_000
"""Matches of one statement; backends return no more."""


class Backend(Protocol):
    """What runs a statement: any plugin of the kind ``mantissa.query_backends``."""

    def run_query(self, query: Query) -> QueryResult:
        """Run one SELECT."""


def matches(
    plan: Plan, backend: Backend, snapshot: TableSnapshot, *, timeout: float = 120.0
) -> Iterator[tuple[str, str]]:
    """Run the plan's scans; yield each match as the row's ``m_id`` and the rule's id.

    Raises:
        QueryError: a statement failed, or found more rows than a backend returns: take a shorter span.
    """
    for scan in plan.scans:
        result = backend.run_query(Query(scan.sql, (snapshot,), max_rows=MOST_ROWS, timeout=timeout))
        if result.truncated:
            raise QueryError(f"more than {MOST_ROWS} matches in one scan of {snapshot.name}: take a shorter span")
        yield from zip(result.rows["m_id"].to_pylist(), result.rows["rule_id"].to_pylist(), strict=True)


def plan_for(
    rules: Sequence[Rule], dialect: Dialect, log_type: LogType, snapshot: TableSnapshot, span: Span | None = None
) -> Plan:
    """The scans of these rules over the snapshot's table."""
    return Planner(dialect, log_type).plan(rules, table=snapshot.name, span=span)
