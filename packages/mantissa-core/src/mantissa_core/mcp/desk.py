"""Where calls arrive: let in or not, counted, validated, answered, and written down."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mantissa_core.api.call import not_for
from mantissa_core.api.caller import Caller
from mantissa_core.api.problem import Problem, problem_of
from mantissa_core.api.rate import Rate
from mantissa_core.errors import QueryError
from mantissa_core.log import get_logger

from .bounded import short
from .call import Call
from .tool import Reply, Tool
from .tools import TOOLS

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

_LONGEST = 2_000
"""Characters of what is told of an error."""


class Desk:
    """Answers the calls of every client. Thread-safe."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._queries = Rate(runtime.settings.mcp.queries_per_minute)
        self._tools = {each.name: each for each in TOOLS}

    def tools(self, caller: Caller) -> Sequence[Tool]:
        """Those that somebody may call."""
        return [each for each in TOOLS if caller.may(each.scope) and (each.limited or caller.tables is None)]

    def answer(self, call: Call, name: str, arguments: Mapping[str, Any]) -> Reply:
        """Run a tool. Nothing is answered that was not written down.

        Raises:
            Problem: whatever went wrong.
        """
        started = time.perf_counter()
        try:
            reply = self._run(call, name, arguments)
        except Exception as error:  # noqa: BLE001  # what is not expected becomes a problem with a number
            self._note(call, short(name, 60), "cancelled" if call.cancelled.is_set() else "failed", started)
            raise _problem(error) from None
        self._note(call, name, "succeeded", started)
        return reply

    def stop(self, call: Call, name: str) -> None:
        """Cancel what the call runs, if it runs already."""
        cancel = self.runtime.asker.cancel if name == "ask" else self.runtime.cancel
        cancel(call.execution_id)

    def _note(self, call: Call, tool: str, outcome: str, started: float) -> None:
        call.note(tool, outcome)
        took = round((time.perf_counter() - started) * 1000, 1)
        get_logger("mcp").info("call", tool=tool, outcome=outcome, user=call.caller.name, client=call.client, ms=took)

    def _run(self, call: Call, name: str, arguments: Mapping[str, Any]) -> Reply:
        tool = self._tools.get(name)
        if tool is None:
            raise Problem(404, "there is no such tool", remedy=f"there are: {', '.join(self._tools)}")
        if not call.caller.role.includes(tool.scope.role):
            raise Problem(403, f"this takes the role {tool.scope.role}, the caller's is {call.caller.role}")
        if not call.caller.has(tool.scope):
            raise not_for(call.caller, [tool.scope])
        if call.caller.tables is not None and not tool.limited:
            raise Problem(403, "this is not for a caller who is limited to tables")
        try:
            given = tool.takes.model_validate(arguments)
        except ValidationError as error:
            raise _invalid(error) from None
        if tool.runs:
            self._queries.take(call.caller.id)
        return tool.handler(call, given)


def told(problem: Problem) -> str:
    """A problem in words, for a model that may try again: what is wrong, and what to do."""
    document = problem.document
    lines = [document.detail]
    if document.remedy:
        lines.append(f"What to do: {document.remedy}")
    if suggestions := (document.model_extra or {}).get("suggestions"):
        lines += ["Questions that have an answer:", *(f"- {each}" for each in suggestions)]
    return short("\n".join(lines), _LONGEST)


def _problem(error: Exception) -> Problem:
    if isinstance(error, QueryError):
        return Problem(422, str(error), remedy="'schema' lists the tables and columns; only SELECT is possible")
    return problem_of(error)


def _invalid(error: ValidationError) -> Problem:
    """The first thing that is wrong with the arguments. What was sent is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(each) for each in first["loc"]) or "as a whole"
    return Problem(422, f"arguments: {where}: {first['msg']}", remedy="see the tool's input schema")
