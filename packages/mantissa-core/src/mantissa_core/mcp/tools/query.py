"""SQL, bounded by the guard before it runs, and what it would read."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import Field

from mantissa_core.alert.codec import to_json
from mantissa_core.api.problem import Problem
from mantissa_core.mcp.bounded import fit, visible
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments, Reply, Untrusted
from mantissa_core.model import CostEstimate, QueryResult

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
Scalar = str | int | float | bool | None
MORE = "Fewer columns, a narrower m_time or dt, GROUP BY, or a later page: ORDER BY m_time, m_id with LIMIT and OFFSET."


class EstimateArguments(Arguments):
    """A statement."""

    sql: Annotated[str, Field(min_length=1, max_length=20_000)]
    """One SELECT in DuckDB's SQL over the tables and views that 'schema' lists. A condition on dt or m_time makes it
    fast."""
    parameters: dict[Name, Scalar | list[Scalar]] = Field(default_factory=dict)
    """Values of $name in the statement. Put values from logs here, not into the text."""


class QueryArguments(EstimateArguments):
    """A statement, and how much of its answer is wanted."""

    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Rows at most. The instance has a limit of its own."""
    confirm: bool = False
    """Run it although its estimate exceeds the instance's limit. Ask the user first."""


class EstimateReply(Reply):
    """What it would read and cost."""

    bytes: int
    usd: float
    """US dollars where the engine bills."""
    detail: str
    needs_confirmation: bool
    """Whether 'query' wants confirm: true for it."""


class QueryReply(Untrusted):
    """Rows."""

    columns: list[str] = Field(default_factory=list)
    """Those that hold something in these rows; all where there are none."""
    rows: list[dict[str, Any]] = Field(default_factory=list)
    """A column that is null in a row is left out of it."""
    row_count: int = 0
    """Rows in this reply."""
    data_scanned_bytes: int = 0
    execution_time_ms: float = 0.0
    notes: list[str] = Field(default_factory=list)
    """What was put around the statement."""


R = TypeVar("R", bound=QueryReply)


def query(call: Call, given: QueryArguments) -> QueryReply:
    """Run one read-only SELECT over the lake and return its rows.

    The statement passes a guard: only SELECT, only tables and views from 'schema', joins on equal columns, no functions
    that read files or settings. Prefer 'ask' for a question in words. The result is bounded in rows and characters;
    'truncated' and 'more' say what was left out and how to get it.
    """
    limit = min(given.max_rows, call.limits.max_rows, call.runtime.settings.query.max_result_rows)
    call.facts["sql"] = given.sql
    bounded = call.runtime.guarded(
        given.sql, None, allowed=call.caller.tables, parameters=list(given.parameters), max_rows=limit
    )
    cost = call.runtime.estimate(bounded.sql, given.parameters, allowed=call.caller.tables)
    if not given.confirm:
        refuse_expensive(call, cost)
    result = call.runtime.query(
        bounded.sql,
        given.parameters,
        max_rows=limit,
        allowed=call.caller.tables,
        execution_id=call.execution_id,
    )
    call.facts.update(result_facts(result))
    made = QueryReply(
        columns=result.rows.column_names,
        data_scanned_bytes=result.data_scanned_bytes,
        execution_time_ms=round(result.execution_time_ms, 1),
        notes=list(bounded.notes),
    )
    return with_rows(call, made, result.rows.to_pylist(), truncated=result.truncated, more=MORE)


def estimate(call: Call, given: EstimateArguments) -> EstimateReply:
    """Say what a statement would read and cost, without running it. It passes the same guard as 'query'."""
    call.facts["sql"] = given.sql
    bounded = call.runtime.guarded(given.sql, None, allowed=call.caller.tables, parameters=list(given.parameters))
    cost = call.runtime.estimate(bounded.sql, given.parameters, allowed=call.caller.tables)
    return EstimateReply(bytes=cost.bytes, usd=cost.usd, detail=cost.detail, needs_confirmation=_exceeds(call, cost))


def refuse_expensive(call: Call, cost: CostEstimate) -> None:
    """Let nothing run that a person should have agreed to.

    Raises:
        Problem: the estimate exceeds what ``[ask]`` allows unasked.
    """
    if _exceeds(call, cost):
        raise too_expensive(cost)


def too_expensive(cost: CostEstimate) -> Problem:
    """The refusal, with the figure."""
    price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
    return Problem(
        422,
        f"it would read up to {cost.bytes:,} bytes{price}, which must be confirmed",
        remedy="narrow the time or the columns, or ask the user and call again with confirm: true",
    )


def with_rows(call: Call, made: R, rows: list[dict[str, Any]], *, truncated: bool, more: str) -> R:
    """The reply with as many rows as it may hold."""
    room = call.limits.max_characters - len(made.model_dump_json()) - len(more) - 20
    kept, cut = fit([to_json(each) for each in rows], room)
    left_out = truncated or cut
    held = [name for name in made.columns if not kept or any(visible(name) in each for each in kept)]
    return made.model_copy(
        update={
            "columns": held,
            "rows": kept,
            "row_count": len(kept),
            "truncated": left_out,
            "more": more if left_out else "",
        }
    )


def result_facts(result: QueryResult) -> dict[str, Any]:
    """What the audit log keeps of a result."""
    return {
        "execution_id": result.execution_id,
        "rows": result.rows.num_rows,
        "data_scanned_bytes": result.data_scanned_bytes,
    }


def _exceeds(call: Call, cost: CostEstimate) -> bool:
    limits = call.runtime.settings.ask
    return cost.bytes > limits.confirm_bytes or cost.usd > limits.confirm_usd
