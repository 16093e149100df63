"""How the providers without a library talk to a language model's server: JSON out, JSON back, errors by kind."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx
from pydantic import SecretStr

from mantissa_core import web
from mantissa_core.errors import Retry

SCHEMA_REFUSED = (400, 404, 422)
"""What servers answer that do not take a schema."""


class Wire:
    """A server, the header that holds its key, and what it turned out not to take."""

    def __init__(
        self,
        timeout: float,
        key: SecretStr | None,
        header: str,
        prefix: str = "",
        more: Mapping[str, str] | None = None,
    ) -> None:
        self._timeout, self._key, self._header, self._prefix = timeout, key, header, prefix
        self._more = dict(more or {})
        self._takes_temperature = True

    def get(self, url: str) -> httpx.Response:
        """Ask for something that costs nothing, and judge the answer's status."""
        request = self._client.build_request("GET", url, headers=self._headers())
        return self.judged(web.send(self._client, request))

    def post(self, url: str, body: Mapping[str, Any], temperature: tuple[str, ...]) -> httpx.Response:
        """Send one question; the status of the answer is still to be judged.

        ``temperature`` is the place of that field in ``body``. Some models refuse any: they are asked again without,
        and from then on at once.
        """
        answer = self._post(url, body if self._takes_temperature else _without(body, temperature))
        refused = answer.status_code in (400, 422) and "temperature" in answer.text
        if not (refused and self._takes_temperature):
            return answer
        again = self._post(url, _without(body, temperature))
        self._takes_temperature = not again.is_success
        return again

    def judged(self, response: httpx.Response) -> httpx.Response:
        """The response, if it is one of success; otherwise what happens next, as :func:`web.raise_for_status`."""
        web.raise_for_status(response, [self._key.get_secret_value()] if self._key else [])
        return response

    def _post(self, url: str, body: Mapping[str, Any]) -> httpx.Response:
        return web.send(self._client, self._client.build_request("POST", url, json=body, headers=self._headers()))

    def _headers(self) -> dict[str, str]:
        key = {self._header: f"{self._prefix}{self._key.get_secret_value()}"} if self._key else {}
        return {**self._more, **key}

    @cached_property
    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=self._timeout)


def strange(response: httpx.Response, what: str) -> Retry:
    """The error for an answer that is not of the documented shape."""
    return Retry(f"{web.origin(response.request)} answered something else than {what}")


def _without(body: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {name: value for name, value in body.items() if name != first}
    return {**body, first: _without(body[first], tuple(rest))}
