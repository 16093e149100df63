"""The collector ``acme.gadget``: ``GET /v1/gadget``, page by page.

Acme takes ``since`` (inclusive), ``until`` (exclusive), ``limit`` and ``cursor``, and answers
``{"events": [...], "next": "<cursor>" or null}``. A cursor is opaque and expires: 410.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from mantissa_core import web
from mantissa_core.errors import Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.model import Page, Stream, Window
from pydantic import Field, HttpUrl, SecretStr

LOG_TYPE = "acme.gadget"


class Gadget:
    """Collects the events of one Acme account."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        url: HttpUrl
        """Address of the API."""
        token: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """API token that may read the events."""
        page_size: int = Field(default=500, ge=1, le=1000)
        """Events per request."""
        overlap_minutes: float = Field(default=10, ge=0, le=1440)
        """How late events may appear: that much is read again, repeats are dropped by id."""
        timeout: float = Field(default=30, gt=0, le=300)
        """Seconds to wait for an answer."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._overlap = timedelta(minutes=config.overlap_minutes)
        self._client = httpx.Client(timeout=config.timeout)

    @hookimpl
    def check(self) -> None:
        """Read one event."""
        self._get({"limit": "1"})

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """An account has one sequence of events."""
        return [Stream("events", LOG_TYPE, overlap=self._overlap)]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        rest = _Walk.from_state(state)
        if rest is not None and rest.since <= window.start <= rest.until <= window.end:
            yield from self._pages(rest, more=rest.until < window.end)
            if rest.until == window.end:
                return
            window = Window(max(window.start, rest.until - self._overlap), window.end)
        yield from self._pages(_Walk(window.start, window.end), more=False)

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _pages(self, walk: _Walk, *, more: bool) -> Iterator[Page]:
        """Follow the cursors to the end. Only there is it certain that nothing before ``until`` is missing."""
        seen = {walk.cursor}
        while True:
            events, cursor = self._page(walk)
            if cursor is None:
                yield Page({}, events, complete_until=walk.until, more=more)
                return
            if cursor in seen:
                raise Retry("Acme gave the same cursor twice: the walk would not end")
            seen.add(cursor)
            walk = _Walk(walk.since, walk.until, cursor)
            yield Page(walk.to_state(), events, more=True)

    def _page(self, walk: _Walk) -> tuple[list[dict[str, Any]], str | None]:
        query = walk.query() | {"limit": str(self.config.page_size)}
        answer = self._get(query)
        if answer is None:  # the cursor has expired: begin the walk again
            del query["cursor"]
            answer = self._get(query)
        events, cursor = (answer or {}).get("events"), (answer or {}).get("next")
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Retry("Acme's answer has no list of events")
        return events, None if cursor is None else str(cursor)

    def _get(self, query: Mapping[str, str]) -> dict[str, Any] | None:
        """Ask once. ``None`` means that the cursor in the query has expired."""
        token = self.config.token.get_secret_value()
        url = str(self.config.url).rstrip("/") + "/v1/gadget"
        request = self._client.build_request("GET", url, params=query, headers={"Authorization": f"Bearer {token}"})
        response = web.send(self._client, request)
        if response.status_code == 410 and "cursor" in query:
            return None
        web.raise_for_status(response, [token])
        try:
            answer = json.loads(response.content)
        except (ValueError, RecursionError):
            raise Retry(f"Acme's answer is no complete JSON ({len(response.content)} bytes)") from None
        return answer if isinstance(answer, dict) else {}


@dataclass(frozen=True, slots=True)
class _Walk:
    """The query for ``since <= time < until``, and the cursor of the page that comes next."""

    since: datetime
    until: datetime
    cursor: str | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> _Walk | None:
        since, until, cursor = (state.get(key) for key in ("since", "until", "cursor"))
        if not (isinstance(since, str) and isinstance(until, str) and isinstance(cursor, str)):
            return None
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(until), cursor)

    def to_state(self) -> dict[str, str]:
        """The walk as JSON. The cursor stays text: it may be a number that no double can hold."""
        return self.query()

    def query(self) -> dict[str, str]:
        bounds = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        return bounds if self.cursor is None else {**bounds, "cursor": self.cursor}
