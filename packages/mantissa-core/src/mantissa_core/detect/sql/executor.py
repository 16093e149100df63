"""Rules run by a query backend over a table: the SQL executor on DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from mantissa_core.errors import QueryError, QueryTooLarge
from mantissa_core.model.query import Query, QueryResult, TableSnapshot

from .row import Span
from .scan import Plan, Planner, Scan

Row = TypeVar("Row")

MOST_ROWS = 10_000
"""Matches of one statement; backends return no more."""


class Backend(Protocol):
    """What runs a statement: any plugin of the kind ``mantissa.query_backends``."""

    def run_query(self, query: Query) -> QueryResult:
        """Run one SELECT."""


def matches(
    planner: Planner,
    plan: Plan,
    backend: Backend,
    snapshot: TableSnapshot,
    *,
    span: Span | None = None,
    timeout: float = 120.0,
) -> Iterator[tuple[str, str]]:
    """Run the plan's scans over the snapshot; yield each match as the row's ``m_id`` and the rule's id.

    Raises:
        QueryError: a statement failed, or found more rows than a backend returns: take a shorter span.
        RuleError: one rule's statement alone is too large for the engine.
    """

    def run(sql: str) -> Iterator[tuple[str, str]]:
        result = backend.run_query(Query(sql, (snapshot,), max_rows=MOST_ROWS, timeout=timeout))
        if result.truncated:
            raise QueryError(f"more than {MOST_ROWS} matches in one scan of {snapshot.name}: take a shorter span")
        return zip(result.rows["m_id"].to_pylist(), result.rows["rule_id"].to_pylist(), strict=True)

    for scan in plan.scans:
        yield from halving(planner, scan, run, table=snapshot.name, span=span)


def halving(
    planner: Planner, scan: Scan, run: Callable[[str], Iterable[Row]], *, table: str = "", span: Span | None = None
) -> Iterator[Row]:
    """What ``run`` makes of the scan's statement, or of its halves where it raises ``QueryTooLarge``.

    Raises:
        RuleError: one rule's statement alone is too large.
    """
    waiting = [scan]
    while waiting:
        each = waiting.pop()
        try:
            rows = run(each.sql)
        except QueryTooLarge:
            waiting += reversed(planner.halved(each, table=table, span=span))
        else:
            yield from rows
