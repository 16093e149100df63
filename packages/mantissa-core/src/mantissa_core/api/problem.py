"""Errors as RFC 9457 has them: what is wrong, where, and what to do. No stack, no secret."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from mantissa_core.alert.lifecycle import StatusError
from mantissa_core.errors import ConfigError, Conflict, MantissaError, NeedsOperator, PluginError, QueryError, Retry
from mantissa_core.errors import RuleError as RuleProblem
from mantissa_core.log import get_logger

from .tokens import TokenError

CONTENT_TYPE = "application/problem+json"


class ProblemDocument(BaseModel):
    """RFC 9457, with two members of our own: the place in the request, and what to do."""

    model_config = ConfigDict(extra="allow")
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    place: str | None = None
    remedy: str | None = None


class Problem(Exception):
    """Answered as it is. ``more`` are further members; ``headers`` those of the answer."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        place: str | None = None,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.headers = status, dict(headers or {})
        self.document = ProblemDocument(
            title=HTTPStatus(status).phrase, status=status, detail=detail, place=place, remedy=remedy, **more
        )


def not_found(what: str) -> Problem:
    """There is none, or none that the caller may see: nobody is told which."""
    return Problem(404, f"there is no such {what}")


def invalid(error: ValidationError, place: str) -> Problem:
    """The first thing that is wrong with a body or a query. What was sent is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(each) for each in first["loc"]) or "as a whole"
    return Problem(422, f"{where}: {first['msg']}", place=f"{place}: {where}", remedy="see /openapi.json")


def problem_of(error: Exception) -> Problem:
    """What a caller is told of an error."""
    match error:
        case Problem():
            return error
        case ConfigError():
            return Problem(422, f"found {error.found}, expected {error.expected}", place=error.key)
        case QueryError():
            return Problem(422, str(error), place="query")
        case RuleProblem():
            return Problem(422, str(error), place="rule")
        case StatusError() | Conflict() | TokenError():
            return Problem(409, str(error))
        case Retry():
            after = str(max(1, round(error.after or 5)))
            return Problem(503, str(error), remedy="try again later", headers={"Retry-After": after})
        case NeedsOperator() | PluginError():
            return Problem(502, str(error), remedy="'mantissa doctor' says what is wrong with the instance")
    return _unexpected(error)


def _unexpected(error: Exception) -> Problem:
    """A bug, or a store that is broken: the caller gets a number, the log the reason."""
    number = uuid.uuid4().hex[:12]
    reason = str(error) if isinstance(error, MantissaError) else type(error).__name__
    frames = "".join(traceback.format_tb(error.__traceback__))  # neither values nor the message: they may hold secrets
    get_logger("api").error("request failed", error=number, reason=reason, frames=frames)
    return Problem(500, f"the server failed; its log has more about {number}", error=number)
