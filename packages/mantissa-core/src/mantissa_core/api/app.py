"""The application: every request is limited, identified, let in or not, validated, answered, and logged."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mantissa_core.collect.metrics import CONTENT_TYPE as METRICS
from mantissa_core.errors import ConfigError
from mantissa_core.log import get_logger

from .call import Call, Services, not_for
from .endpoints import ENDPOINTS, PATH_PART, Endpoint
from .events import Events
from .executions import Executions
from .file import JSON, File, accepted
from .identity import Identity
from .openapi import description
from .problem import CONTENT_TYPE, Problem, invalid, not_found, problem_of
from .rate import Rate
from .tokens import Tokens

if TYPE_CHECKING:
    from mantissa_core.runtime import Runtime

    from .caller import Caller
    from .identity import Verifies

M = TypeVar("M", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]
DEVELOPMENT = "MANTISSA_DEV_MODE"
_OFF = ("", "0", "false", "no", "off")
_PART = re.compile(PATH_PART)
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def create_app(
    runtime: Runtime,
    *,
    provider: Verifies | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Starlette:
    """The API over an open instance, which outlives it. ``provider`` knows OIDC tokens.

    Raises:
        ConfigError: the environment asks for a server without identities.
    """
    refuse_development(environ)
    section, tokens = runtime.settings.api, Tokens(runtime.state)
    services = Services(runtime, tokens, Executions())
    tables = {str(role): each for role, each in section.tables.items()}
    door = _Door(Identity(tokens, provider, tables), Rate(section.requests_per_minute))
    routes = [Route("/health", _logged(_health), methods=["GET"])]
    document = json.dumps(description()).encode()
    routes.append(Route("/openapi.json", _logged(_described(door, document)), methods=["GET"]))
    by_path: dict[str, dict[str, Endpoint]] = {}
    for each in ENDPOINTS:
        by_path.setdefault(each.path, {})[each.method] = each
    for path, endpoints in by_path.items():
        handle = _handler(endpoints, services, door, section.max_body_kilobytes * 1024)
        routes.append(Route(path, _logged(handle), methods=list(endpoints)))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(services.executions.close)

    return Starlette(
        routes=routes,
        middleware=_cors(section.cors_allowed_origin),
        exception_handlers={HTTPException: _http_error, Exception: _error},
        lifespan=lifespan,
    )


def refuse_development(environ: Mapping[str, str]) -> None:
    """There is no way around identities.

    Raises:
        ConfigError: somebody counts on one.
    """
    if environ.get(DEVELOPMENT, "").strip().lower() not in _OFF:
        expected = "nothing: every caller shows a token, also during development ('mantissa tokens create')"
        raise ConfigError("environment", DEVELOPMENT, repr(environ[DEVELOPMENT][:20]), expected)


class _Door:
    """Lets callers in."""

    def __init__(self, identity: Identity, rate: Rate) -> None:
        self._identity, self._rate = identity, rate

    async def caller(self, request: Request) -> Any:
        """Who is calling.

        Raises:
            Problem: 401, nobody that is known; 429, too often.
        """
        given = request.headers.getlist("authorization")
        found = await run_in_threadpool(self._identity.caller, given[0] if len(given) == 1 else "")
        request.state.user = found.name
        self._rate.take(found.id)
        return found


def _handler(endpoints: Mapping[str, Endpoint], services: Services, door: _Door, longest: int) -> Handler:
    async def handle(request: Request) -> Response:
        endpoint = endpoints["GET" if request.method == "HEAD" else request.method]
        caller: Caller = await door.caller(request)
        _let_in(caller, endpoint)
        media_type = accepted(request.headers.get("accept", ""), (JSON, *endpoint.files)) if endpoint.files else JSON
        path = {name: str(value) for name, value in request.path_params.items()}
        if not all(map(_PART.fullmatch, path.values())):
            raise not_found("resource")
        body = await _body(request, endpoint.body, longest) if endpoint.body else None
        call = Call(services, caller, path, body, _query(request, endpoint.query), media_type)
        answer = await run_in_threadpool(endpoint.handler, call)
        return await answer.response() if isinstance(answer, Events) else _response(answer, endpoint.status)

    return handle


def _let_in(caller: Caller, endpoint: Endpoint) -> None:
    if not caller.role.includes(endpoint.role):
        raise Problem(403, f"this takes the role {endpoint.role}, the token's is {caller.role}")
    if endpoint.scopes and not any(map(caller.has, endpoint.scopes)):
        raise not_for(caller, endpoint.scopes)
    if caller.tables is not None and not endpoint.limited:
        raise Problem(403, "this is not for a token that is limited to tables")


def _response(answer: BaseModel | File | str, status: int) -> Response:
    match answer:
        case BaseModel():
            return Response(answer.model_dump_json(), status, media_type=JSON)
        case File():
            headers = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
            return Response(answer.content, status, headers, answer.media_type)
    return Response(answer, status, media_type=METRICS)


async def _health(_request: Request) -> Response:
    return Response('{"status":"ok"}', media_type="application/json")


def _described(door: _Door, document: bytes) -> Handler:
    async def handle(request: Request) -> Response:
        await door.caller(request)
        return Response(document, media_type="application/json")

    return handle


async def _body(request: Request, model: type[M], longest: int) -> M:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise Problem(415, "the body is no application/json", place="header: Content-Type")
    content = bytearray()
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > longest:
                raise Problem(413, f"the body has more than {longest} bytes", remedy="[api] max_body_kilobytes")
    except ClientDisconnect:
        raise Problem(400, "the body broke off") from None
    try:
        return model.model_validate_json(bytes(content))
    except ValidationError as error:
        raise invalid(error, "body") from None


def _query(request: Request, model: type[M] | None) -> M | None:
    given = request.query_params.multi_items()
    if len({name for name, _ in given}) < len(given):
        raise Problem(422, "a parameter is given twice", place="query")
    if model is None:
        if given:
            raise Problem(422, f"no parameters are taken here, found {given[0][0][:60]!r}", place="query")
        return None
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        raise invalid(error, "query") from None


def _logged(handle: Handler) -> Handler:
    """Answer whatever happens, and log it: without headers, bodies and query strings, which may hold secrets."""

    async def answer(request: Request) -> Response:
        started = time.perf_counter()
        try:
            response = await handle(request)
        except Exception as error:  # noqa: BLE001  # what is not expected becomes a 500 with a number
            response = answered(problem_of(error))
        response.headers.update(HEADERS)
        took = round((time.perf_counter() - started) * 1000, 1)
        user = getattr(request.state, "user", None)
        log = get_logger("api")
        log.info("request", method=request.method, path=request.url.path, status=response.status_code, user=user,
                 ms=took)  # fmt: skip
        return response

    return answer


def answered(problem: Problem) -> Response:
    """A problem as an answer."""
    text = problem.document.model_dump_json(exclude_none=True)
    return Response(text, problem.status, problem.headers, CONTENT_TYPE)


async def _http_error(_request: Request, error: Exception) -> Response:
    """404 and 405, before a route is found."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    what = {404: "there is nothing at this path", 405: "this path does not take this method"}
    problem = Problem(status, what.get(status, "the request cannot be answered"), remedy="see /openapi.json",
                      headers={**headers, **HEADERS})  # fmt: skip
    return answered(problem)


async def _error(_request: Request, error: Exception) -> Response:
    return answered(problem_of(error))


def _cors(origin: str | None) -> list[Middleware]:
    if origin is None:
        return []
    methods, headers = ["GET", "POST", "PUT", "DELETE"], ["Authorization", "Content-Type"]
    return [Middleware(CORSMiddleware, allow_origins=[origin], allow_methods=methods, allow_headers=headers)]
