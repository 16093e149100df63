"""Over streamable HTTP: every request shows a token of the API, and comes from an origin that is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware

from mantissa_core.api.app import HEADERS, answered
from mantissa_core.api.caller import Caller
from mantissa_core.api.identity import Identity
from mantissa_core.api.oidc import Oidc
from mantissa_core.api.problem import problem_of
from mantissa_core.api.rate import Rate
from mantissa_core.api.server import listen
from mantissa_core.api.tokens import Tokens

from .server import Who, build

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mantissa_core.api_section import ApiSection
    from mantissa_core.runtime import Runtime

PATH = "/mcp"
SESSIONS = 200
"""Clients that are connected at a time."""
IDLE = 15 * 60.0
"""Seconds after which a client that is silent is forgotten; it then begins anew."""
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_EVERY = {"0.0.0.0", "[::]"}  # noqa: S104  # compared with, not listened on
"""Addresses to listen on that nobody calls."""


def serve(runtime: Runtime, section: ApiSection, started: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; ``section`` is ``[api]`` with the address of ``[mcp]``.

    Raises:
        NeedsOperator: the address cannot be listened on. ConfigError: the certificate cannot be used.
    """
    listen(create_app(runtime, section), runtime.home, section, lambda address: started(f"{address}{PATH}"))


def create_app(runtime: Runtime, section: ApiSection) -> Starlette:
    """The server as an application."""
    own = runtime.settings.mcp
    address = f"[{section.host.strip('[]')}]" if ":" in section.host else section.host
    names = {*_LOCAL, address} - _EVERY
    security = TransportSecuritySettings(
        allowed_hosts=[*names, *(f"{each}:*" for each in names), *own.allowed_hosts],
        allowed_origins=[*(f"http://{each}:*" for each in _LOCAL), *own.allowed_origins],
    )
    app = build(runtime, _sender).streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=section.max_body_kilobytes * 1024,
        max_sessions=SESSIONS,
        session_idle_timeout=IDLE,
        transport_security=security,
    )
    provider = Oidc(section.oidc) if section.oidc else None
    tables = {str(role): each for role, each in section.tables.items()}
    identity = Identity(Tokens(runtime.state), provider, tables)
    app.user_middleware.append(Middleware(_Door, identity=identity, rate=Rate(section.requests_per_minute)))
    return app


class _Door:
    """Lets callers in, each request anew: a token that was revoked opens nothing, also in the middle of a session."""

    def __init__(self, app: ASGIApp, identity: Identity, rate: Rate) -> None:
        self._app, self._identity, self._rate = app, identity, rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("authorization")
        try:
            caller = await run_in_threadpool(self._identity.caller, given[0] if len(given) == 1 else "")
            self._rate.take(caller.id)
        except Exception as error:  # noqa: BLE001  # what is not expected becomes a 500 with a number
            response = answered(problem_of(error))
            response.headers.update(HEADERS)
            await response(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        # By this the SDK ties a session to who began it.
        token = AccessToken(token="", client_id=caller.id, scopes=[caller.role.value])
        scope["user"] = AuthenticatedUser(token)
        await self._app(scope, receive, send)


def _sender(ctx: Any) -> Who:
    """Who sent this request, as the door found out."""
    caller: Caller = ctx.request.state.caller
    return Who(caller, caller.id)
