"""What a question or a statement came to, kept so that it can be fetched page by page or as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mantissa_core.alert.codec import to_json

from . import models

if TYPE_CHECKING:
    import pyarrow as pa

    from mantissa_core.ask.answer import Answer
    from mantissa_core.ask.plan import Plan
    from mantissa_core.model import CostEstimate, QueryResult


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reply`` is the answer without rows. ``rows`` are all of them. ``plan`` is what was understood of a question."""

    reply: models.Result
    rows: pa.Table | None = None
    plan: Plan | None = None
    question: str = ""

    @property
    def bytes(self) -> int:
        """What the rows take, about."""
        return self.rows.nbytes if self.rows is not None else 0

    def page(self, start: int, size: int) -> models.Result:
        """The answer with ``size`` rows from ``start`` on."""
        if self.rows is None:
            return self.reply
        end = start + size
        changes: dict[str, Any] = {
            "results": [to_json(each) for each in self.rows.slice(start, size).to_pylist()],
            "citations": self.reply.citations[start:end],
            "next": str(end) if end < self.rows.num_rows else None,
        }
        return self.reply.model_copy(update=changes)


def of_result(result: QueryResult, sql: str, cost: CostEstimate) -> Outcome:
    """Of a statement that ran."""
    reply = models.Result(
        execution_id=result.execution_id,
        status="SUCCEEDED",
        columns=result.rows.column_names,
        truncated=result.truncated,
        statistics=models.Statistics(
            data_scanned_bytes=result.data_scanned_bytes,
            execution_time_ms=result.execution_time_ms,
            result_count=result.rows.num_rows,
        ),
        sql=sql,
        cost_estimate=_cost(cost),
    )
    return Outcome(reply, result.rows)


def unconfirmed(execution_id: str, sql: str, cost: CostEstimate) -> Outcome:
    """Of a statement that would take more than runs unasked."""
    price = f" for about {cost.usd:.2f} USD" if cost.usd else ""
    reason = f'it would read up to {cost.bytes:,} bytes{price}: send it again with "confirm": true, or narrow it'
    return Outcome(
        models.Result(
            execution_id=execution_id, status="NEEDS_CONFIRMATION", sql=sql, cost_estimate=_cost(cost), reason=reason
        )
    )


def of_answer(answer: Answer) -> Outcome:
    """Of a question."""
    ran, cost = answer.statistics, answer.cost_estimate
    reply = models.Result(
        execution_id=answer.execution_id,
        status=_STATES[answer.status],
        columns=list(answer.columns) if answer.rows is not None else [],
        truncated=answer.truncated,
        cached=answer.cached,
        statistics=models.Statistics(
            data_scanned_bytes=ran.data_scanned_bytes,
            execution_time_ms=ran.execution_time_ms,
            result_count=ran.result_count,
        )
        if ran
        else None,
        sql=answer.sql,
        explanation=answer.explanation or None,
        assumptions=list(answer.assumptions),
        summary=answer.summary or None,
        cost_estimate=_cost(cost) if cost else None,
        citations=[models.CitationReply(m_id=each.m_id, table=each.table) for each in answer.citations],
        provider=answer.provider,
        raw_sql=answer.raw_sql,
        conversation=answer.conversation,
        suggestions=list(answer.suggestions),
        reason=answer.reason or None,
        error=answer.reason if answer.status == "failed" else None,
    )
    return Outcome(reply, answer.rows, answer.plan, answer.question)


_STATES: dict[str, models.queries.State] = {
    "succeeded": "SUCCEEDED",
    "abstained": "ABSTAINED",
    "needs_confirmation": "NEEDS_CONFIRMATION",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}


def _cost(cost: CostEstimate) -> models.Cost:
    return models.Cost(bytes=cost.bytes, usd=cost.usd, detail=cost.detail)
