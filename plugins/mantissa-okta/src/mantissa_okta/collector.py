"""The Okta System Log, read in bounded queries: ``GET /api/v1/logs``.

Reference: https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/ and
https://developer.okta.com/docs/reference/rl-best-practices/ for the rate-limit headers.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from typing import Any

import httpx
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from pydantic import Field, SecretStr, field_validator

from . import limits
from .walk import Walk, plan

LOGS = "/api/v1/logs"
_HOST = re.compile(r"[A-Za-z0-9.-]+|::1")


class CursorRefused(Exception):
    """Okta does not know the cursor, or no longer."""


class SystemLog:
    """Collects the System Log of one Okta organisation."""

    class Config(PluginConfig):
        """Settings of ``okta.system``."""

        org_url: str = Field(json_schema_extra={"env": "OKTA_ORG_URL"})
        """Address of the organisation, such as https://example.okta.com (not the -admin address)."""
        api_token: SecretStr = Field(json_schema_extra={"env": "OKTA_API_TOKEN"})
        """API token of an administrator who may read the System Log."""
        page_size: int = Field(default=1000, ge=1, le=1000)
        """Events per request; Okta gives at most 1,000."""
        filter: str = ""
        """Okta filter expression; only events that match it are collected."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late events may appear: that much is read again at each poll, repeats are dropped by id."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

        @field_validator("org_url")
        @classmethod
        def _origin(cls, text: str) -> str:
            try:
                url = httpx.URL(text if "://" in text else f"https://{text}")
            except httpx.InvalidURL as error:
                raise ValueError(f"an address such as https://example.okta.com ({error})") from None
            local = url.host in {"localhost", "127.0.0.1", "::1"}
            if not _HOST.fullmatch(url.host) or url.path not in {"", "/"} or url.query or url.userinfo:
                raise ValueError("an address without path, such as https://example.okta.com")
            if url.scheme != "https" and not (local and url.scheme == "http"):
                raise ValueError("an https:// address: the API token travels with every request")
            return f"{url.scheme}://{url.netloc.decode()}"

    def __init__(self, config: Config) -> None:
        _refuse_unsendable(config.api_token.get_secret_value())
        self._config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._client = httpx.Client(
            base_url=config.org_url,
            headers={"Accept": "application/json", "User-Agent": "mantissa-okta"},
            timeout=config.timeout,
            verify=_trusted(),
        )

    @hookimpl
    def check(self) -> None:
        """Read one event."""
        _events(self._get({"limit": "1"}))

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream: an organisation has one System Log."""
        return [Stream("system", "okta.system", overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        walks = plan(window, state, self._overlap)
        for number, walk in enumerate(walks, start=1):
            yield from self._pages(walk, more=number < len(walks))

    def _pages(self, walk: Walk, *, more: bool) -> Iterator[Page]:
        """Follow the links of one query to its end.

        Okta may give a next link for ever, so an empty page ends the walk. A short page does not: Okta promises
        nothing about it, and one more request is cheaper than a lost event.
        """
        try:
            response = self._get(self._query(walk))
        except CursorRefused:  # it came from the state and has expired
            walk = walk.restarted()
            response = self._get(self._query(walk))
        seen = {walk.after}
        while True:
            events, after = _events(response), self._cursor(response)
            if after is None or not events:
                yield Page({}, events, complete_until=walk.until, more=more)
                return
            if after in seen:
                raise Retry("Okta gave the same page cursor twice: the walk would not end")
            seen.add(after)
            walk = walk.at(after)
            yield Page(walk.to_state(), events, more=True)
            limits.pause_when_used_up(response)
            response = self._get_next(walk)

    def _get_next(self, walk: Walk) -> httpx.Response:
        try:
            return self._get(self._query(walk))
        except CursorRefused:
            raise Retry("Okta refused the page cursor that it had just given") from None

    def _query(self, walk: Walk) -> dict[str, str]:
        query = {**walk.parameters(), "limit": str(self._config.page_size), "sortOrder": "ASCENDING"}
        if self._config.filter:
            query["filter"] = self._config.filter
        return query

    def _get(self, query: Mapping[str, str]) -> httpx.Response:
        token = self._config.api_token.get_secret_value()
        try:
            response = self._client.get(LOGS, params=dict(query), headers={"Authorization": f"SSWS {token}"})
        except httpx.TimeoutException:
            raise Retry(f"{self._config.org_url} did not answer within {self._config.timeout:g} s") from None
        except httpx.HTTPError as error:
            raise Retry(f"{self._config.org_url}: {type(error).__name__}: {error}") from None
        self._refuse(response, resumed="after" in query)
        return response

    def _refuse(self, response: httpx.Response, *, resumed: bool) -> None:
        """Turn a status into what the runtime does next."""
        status, detail = response.status_code, _detail(response)
        if status == 200:
            return
        if status == 429:
            raise Retry(f"Okta's rate limit is used up{detail}", after=limits.seconds_to_wait(response))
        if status >= 500 or status == 408:
            raise Retry(f"Okta answered {status}{detail}", after=limits.retry_after(response))
        if status == 400 and resumed:
            raise CursorRefused
        raise NeedsOperator(_REMEDIES.get(status, f"Okta answered {status}: check org_url and filter") + detail)

    def _cursor(self, response: httpx.Response) -> str | None:
        """The cursor of the next page. The link itself is never followed: it could lead to another host."""
        link = response.links.get("next", {}).get("url")
        if link is None:
            return None
        try:
            url = response.url.join(link)
        except httpx.InvalidURL:
            raise Retry("Okta's next link is no address") from None
        if (url.scheme, url.host, url.port) != (response.url.scheme, response.url.host, response.url.port):
            raise Retry(f"Okta's next link leads to another host ({url.host}); it was not followed")
        cursor = url.params.get("after")
        if cursor is None:
            raise Retry("Okta's next link has no 'after' parameter")
        return str(cursor)


@cache
def _trusted() -> ssl.SSLContext:
    """The authorities that are trusted: reading them takes longer than a request, one reading serves every client."""
    return httpx.create_ssl_context()


_REMEDIES = {
    400: "Okta refuses the query: check the filter expression",
    401: "Okta refuses the API token: it was revoked or has expired, create a new one",
    403: "Okta does not let the API token read the System Log: its owner needs the role Read-only Administrator",
    404: "There is no Okta API at this address: check org_url",
}


def _refuse_unsendable(token: str) -> None:
    """Checked here and not by ``Config``, whose errors quote what they refuse."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise NeedsOperator("api_token: found something else than printable ASCII without spaces: copy the token anew")


def _events(response: httpx.Response) -> list[dict[str, Any]]:
    try:
        events = json.loads(response.content)
    except (ValueError, RecursionError):
        raise Retry(f"Okta's answer is no complete JSON ({len(response.content)} bytes)") from None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Retry("Okta's answer is no list of events")
    return events


def _detail(response: httpx.Response) -> str:
    """Okta's error code and request id: never more of an answer, it is not ours."""
    try:
        code = str(json.loads(response.content)["errorCode"])
    except (ValueError, KeyError, TypeError, RecursionError):
        code = ""
    parts = (code, response.headers.get("X-Okta-Request-Id", ""))
    known = [part for part in parts if part and len(part) <= 64 and part.replace("-", "").replace("_", "").isalnum()]
    return f" ({', '.join(known)})" if known else ""
