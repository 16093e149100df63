"""CrowdStrike's event streams: one connection for each partition, read for a while at each poll.

Reference: https://developer.crowdstrike.com/api-reference/collections/event-streams/
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import ClassVar

import httpx
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import hookimpl
from mantissa_core.model import Page, Stream, Window
from mantissa_core.vendor_api.http import http_client
from pydantic import Field

from .event_lines import LineSplitter
from .event_pages import EventPages
from .falcon import FalconAccess, falcon_client
from .sessions import FIRST, Session, Sessions, parameters

ERROR_BYTES = 64 * 1024
"""Bytes that are read of a refusal."""
EARLY = 0.8
"""The part of a session's span after which it is kept open for another one."""


class EventStreams:
    """Collects the event streams of one customer. Every partition is a stream of its own; its progress is an offset.

    A poll reads until nothing has come for a while. The next one goes on from the offset of the last event that was
    stored: CrowdStrike does not say whether that event comes again, so it is asked for and dropped.
    """

    log_types: ClassVar[tuple[str, ...]] = ("crowdstrike.event_stream",)

    class Config(FalconAccess):
        """Settings of ``crowdstrike.event_streams``."""

        app_id: str = Field(default="mantissa", pattern=r"^[A-Za-z0-9]{1,32}$")
        """Names the connection; each reader of the customer's streams needs another one."""
        events_per_page: int = Field(default=1000, ge=1, le=10_000)
        """Events that are committed together."""
        idle_seconds: float = Field(default=30, gt=0, le=100)
        """When no event has come for so long, a poll ends."""
        poll_minutes: float = Field(default=60, gt=0, le=1440)
        """After that time a poll ends, whatever comes."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._api = falcon_client(config, "Event streams: Read")
        self._sessions = Sessions(self._api, config.app_id)
        self._http = http_client("mantissa-crowdstrike", config.timeout)
        self._known = [FIRST]

    @hookimpl
    def check(self) -> None:
        """Ask which partitions there are."""
        self._sessions.discover()

    @hookimpl
    def streams(self) -> Sequence[Stream]:
        """One stream for each partition. Where CrowdStrike gives none, those known before: reading them says why."""
        with suppress(Retry, NeedsOperator):
            self._known = sorted(self._sessions.discover())
        return [Stream(name, "crowdstrike.event_stream", windowed=False) for name in self._known]

    @hookimpl
    def read(self, stream: Stream, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Read the partition from its last offset on, until nothing comes any more.

        CrowdStrike ends connections now and then: one that brought something is opened again.
        """
        offset = state.get("offset")
        pages = EventPages(offset if isinstance(offset, str) else None, self._config.events_per_page)
        until = time.monotonic() + self._config.poll_minutes * 60
        while True:
            session = self._sessions.discover().get(stream.name)
            if session is None:
                raise Retry(f"CrowdStrike does not give {stream.name} at present")
            before = pages.offset
            ended = yield from self._connection(session, pages, until)
            if not ended or pages.offset == before:
                return

    def close(self) -> None:
        """Release the connections."""
        self._http.close()
        self._api.close()

    def _connection(self, session: Session, pages: EventPages, until: float) -> Generator[Page, None, bool]:
        """Read a connection until it ends, which is returned, or until nothing comes, or the time is over."""
        lines = LineSplitter()
        try:
            ended = yield from self._pieces(session, lines, pages, until)
        except (Retry, NeedsOperator):
            yield from pages.rest(more=False)
            raise
        yield from pages.rest(more=ended)
        if ended and lines.cut:
            raise Retry("the event stream ended in the middle of an event")
        return ended

    def _pieces(
        self, session: Session, lines: LineSplitter, pages: EventPages, until: float
    ) -> Generator[Page, None, bool]:
        now = time.monotonic()
        refresh_at, quiet_until = now + session.seconds * EARLY, now + self._config.idle_seconds
        with self._opened(session, pages.offset) as response:
            pieces = response.iter_bytes()
            while now < min(until, quiet_until):
                try:
                    piece = next(pieces, None)
                except httpx.ReadTimeout:
                    return False
                except (httpx.TransportError, httpx.DecodingError) as error:
                    raise Retry(f"the event stream broke off: {type(error).__name__}: {error}") from error
                if piece is None:
                    return True
                events = lines.feed(piece)
                yield from pages.add(events)
                now = time.monotonic()
                if events:
                    quiet_until = now + self._config.idle_seconds
                if now >= refresh_at:
                    self._sessions.refresh(session)
                    refresh_at = now + session.seconds * EARLY
        return False

    @contextmanager
    def _opened(self, session: Session, offset: str | None) -> Iterator[httpx.Response]:
        """The open stream. Raises ``Retry`` and ``NeedsOperator``."""
        timeout = httpx.Timeout(self._config.timeout, read=self._config.idle_seconds)
        request = self._http.build_request(
            "GET",
            session.url,
            params=parameters(session.url, offset),
            headers={"Authorization": f"Token {session.token}"},
            timeout=timeout,
        )
        try:
            response = self._http.send(request, stream=True, follow_redirects=False)
        except httpx.TransportError as error:
            place = f"{session.url.scheme}://{session.url.host}"
            raise Retry(f"the event stream at {place} cannot be opened: {type(error).__name__}: {error}") from error
        try:
            self._accept(response)
            yield response
        finally:
            response.close()

    def _accept(self, response: httpx.Response) -> None:
        if not response.is_success:
            raise self._refusal(response)
        if "html" in response.headers.get("Content-Type", "").lower():
            raise Retry(f"CrowdStrike answered {response.status_code} with a web page instead of an event stream")

    def _refusal(self, response: httpx.Response) -> Exception:
        content = bytearray()
        try:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > ERROR_BYTES:
                    break
        except (httpx.TransportError, httpx.DecodingError):
            content.clear()  # the status says enough
        headers = [(name, value) for name, value in response.headers.items() if name not in _WIRE_HEADERS]
        whole = httpx.Response(response.status_code, headers=headers, content=bytes(content), request=response.request)
        vendor = self._api.vendor
        return vendor.refusal(whole) or Retry(f"{vendor.name} answered {response.status_code}")


_WIRE_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})
