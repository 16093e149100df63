"""A Docker engine's API over its Unix socket or TCP, as far as a collector of its events can tell."""

from __future__ import annotations

import json
import socketserver
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from mantissa_core.testing.fake_vendor import Answer, Event, FakeVendor, Fault, Refused, Request

VERSION = "1.51"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CANNOT = {Fault.RATE_LIMIT, Fault.SKEWED_CLOCK, Fault.ENDLESS, Fault.BIG_CURSORS, Fault.EMPTY_PAGE}


class FakeDocker(FakeVendor):
    """One engine. It keeps the last ``kept`` events, and ``behind`` seconds are between its clock and ours."""

    faults = FakeVendor.faults - _CANNOT  # the engine knows neither limits nor pages
    limit_headers = None

    def __init__(self, socket: Path | None = None, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.socket, self.kept, self.behind, self.version = socket, 256, 0.0, VERSION
        self.lines_before: list[bytes] = []
        self.broken_off = False
        if socket is not None:
            self._server.server_close()
            self._server = _UnixServer(str(socket), _without_tcp(self._handler()))  # type: ignore[assignment]
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def host(self) -> str:
        return f"unix://{self.socket}" if self.socket else f"tcp://127.0.0.1:{self._server.server_port}"

    def authorised(self, request: Request) -> bool:
        return True

    def events(self, request: Request) -> Answer:
        query = request.query
        if request.route == "/version":
            return Answer(200, {"Version": "28.3.0", "ApiVersion": self.version})
        if request.route != f"/v{VERSION}/events":
            raise Refused(404)
        since, until = (_EPOCH + timedelta(microseconds=int(Decimal(query[name]) * 10**6)) for name in query)
        if list(query) != ["since", "until"] or until < since:
            raise Refused(400)
        if until > datetime.now(UTC) - timedelta(seconds=self.behind):
            raise AssertionError("the engine would hold the connection until then")
        kept = sorted(self.ledger.between(), key=lambda event: event.time)[-self.kept :]
        given = [event for event in kept if since <= event.time <= until]
        if self.fault is Fault.SHUFFLED:
            given = list(self.slice(given, 0, len(given)).events)
        if self.fault is Fault.DUPLICATES:
            given += given[-2:]
        lines = [*self.lines_before, *(json.dumps(record(event)).encode() for event in given)]
        content = b"".join(line + b"\n" for line in lines)
        return Answer(200, content[:-1] if self.broken_off else content)

    def refusal(self, status: int, code: str) -> Answer:
        return Answer(status, {"message": "refused"})

    def respond(self, request: Request) -> Answer | None:
        answer = super().respond(request)
        if answer is None:
            return None
        date = formatdate(int(time.time() - self.behind), usegmt=True)
        return Answer(answer.status, answer.body, {**answer.headers, "Date": date})


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _without_tcp(handler: type[BaseHTTPRequestHandler]) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (handler,), {"disable_nagle_algorithm": False})


def record(event: Event) -> dict[str, Any]:
    """An event as the engine writes it."""
    name = "shop-" + "web" * (event.time.minute % 7)  # half an answer is no number of whole lines
    nanoseconds = (event.time - _EPOCH) // timedelta(microseconds=1) * 1000
    return {
        "status": "start",
        "id": event.id,
        "from": "alpine:3.21",
        "Type": "container",
        "Action": "start",
        "Actor": {"ID": event.id, "Attributes": {"image": "alpine:3.21", "name": name}},
        "scope": "local",
        "time": nanoseconds // 10**9,
        "timeNano": nanoseconds,
    }
