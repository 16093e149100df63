"""SQL and questions: asked, waited for or not, told step by step, polled, fetched, cancelled."""

from __future__ import annotations

from collections.abc import Callable

from mantissa_core.api import models
from mantissa_core.api.call import Call
from mantissa_core.api.events import Events
from mantissa_core.api.executions import Execution, Work
from mantissa_core.api.file import FILES, File, file_of
from mantissa_core.api.problem import Problem, not_found
from mantissa_core.api.work import statement, work_of
from mantissa_core.ask.events import OnEvent


def query(call: Call) -> models.Result:
    """Answer a question, or run a statement; with ``wait`` false return at once."""
    body = call.sent(models.QueryBody)
    return begun(call, work_of(call, body), body, wait=body.wait)


def stream(call: Call) -> Events:
    """Answer a question, or run a statement, and tell each step as a server-sent event."""
    body = call.sent(models.StreamBody)
    work_of(call, body)  # what is wrong with the request is told before the stream begins

    def begin(tell: OnEvent, ended: Callable[[], None]) -> Execution:
        return call.services.executions.start(call.caller, work_of(call, body, tell), ended)

    def told(execution: Execution) -> models.Result:
        return state(execution, 0, body.page_size)

    return Events(begin, told, call.services.executions.stop)


def execute(call: Call) -> models.Result:
    """Run a statement; with ``wait`` false return at once."""
    body = call.sent(models.ExecuteBody)
    return begun(call, statement(call, body.query, body.parameters, body), body, wait=body.wait)


def poll(call: Call) -> models.Result | File:
    """How an execution is; when it is over a page of its rows, or all of them as a file."""
    found, asked = _execution(call), call.asked(models.PageQuery)
    if call.media_type not in FILES:
        return state(found, int(asked.cursor or 0), asked.page_size)
    rows = found.outcome.rows if found.outcome else None
    if rows is None:
        raise Problem(409, f"there are no rows: the execution's status is {found.status}")
    return file_of(rows, call.media_type, found.id)


def cancel(call: Call) -> models.Result:
    """Stop an execution; one that is over stays as it is."""
    found = _execution(call)
    call.services.executions.stop(found)
    return state(found)


def begun(call: Call, work: Work, body: models.Running, *, wait: bool) -> models.Result:
    """Run it, or have it run."""
    executions = call.services.executions
    made = executions.run(call.caller, work) if wait else executions.start(call.caller, work)
    return state(made, 0, body.page_size)


def state(execution: Execution, start: int = 0, size: int = 1_000) -> models.Result:
    """How an execution is, with ``size`` rows from ``start`` on where it has some."""
    if execution.outcome is not None:
        return execution.outcome.page(start, size)
    error = str(execution.problem) if execution.problem else None
    return models.Result(
        execution_id=execution.id, status=execution.status, sql=execution.work.sql, reason=error, error=error
    )


def _execution(call: Call) -> Execution:
    found = call.services.executions.get(call.caller, call.path["id"])
    if found is None:
        raise not_found("execution")
    return found
