"""Okta's System Log over the wire, as far as a collector can tell: a small HTTP server in a thread."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from mantissa_core.testing.collector import Event, Fault

Key = tuple[Any, ...]


@dataclass(frozen=True)
class Cursor:
    since: str
    until: str
    last: Key


class FakeOkta:
    """One organisation. ``requests`` holds the parameters of every query for events, ``answer`` replaces answers."""

    faults = frozenset(Fault)
    page_size = 3

    def __init__(self, token: str = "00token-of-the-tests", *, always_link: bool = False) -> None:
        self.token, self.always_link = token, always_link
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, str]] = []
        self.remaining = 100
        self.reset_in = 40
        self.answer: tuple[int, Mapping[str, str], bytes] | None = None
        self.link: str | None = None
        self._cursors: dict[str, Cursor] = {}
        self._fault: tuple[Fault, int] | None = None
        self._healed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"okta": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def put(self, events: Sequence[Event]) -> None:
        self.events += [record(event.id, event.time) for event in events]

    def inject(self, fault: Fault, after: int = 0) -> None:
        self._healed.clear()
        self._fault = (fault, after)

    def heal(self) -> None:
        self._fault = None
        self._healed.set()

    def forget_cursors(self) -> None:
        self._cursors.clear()

    def fault(self) -> Fault | None:
        """The fault that this request meets."""
        if self._fault is None:
            return None
        fault, after = self._fault
        self._fault = (fault, max(after - 1, 0))
        return fault if after == 0 else None

    def wait(self) -> None:
        self._healed.wait(5)

    def page(self, query: Mapping[str, str], fault: Fault | None) -> tuple[list[dict[str, Any]], str | None]:
        """The events that a query gets, and the cursor of the next page."""
        since, until, limit = query.get("since", ""), query.get("until", ""), int(query.get("limit", "100"))
        last: Key = ()
        if "after" in query:
            cursor = self._cursors[query["after"]]
            if (cursor.since, cursor.until) != (since, until):
                raise KeyError("the cursor belongs to another query")
            last = cursor.last
        key = _shuffled if fault is Fault.SHUFFLED else _published
        matching = sorted((event for event in self.events if _within(event, since, until)), key=key)
        rest = [event for event in matching if not last or key(event) > last]
        found = rest[:limit]
        if fault is Fault.ENDLESS:
            return matching[:limit], "endless"
        if not found or (len(found) < limit and not self.always_link):
            after = self._cursor(since, until, last or ("",), fault) if self.always_link else None
        else:
            after = self._cursor(since, until, key(found[-1]), fault)
        if fault is Fault.DUPLICATES:
            found = [event for event in matching if last and key(event) <= last][-2:] + found if found else found
        return found, after

    def _cursor(self, since: str, until: str, last: Key, fault: Fault | None) -> str:
        self._cursors["endless"] = Cursor(since, until, last)
        name = str(2**53 + 1 + 2 * len(self._cursors)) if fault is Fault.BIG_CURSORS else f"c_{len(self._cursors)}"
        self._cursors[name] = Cursor(since, until, last)
        return name


class _Handler(BaseHTTPRequestHandler):
    okta: FakeOkta
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:  # http.server's name
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        self.okta.requests.append(query)
        fault = self.okta.fault()
        if self.okta.answer is not None:
            self._send(*self.okta.answer)
        elif fault is Fault.TOKEN_EXPIRED or self.headers.get("Authorization") != f"SSWS {self.okta.token}":
            self._error(401, "E0000011", "Invalid token provided")
        elif url.path != "/api/v1/logs":
            self._error(404, "E0000022", "The endpoint does not support the provided HTTP method")
        elif fault is Fault.RATE_LIMIT:
            self.okta.remaining = 0
            self._error(429, "E0000047", "API call exceeded rate limit due to too many requests.")
            self.okta.remaining = 100
        elif fault is Fault.SERVER_ERROR:
            self._error(500, "E0000009", "Internal Server Error")
        elif fault is Fault.TIMEOUT:
            self.okta.wait()
            self.close_connection = True
        else:
            self._logs(query, fault)

    def _logs(self, query: Mapping[str, str], fault: Fault | None) -> None:
        try:
            if not 0 <= int(query.get("limit", "100")) <= 1000:
                raise ValueError("limit")
            events, after = self.okta.page(query, fault)
        except (ValueError, KeyError):
            self._error(400, "E0000001", "Api validation failed")
            return
        body = json.dumps(events).encode()
        links = f'<{self.okta.url}{self.path}>; rel="self"'
        if after is not None:
            target = (
                self.okta.link or f"{self.okta.url}/api/v1/logs?{urlencode({**query, 'after': after}, quote_via=quote)}"
            )
            links += f', <{target}>; rel="next"'
        self._send(200, {"Link": links}, body[: len(body) // 2] if fault is Fault.TRUNCATED else body)

    def _error(self, status: int, code: str, summary: str) -> None:
        body = {"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae1", "errorCauses": []}
        self._send(status, {}, json.dumps(body).encode())

    def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        now = time.time()
        self.send_response_only(status)
        for name, value in {
            "Date": self.date_time_string(now),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "X-Okta-Request-Id": f"req-{len(self.okta.requests)}",
            "X-Rate-Limit-Limit": "100",
            "X-Rate-Limit-Remaining": str(self.okta.remaining),
            "X-Rate-Limit-Reset": str(int(now) + self.okta.reset_in),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def record(uuid: str, published: datetime) -> dict[str, Any]:
    """An event as Okta sends it."""
    return {
        "uuid": uuid,
        "published": _timestamp(published),
        "eventType": "user.session.start",
        "version": "0",
        "severity": "INFO",
        "displayMessage": "User login to Okta",
        "actor": {"id": "00u1", "type": "User", "alternateId": "amara@example.com", "displayName": "Amara Okafor"},
        "client": {"ipAddress": "203.0.113.17", "device": "Computer", "zone": "null"},
        "outcome": {"result": "SUCCESS", "reason": None},
        "debugContext": {"debugData": {"requestUri": "/idp/idx/identify"}},
        "target": None,
    }


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _within(event: Mapping[str, Any], since: str, until: str) -> bool:
    return (not since or event["published"] >= since) and (not until or event["published"] < until)


def _published(event: Mapping[str, Any]) -> Key:
    return (event["published"], event["uuid"])


def _shuffled(event: Mapping[str, Any]) -> Key:
    return (hashlib.sha256(event["uuid"].encode()).hexdigest(),)
