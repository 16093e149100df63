"""CrowdStrike's Event Streams API over the wire, as far as a collector can tell."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any

from fake_falcon import CLIENT_ID, CLIENT_SECRET
from mantissa_core.testing.fake_tokens import FakeTokens
from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

DISCOVERY = "/sensors/entities/datafeed/v2"
STREAM = "/sensors/entities/datafeed/v1/"
ACTIONS = "/sensors/entities/datafeed-actions/v1/"


class FakeEventStreams(FakeVendor):
    """One customer with ``partitions``; all events are in the first. A connection gives a page of events and ends.

    ``silent``: it stays open instead; ``beating``: with empty lines now and then. Events stand in the order in which
    they came, not in that of their times, and reading from an offset gives its event again. ``lines`` stand before the
    events. ``refreshed`` counts sessions that were kept open.
    """

    faults = frozenset(Fault) - {Fault.ENDLESS, Fault.SHUFFLED, Fault.EMPTY_PAGE}
    limit_headers = ("X-RateLimit-Remaining", "X-RateLimit-RetryAfter")
    partitions = 1
    interval = 1800

    def __init__(self) -> None:
        super().__init__()
        self.tokens = FakeTokens(CLIENT_ID, CLIENT_SECRET, expires_in=1799)
        self.silent, self.beating, self.busy, self.refreshed = False, False, False, 0
        self.lines: list[bytes] = []
        self.described: dict[str, Any] = {}
        self._sessions = 0

    def other(self, request: Request) -> Answer | None:
        return self.tokens.answer(request) if request.route == "/oauth2/token" else None

    def lapse(self) -> None:
        self.tokens.lapse()

    def authorised(self, request: Request) -> bool:
        if request.route.startswith(STREAM):
            return request.headers.get("authorization") == f"Token session-{self._sessions}"
        return self.tokens.accepts(request)

    def events(self, request: Request) -> Answer:
        query = request.query
        if query.get("appId") != "mantissa":
            raise Refused(400)
        if (request.method, request.route) == ("GET", DISCOVERY):
            self._sessions += 1
            found = [] if self.busy else [self._described(number) for number in range(self.partitions)]
            return Answer(200, {"meta": {"trace_id": "t"}, "errors": [], "resources": found})
        if request.method == "POST" and request.route.startswith(ACTIONS):
            if query.get("action_name") != "refresh_active_stream_session":
                raise Refused(400)
            self.refreshed += 1
            return Answer(200, {"meta": {"trace_id": "t"}, "errors": []})
        if request.method != "GET" or not request.route.startswith(STREAM):
            raise Refused(404)
        return self._stream(query.get("offset"), first=request.route == f"{STREAM}0")

    def _described(self, number: int) -> dict[str, Any]:
        return {
            "dataFeedURL": f"{self.url}{STREAM}{number}?appId=mantissa",
            "sessionToken": {"token": f"session-{self._sessions}", "expiration": "2025-03-05T09:00:00Z"},
            "refreshActiveSessionURL": (
                f"{self.url}{ACTIONS}{number}?appId=mantissa&action_name=refresh_active_stream_session"
            ),
            "refreshActiveSessionInterval": self.interval,
            **self.described,
        }

    def _stream(self, offset: str | None, *, first: bool) -> Answer:
        base = 2**53 + 1 if self.fault is Fault.BIG_CURSORS else 100
        events = self.ledger.between() if first else []
        start = max(int(offset) - base, 0) if offset is not None else 0
        start = max(start - 2, 0) if self.fault is Fault.DUPLICATES else start
        given = list(enumerate(events))[start : start + self.page_size + 1]
        lines = [*self.lines, *(json.dumps(record(event, base + number)).encode() for number, event in given)]
        content = b"\r\n".join([*lines, b"\r\n"]) if lines else b"\r\n"
        longer = {"Content-Length": str(len(content) + 10_000)} if self.silent else {}
        return Answer(200, content, longer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(super()._handler()):  # type: ignore[misc]
            def _answer(self, answer: Answer) -> None:
                super()._answer(answer)
                while fake.beating and fake.silent and "Content-Length" in answer.headers:
                    self.wfile.write(b"\r\n")  # until the client has gone
                    fake._healed.wait(0.05)

        return Handler

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"meta": {"trace_id": "t"}, "errors": [{"code": status, "message": "refused"}]})


def record(event: Event, offset: int) -> dict[str, Any]:
    """An event as CrowdStrike sends it."""
    return {
        "metadata": {
            "customerIDString": "customer",
            "offset": offset,
            "eventType": "AuthActivityAuditEvent",
            "eventCreationTime": int(event.time.timestamp() * 1000),
            "version": "1.0",
        },
        "event": {"UserId": event.id, "UserIp": "203.0.113.17", "OperationName": "userAuthenticate", "Success": True},
    }
