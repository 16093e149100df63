"""SQL and questions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mantissa_core.alert.codec import to_json
from mantissa_core.api import models
from mantissa_core.api.asking import NotUnderstood
from mantissa_core.api.call import Call
from mantissa_core.api.executions import Execution
from mantissa_core.api.problem import Problem, not_found
from mantissa_core.errors import MantissaError
from mantissa_core.model import QueryResult


def query(call: Call) -> models.Result:
    """Answer a question, or run a statement."""
    body = call.sent(models.QueryBody)
    if (body.question is None) == (body.sql is None):
        raise Problem(422, "expected 'question' or 'sql', one of the two", place="body")
    return _ask(call, body) if body.question is not None else _wait(call, body.sql or "", body)


def execute(call: Call) -> models.Result:
    """Run a statement; with ``wait`` false return at once."""
    body = call.sent(models.ExecuteBody)
    if body.wait:
        return _wait(call, body.query, body)

    def run(execution_id: str) -> QueryResult:
        return _run(call, body.query, body, execution_id)

    return _state(call.services.executions.start(call.caller, body.query, run))


def poll(call: Call) -> models.Result:
    """How an execution is, with its rows when it is over."""
    return _state(_execution(call))


def cancel(call: Call) -> models.Result:
    """Stop an execution; one that is over stays as it is."""
    found = _execution(call)
    call.services.executions.stop(found)
    return _state(found)


def _ask(call: Call, body: models.QueryBody) -> models.Result:
    question = body.question or ""
    _known_zone(body.zone)
    if body.parameters:
        raise Problem(422, "parameters: a question has none", place="body: parameters")
    try:
        answer = call.services.asks.ask(question, zone=body.zone, allowed=call.caller.tables, max_rows=body.max_rows)
    except NotUnderstood as error:
        call.note_query("", "not understood", question=question)
        more = list(error.suggestions)
        raise Problem(422, str(error), place="body: question", remedy="ask otherwise", suggestions=more) from None
    except MantissaError:
        call.note_query("", "failed", question=question)
        raise
    call.note_query(answer.sql, "succeeded", question=question, **_facts(answer.result))
    made = _result(answer.result, answer.sql)
    return made.model_copy(update={"explanation": answer.explanation, "assumptions": list(answer.assumptions)})


def _wait(call: Call, sql: str, body: models.QueryBody | models.ExecuteBody) -> models.Result:
    return _result(_run(call, sql, body, str(uuid.uuid4())), sql)


def _run(call: Call, sql: str, body: models.QueryBody | models.ExecuteBody, execution_id: str) -> QueryResult:
    """Run and write down, whatever comes of it."""
    _bindable(body.parameters)
    try:
        found = call.runtime.query(
            sql, body.parameters, max_rows=body.max_rows, allowed=call.caller.tables, execution_id=execution_id
        )
    except MantissaError:
        call.note_query(sql, "failed", execution_id=execution_id)
        raise
    call.note_query(sql, "succeeded", **_facts(found))
    return found


def _facts(result: QueryResult) -> dict[str, Any]:
    return {
        "execution_id": result.execution_id,
        "rows": result.rows.num_rows,
        "data_scanned_bytes": result.data_scanned_bytes,
    }


def _bindable(parameters: Mapping[str, Any]) -> None:
    for name, value in parameters.items():
        if not name.isidentifier() or not isinstance(value, (str, int, float, bool, type(None), list)):
            raise Problem(422, "parameters: expected names with texts, numbers, true, false, null or lists",
                          place="body: parameters")  # fmt: skip


def _known_zone(name: str) -> None:
    try:
        datetime.now(UTC).astimezone(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Problem(422, "zone: there is no such time zone", place="body: zone",
                      remedy="a name such as Europe/Berlin") from None  # fmt: skip


def _execution(call: Call) -> Execution:
    found = call.services.executions.get(call.caller, call.path["id"])
    if found is None:
        raise not_found("execution")
    return found


def _state(execution: Execution) -> models.Result:
    if execution.result is not None:
        return _result(execution.result, execution.sql)
    error = str(execution.problem) if execution.problem and execution.status == "FAILED" else None
    return models.Result(execution_id=execution.id, status=execution.status, sql=execution.sql, error=error)


def _result(result: QueryResult, sql: str) -> models.Result:
    rows = [to_json(each) for each in result.rows.to_pylist()]
    return models.Result(
        execution_id=result.execution_id,
        status="SUCCEEDED",
        columns=result.rows.column_names,
        results=rows,
        truncated=result.truncated,
        statistics=models.Statistics(
            data_scanned_bytes=result.data_scanned_bytes,
            execution_time_ms=result.execution_time_ms,
            result_count=len(rows),
        ),
        sql=sql,
    )
