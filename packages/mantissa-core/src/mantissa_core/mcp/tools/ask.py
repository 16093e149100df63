"""Questions in plain English."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mantissa_core.api.problem import Problem
from mantissa_core.ask.answer import Answer
from mantissa_core.mcp.bounded import short
from mantissa_core.mcp.call import Call
from mantissa_core.mcp.tool import Arguments

from .query import QueryReply, too_expensive, with_rows

MORE = "A narrower question (a time, a user, 'how many … per …'), or 'query' with the SQL above and fewer columns."


class AskArguments(Arguments):
    """A question."""

    question: Annotated[str, Field(min_length=1, max_length=2_000)]
    """A question in English about what the logs hold, such as 'Which users have the most failed logins this week?'"""
    zone: Annotated[str, Field(max_length=64)] = ""
    """Whose days and hours are meant, such as Europe/Berlin. UTC without it."""
    conversation: Annotated[str, Field(max_length=64)] = ""
    """'new' begins a conversation; its id (in the reply) or 'last' goes on with it: 'only the admins'."""
    max_rows: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Rows at most. The instance has a limit of its own."""
    explain_only: bool = False
    """Show what is understood, the SQL and the estimate, and run nothing."""
    confirm: bool = False
    """Run it although its estimate exceeds the instance's limit. Ask the user first."""


class AskReply(QueryReply):
    """What was understood, and the rows."""

    explanation: str
    """What was understood, with the times in UTC. Tell the user where it is not what they meant."""
    assumptions: list[str]
    sql: str
    """What ran; 'query' takes it with changes."""
    summary: str
    """The rows in a sentence."""
    estimated_bytes: int | None
    provider: str
    """'offline', or the language model that read the question."""
    conversation: str
    """Its id, to go on."""


def ask(call: Call, given: AskArguments) -> AskReply:
    """Answer a question in plain English from the logs: counts, lists, first and last, top N, trends, comparisons.

    What is understood is in the reply: check it. What is not understood is not answered; the error names questions that
    are. A row that is an event has its m_id, which says where it stands. The result is bounded in rows and characters.
    """
    limit = min(given.max_rows, call.limits.max_rows, call.runtime.settings.query.max_result_rows)
    call.facts.update(execution_id=call.execution_id)  # the question itself is written down with its answer
    answer = call.runtime.ask(
        given.question,
        conversation=given.conversation or None,
        zone=given.zone or None,
        user=call.caller.name,
        caller=call.owner,
        allowed=call.caller.tables,
        confirm=lambda _: given.confirm,
        max_rows=limit,
        explain_only=given.explain_only,
        execution_id=call.execution_id,
    )
    if answer.status != "succeeded":
        raise _problem(answer)
    statistics = answer.statistics
    made = AskReply(
        columns=list(answer.columns),
        data_scanned_bytes=statistics.data_scanned_bytes if statistics else 0,
        execution_time_ms=round(statistics.execution_time_ms, 1) if statistics else 0.0,
        explanation=answer.explanation,
        assumptions=list(answer.assumptions),
        sql=answer.sql,
        summary=short(answer.summary, 1_000),
        estimated_bytes=answer.cost_estimate.bytes if answer.cost_estimate else None,
        provider=answer.provider,
        conversation=answer.conversation or "",
    )
    return with_rows(call, made, answer.results, truncated=answer.truncated, more=MORE)


def _problem(answer: Answer) -> Problem:
    if answer.status == "needs_confirmation" and answer.cost_estimate:
        return too_expensive(answer.cost_estimate)
    if answer.status == "abstained":
        remedy = "ask otherwise, look into 'schema', or write SQL for 'query'"
        return Problem(422, answer.reason, remedy=remedy, suggestions=list(answer.suggestions))
    return Problem(422, answer.reason or f"the question {answer.status}", remedy="narrow the question, or use 'query'")
