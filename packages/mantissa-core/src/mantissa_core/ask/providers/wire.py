"""How the providers without a library talk to a language model's server: JSON out, JSON back, errors by kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from mantissa_core import web
from mantissa_core.errors import MantissaError, NeedsOperator, Retry

SCHEMA_REFUSED = (400, 404, 422)
"""What servers answer that do not take a schema."""
STREAM_SECONDS = 180.0
"""How long a stream may take from beginning to end."""
_MISPLACED = frozenset({"400", "401", "402", "403", "404", "invalid_request_error", "authentication_error",
                        "permission_error", "not_found_error", "billing_error"})  # fmt: skip
"""Codes and types of errors that no retry helps."""
_Path = tuple[str, ...]
_Answer = TypeVar("_Answer", httpx.Response, web.Arriving)


class Wire:
    """A server, the header that holds its key, and what it turned out not to take."""

    def __init__(
        self,
        timeout: float,
        key: SecretStr | None,
        header: str,
        prefix: str = "",
        more: Mapping[str, str] | None = None,
        seconds: float = STREAM_SECONDS,
    ) -> None:
        self._timeout, self._key, self._header, self._prefix = timeout, key, header, prefix
        self._more, self._seconds = dict(more or {}), seconds
        self._refused: set[_Path] = set()

    def get(self, url: str) -> httpx.Response:
        """Ask for something that costs nothing, and judge the answer's status."""
        request = self._client.build_request("GET", url, headers=self._headers())
        return self.judged(web.send(self._client, request))

    def post(self, url: str, body: Mapping[str, Any], *optional: _Path) -> httpx.Response:
        """Send one question; the status of the answer is still to be judged.

        ``optional`` are places of fields in ``body`` that some servers refuse, such as any temperature: they are asked
        again without, and from then on at once.
        """
        return self._asked(lambda sent: web.send(self._client, self._request(url, sent)), _said, body, optional)

    def open(self, url: str, body: Mapping[str, Any], *optional: _Path) -> web.Arriving:
        """As :meth:`post`, for an answer that comes in pieces. Close it."""

        def send(sent: Mapping[str, Any]) -> web.Arriving:
            return web.Arriving(self._client, self._request(url, sent), web.ANSWER_BYTES, self._seconds)

        return self._asked(send, lambda arriving: arriving.response, body, optional)

    def judged(self, response: httpx.Response) -> httpx.Response:
        """The response, if it is one of success; otherwise what happens next, as :func:`web.raise_for_status`."""
        web.raise_for_status(response, self._secrets)
        return response

    def broken(self, error: Any) -> MantissaError:
        """What happens next after an error that came in the middle of a stream, as a text or an object."""
        told = error if isinstance(error, dict) else {"message": error}
        # A message of the server may quote what was asked, and more: it is cut and our key struck out.
        said = f"the language model's server broke off: {web.excerpt(str(told.get('message') or ''), self._secrets)}"
        known = {str(told.get(each)) for each in ("code", "type")}
        return NeedsOperator(said) if known & _MISPLACED else Retry(said)

    def _asked(
        self,
        send: Callable[[Mapping[str, Any]], _Answer],
        response: Callable[[_Answer], httpx.Response],
        body: Mapping[str, Any],
        optional: Collection[_Path],
    ) -> _Answer:
        """Send, and again without each optional field that the answer names in a refusal."""
        left_out = {each for each in optional if each in self._refused}
        while True:
            answer = send(_without(body, left_out))
            said = response(answer)
            if said.is_success:
                self._refused |= left_out
            named = _named(said, [each for each in optional if each not in left_out])
            if not named:
                return answer
            left_out |= named

    def _request(self, url: str, body: Mapping[str, Any]) -> httpx.Request:
        return self._client.build_request("POST", url, json=body, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        key = {self._header: f"{self._prefix}{self._key.get_secret_value()}"} if self._key else {}
        return {**self._more, **key}

    @property
    def _secrets(self) -> list[str]:
        return [self._key.get_secret_value()] if self._key else []

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout)


def strange(response: httpx.Response, what: str) -> Retry:
    """The error for an answer that is not of the documented shape."""
    return Retry(f"{web.origin(response.request)} answered something else than {what}")


def _said(response: httpx.Response) -> httpx.Response:
    return response


def _named(response: httpx.Response, optional: Collection[_Path]) -> set[_Path]:
    """The fields that a refusal names."""
    if response.status_code not in (400, 422):
        return set()
    return {each for each in optional if each[-1] in response.text}


def _without(body: Mapping[str, Any], paths: Collection[_Path]) -> dict[str, Any]:
    found = dict(body)
    for first, *rest in paths:
        if not rest:
            found.pop(first, None)
        elif first in found:
            found[first] = _without(found[first], [tuple(rest)])
    return found
