"""The response action ``acme.gadget``: disables an account at Acme."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import quote

import httpx
from mantissa_core import web
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Action, Effect, Outcome, Plan
from pydantic import Field, HttpUrl, SecretStr

_USER = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?P<domain>[A-Za-z0-9.-]{1,255})")

Status = Literal["active", "disabled"]


class Gadget:
    """Disables the account of ``{"user": "<email address>"}``.

    Acme answers a repeated ``Idempotency-Key`` as it answered the first time, and says with every
    change what was before: so a retry tells the truth, and undoing restores what this action changed.
    With an API that does neither, probe before you change anything.
    """

    class Config(PluginConfig):
        """Where Acme is, and who may be disabled."""

        url: HttpUrl
        """Address of the API."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """API token that may change accounts."""
        domains: Annotated[frozenset[str], Field(min_length=1)]
        """Domains whose users may be disabled."""
        protected: frozenset[str] = frozenset()
        """Users who may never be disabled: the accounts that you need in an emergency."""
        timeout: Annotated[float, Field(gt=0, le=60)] = 15.0
        """Seconds to wait for the connection, and for each part of the answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"}
        self._client = httpx.Client(base_url=str(config.url), headers=headers, timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Ask who the token is: that changes nothing."""
        self._send("GET", "/me")

    @hookimpl
    def plan_action(self, action: Action) -> Plan:
        """Check the arguments and describe; sends nothing."""
        user = self._user(action.arguments)
        return Plan(f"disable {user} at Acme", user, reversible=True, steps=(f"PUT {_path(user)}",))

    @hookimpl
    def probe_action(self, action: Action) -> Effect:
        """Ask for the account's status."""
        response = self._send("GET", _path(self._user(action.arguments)))
        return Effect("present" if _field(response, "status") == "disabled" else "absent")

    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        """Disable the account.

        Raises:
            Retry: Acme cannot be reached, is busy or fails.
            NeedsOperator: the user is out of scope, or Acme refuses.
        """
        user = self._user(action.arguments)
        if not self._set(user, "disabled", action.key):
            return Outcome(False, f"{user} was disabled already")
        return Outcome(True, f"disabled {user}", {"user": user})

    @hookimpl
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        """Enable the account, where this action disabled it."""
        if not undo:
            return Outcome(False, "nothing to undo")
        user = self._user(undo)
        changed = self._set(user, "active", f"{action.key}-undo")
        return Outcome(changed, f"enabled {user}" if changed else f"{user} was active already")

    def _user(self, arguments: Mapping[str, object]) -> str:
        """The user that may be acted on. Arguments come from logs: trust none."""
        user = arguments.get("user")
        if not isinstance(user, str) or set(arguments) != {"user"}:
            raise NeedsOperator("acme.gadget takes one argument: 'user', an email address")
        match = _USER.fullmatch(user)
        if not match or match["domain"].lower() not in map(str.lower, self.config.domains):
            raise NeedsOperator(f"{user[:100]!r} is out of scope: 'domains' does not name the domain")
        if user.lower() in map(str.lower, self.config.protected):
            raise NeedsOperator(f"{user!r} is out of scope: 'protected' names the user")
        return user

    def _set(self, user: str, status: Status, key: str) -> bool:
        """Set the account's status and say whether it was another."""
        response = self._send("PUT", _path(user), {"status": status}, {"Idempotency-Key": quote(key)})
        return _field(response, "previous") != status

    def _send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        response = web.send(self._client, self._client.build_request(method, path, json=body, headers=headers))
        web.raise_for_status(response, [self.config.token.get_secret_value()])
        return response


def _path(user: str) -> str:
    return f"/users/{quote(user, safe='@')}/status"


def _field(response: httpx.Response, name: str) -> str:
    try:
        return str(response.json()[name])
    except (ValueError, KeyError, TypeError) as error:
        raise Retry(f"{web.origin(response.request)} answered without {name!r}") from error
