"""Questions and statements as work: what is estimated, confirmed, run, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mantissa_core.ask.events import Event, OnEvent
from mantissa_core.errors import MantissaError, QueryError

from .executions import Work
from .outcome import Outcome, of_answer, of_result, unconfirmed
from .problem import Problem, not_found
from .scopes import Scope

if TYPE_CHECKING:
    from mantissa_core.ask.plan import Plan
    from mantissa_core.model import CostEstimate

    from .call import Call
    from .models import QueryBody, Running, StreamBody


def unheard(_event: Event) -> None:
    """Where nobody listens."""


def work_of(call: Call, body: StreamBody | QueryBody, tell: OnEvent = unheard) -> Work:
    """What a request to ``/query`` wants.

    Raises:
        Problem: it wants both or nothing, the token is not for it, or a part of it is wrong.
    """
    if (body.question is None) == (body.sql is None):
        raise Problem(422, "expected 'question' or 'sql', one of the two", place="body")
    if body.sql is not None:
        if body.conversation is not None:
            raise Problem(422, "conversation: statements belong to none", place="body: conversation")
        return statement(call, body.sql, body.parameters, body, tell)
    if body.parameters:
        raise Problem(422, "parameters: a question has none", place="body: parameters")
    return question(call, body.question or "", body, zone=body.zone, conversation=body.conversation, tell=tell)


def question(
    call: Call,
    text: str,
    body: Running,
    *,
    zone: str | None = None,
    conversation: str | None = None,
    plan: Plan | None = None,
    tell: OnEvent = unheard,
) -> Work:
    """A question in plain English. The instance writes down who asked, and what came of it.

    Raises:
        Problem: there is no such time zone, or no such conversation of the caller's.
    """
    call.require(Scope.ASK)
    known_zone(zone or "UTC")
    runtime, caller, confirm = call.runtime, call.caller, body.confirm
    if conversation is not None:
        _known_conversation(call, conversation)

    def run(execution_id: str) -> Outcome:
        return of_answer(
            runtime.ask(
                text,
                conversation=conversation,
                zone=zone,
                user=caller.name,
                caller=caller.id,
                allowed=caller.tables,
                confirm=lambda _: confirm,
                max_rows=body.max_rows,
                execution_id=execution_id,
                plan=plan,
                on_event=tell,
            )
        )

    return Work("", run, runtime.asker.cancel)


def statement(call: Call, sql: str, parameters: Mapping[str, Any], body: Running, tell: OnEvent = unheard) -> Work:
    """A statement in SQL, with its values.

    Raises:
        Problem: a value cannot be one.
    """
    call.require(Scope.QUERY)
    _bindable(parameters)

    def run(execution_id: str) -> Outcome:
        try:
            outcome = _run(call, sql, parameters, body, execution_id, tell)
        except MantissaError:
            call.note_query(sql, "failed", execution_id=execution_id)
            raise
        ran = outcome.reply.statistics
        facts = {"rows": ran.result_count, "data_scanned_bytes": ran.data_scanned_bytes} if ran else {}
        call.note_query(sql, outcome.reply.status.lower(), execution_id=execution_id, **facts)
        return outcome

    return Work(sql, run, call.runtime.cancel)


def _run(
    call: Call, sql: str, parameters: Mapping[str, Any], body: Running, execution_id: str, tell: OnEvent
) -> Outcome:
    runtime, tables = call.runtime, call.caller.tables
    bounded = runtime.guarded(sql, None, allowed=tables, parameters=list(parameters), max_rows=body.max_rows)
    cost = runtime.estimate(bounded.sql, parameters, allowed=tables)
    tell(Event("estimate", {"bytes": cost.bytes, "cost": cost.usd}))
    if not body.confirm and _exceeds(call, cost):
        return unconfirmed(execution_id, sql, cost)
    found = runtime.query(bounded.sql, parameters, max_rows=body.max_rows, allowed=tables, execution_id=execution_id)
    return of_result(found, sql, cost)


def _exceeds(call: Call, cost: CostEstimate) -> bool:
    unasked = call.runtime.settings.ask
    return cost.bytes > unasked.confirm_bytes or cost.usd > unasked.confirm_usd


def _bindable(parameters: Mapping[str, Any]) -> None:
    for name, value in parameters.items():
        if not name.isidentifier() or not isinstance(value, (str, int, float, bool, type(None), list)):
            raise Problem(422, "parameters: expected names with texts, numbers, true, false, null or lists",
                          place="body: parameters")  # fmt: skip


def known_zone(name: str) -> None:
    """Refuse a time zone that there is not.

    Raises:
        Problem: 422.
    """
    try:
        datetime.now(UTC).astimezone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(422, "zone: there is no such time zone", place="body: zone",
                      remedy="a name such as Europe/Berlin") from None  # fmt: skip


def _known_conversation(call: Call, name: str) -> None:
    try:
        call.runtime.asker.conversations.resolve(call.caller.id, name)
    except QueryError:
        raise not_found("conversation") from None
