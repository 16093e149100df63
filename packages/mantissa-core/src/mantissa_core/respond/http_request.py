"""The response action ``http.request``: a call to a web service in scope, with a look before and a way back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import Field, SecretStr, ValidationError

from mantissa_core import web
from mantissa_core.errors import NeedsOperator
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model.action import Action, Effect, Outcome, Plan
from mantissa_core.recent import Recent

from .addresses import resolve
from .calls import Arguments, Call, Probe

_GONE = (404, 410)
_ANSWER = 1024 * 1024


class HTTPRequest:
    """Calls a web service.

    ``Action.arguments``: ``method``, ``url``, ``json`` or ``body``, ``headers``, and optionally ``probe`` (a call, with
    ``expect_status``, ``absent_status`` and ``expect_json``) and ``undo`` (a call). ``Idempotency-Key`` is the
    action's key. With a probe, an effect that was there already is neither repeated nor undone.
    """

    class Config(PluginConfig):
        """What is in scope, and with what credential."""

        allowed_hosts: Annotated[tuple[str, ...], Field(min_length=1)]
        """Host names that may be called; ``name:port`` for a port that is not the scheme's own."""
        headers: Mapping[str, SecretStr] = Field(default_factory=dict)
        """Sent with every call, such as ``Authorization``; an action cannot override them."""
        timeout: Annotated[float, Field(gt=0, le=120)] = 15.0
        """Seconds to wait for the connection, and for each part of the answer."""
        allow_private: bool = False
        """Let host names point into private networks, for services of your own."""
        allow_http: bool = False
        """Let calls go without TLS."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._done: Recent[Outcome] = Recent()

    @hookimpl
    def plan_action(self, action: Action) -> Plan:
        """Validate and describe; sends nothing."""
        arguments = self._arguments(action.arguments)
        steps = [f"{arguments.method} {arguments.url}"]
        if arguments.probe:
            steps.insert(0, f"look first: {arguments.probe.method} {arguments.probe.url}")
        if arguments.undo:
            steps.append(f"to undo: {arguments.undo.method} {arguments.undo.url}")
        return Plan(
            summary=f"send {arguments.method} to {arguments.url}",
            target=httpx.URL(arguments.url).host,
            reversible=arguments.undo is not None,
            steps=tuple(steps),
            detail={"json": arguments.json_body, "body": arguments.body, "headers": sorted(arguments.headers)},
        )

    @hookimpl
    def probe_action(self, action: Action) -> Effect:
        """Make the probe's call; without one the answer is ``unknown``."""
        probe = self._arguments(action.arguments).probe
        return self._look(probe) if probe else Effect("unknown")

    @hookimpl
    def execute_action(self, action: Action) -> Outcome:
        """Make the call, unless the probe says that there is nothing to do."""
        if action.key in self._done:
            return self._done[action.key]
        arguments = self._arguments(action.arguments)
        if arguments.probe and (effect := self._look(arguments.probe)).state == "present":
            return Outcome(False, f"already in place at {arguments.url}", None, effect.detail)
        response = self._send(arguments, action.key)
        web.raise_for_status(response, self._secrets())
        undo = arguments.undo.to_json() if arguments.undo else None
        outcome = Outcome(
            True, f"{arguments.method} {arguments.url}: {response.status_code}", undo, self._said(response)
        )
        return self._remember(action.key, outcome)

    @hookimpl
    def undo_action(self, action: Action, undo: Mapping[str, object]) -> Outcome:
        """Make the undo's call. A target that is gone already counts as undone."""
        if not undo:
            return Outcome(False, "nothing to undo")
        call = self._checked(_parsed(Call, undo))
        response = self._send(call, f"{action.key}-undo")
        gone = response.status_code in _GONE
        if not gone:
            web.raise_for_status(response, self._secrets())
        self._done.pop(action.key, None)
        return Outcome(not gone, f"{call.method} {call.url}: {response.status_code}", None, self._said(response))

    @cached_property
    def _client(self) -> httpx.Client:
        # No proxy from the environment: it would resolve names itself, behind the check of addresses.
        return httpx.Client(timeout=self.config.timeout, trust_env=False)

    def _arguments(self, given: Mapping[str, object]) -> Arguments:
        arguments = _parsed(Arguments, given)
        for call in (arguments, arguments.probe, arguments.undo):
            if call:
                self._checked(call)
        return arguments

    def _checked(self, call: Call) -> Call:
        """Refuse what is out of scope, before anything is resolved or sent."""
        try:
            url = httpx.URL(call.url)
        except httpx.InvalidURL as error:
            raise NeedsOperator(f"this is no address: {error}") from None
        schemes = ("https", "http") if self.config.allow_http else ("https",)
        if url.scheme not in schemes:
            expected = " or ".join(schemes)
            raise NeedsOperator(f"the address begins with {url.scheme!r}, expected {expected} (see 'allow_http')")
        if url.userinfo:
            raise NeedsOperator(f"the address of {url.host} holds a user or password: use the plugin's 'headers'")
        named = url.host if url.port is None else f"{url.host}:{url.port}"
        if not url.host or named.lower() not in {host.lower() for host in self.config.allowed_hosts}:
            raise NeedsOperator(f"{named!r} is out of scope: 'allowed_hosts' does not name it")
        return call

    def _look(self, probe: Probe) -> Effect:
        response = self._send(probe, None)
        detail = {"status": response.status_code}
        if response.status_code in probe.absent_status:
            return Effect("absent", detail)
        if response.status_code not in probe.expect_status:
            web.raise_for_status(response, self._secrets())
            return Effect("unknown", detail)
        return Effect("present" if probe.fits(_json(response)) else "absent", detail)

    def _send(self, call: Call, key: str | None) -> httpx.Response:
        url = httpx.URL(call.url)
        address = resolve(
            url.host, url.port or (443 if url.scheme == "https" else 80), allow_private=self.config.allow_private
        )
        headers = httpx.Headers(call.headers)
        headers.update({name: value.get_secret_value() for name, value in self.config.headers.items()})
        headers["Host"] = url.netloc.decode("ascii")
        if key is not None:
            headers["Idempotency-Key"] = quote(key, safe="-_.~:/@ ")
        content = call.body.encode() if call.body is not None else None
        if call.json_body is not None:
            content = json.dumps(call.json_body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = self._client.build_request(
            call.method,
            url.copy_with(host=address),
            content=content,
            headers=headers,
            extensions={"sni_hostname": url.host},
        )
        return web.send(self._client, request, _ANSWER)

    def _said(self, response: httpx.Response) -> dict[str, Any]:
        return {"status": response.status_code, "answer": web.excerpt(response.text, self._secrets())}

    def _secrets(self) -> list[str]:
        return [value.get_secret_value() for value in self.config.headers.values()]

    def _remember(self, key: str, outcome: Outcome) -> Outcome:
        self._done[key] = outcome
        return outcome


_C = TypeVar("_C", bound=Call)


def _parsed(kind: type[_C], given: Mapping[str, object]) -> _C:
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "arguments"
        raise NeedsOperator(f"http.request: {where}: {first['msg']}") from None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
