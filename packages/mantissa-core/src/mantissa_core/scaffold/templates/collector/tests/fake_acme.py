"""The API of Acme as a collector sees it: an HTTP server in a thread."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from mantissa_core.testing.collector import Event, Fault

_NONE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """Where a query goes on: the events that it selected, and how many of them were given."""

    events: Sequence[Mapping[str, Any]]
    given: int


class FakeAcme:
    """One account. ``add`` puts events into it."""

    faults = frozenset(Fault)
    page_size = 3

    def __init__(self, token: str = "s3cret-of-the-tests") -> None:
        self.token = token
        self.events: list[dict[str, Any]] = []
        self.cursors: dict[str, Cursor] = {}
        self._numbers = itertools.count()
        self._fault: tuple[Fault, int] | None = None
        self._healed = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def add(self, *events: Mapping[str, Any]) -> None:
        """Have these events; ``id`` and ``time`` are filled in where they are missing."""
        for event in events:
            made = {"id": f"event-{len(self.events)}", "time": datetime.now(UTC).isoformat()}
            self.events.append({**made, **event})

    def put(self, events: Sequence[Event]) -> None:
        self.add(*({"id": event.id, "time": event.time.isoformat(), "action": "user.login"} for event in events))

    def inject(self, fault: Fault, after: int = 0) -> None:
        self._healed.clear()
        self._fault = (fault, after)

    def heal(self) -> None:
        self._fault = None
        self._healed.set()

    def fault(self) -> Fault | None:
        """The fault that this request meets."""
        if self._fault is None:
            return None
        fault, after = self._fault
        self._fault = (fault, max(after - 1, 0))
        return fault if after == 0 else None

    def wait(self) -> None:
        self._healed.wait(5)

    def page(self, query: Mapping[str, str], fault: Fault | None) -> dict[str, Any]:
        """Answer a query. ``KeyError`` says that its cursor is unknown."""
        with self._lock:
            at = self.cursors[query["cursor"]] if "cursor" in query else Cursor(self._select(query, fault), 0)
            end = at.given + int(query["limit"])
            first = max(at.given - 2, 0) if fault is Fault.DUPLICATES else at.given
            following = self._cursor(Cursor(at.events, end), fault) if end < len(at.events) else None
            if fault is Fault.ENDLESS:
                self.cursors["endless"] = Cursor(at.events, 0)
                return {"events": at.events[:end], "next": "endless"}
            return {"events": at.events[first:end], "next": following}

    def _select(self, query: Mapping[str, str], fault: Fault | None) -> list[dict[str, Any]]:
        since = datetime.fromisoformat(query["since"]) if "since" in query else _NONE
        until = datetime.fromisoformat(query["until"]) if "until" in query else datetime.max.replace(tzinfo=UTC)
        found = [event for event in self.events if since <= datetime.fromisoformat(event["time"]) < until]
        found.sort(key=lambda event: datetime.fromisoformat(event["time"]))
        return found[1::2] + found[::2][::-1] if fault is Fault.SHUFFLED else found

    def _cursor(self, cursor: Cursor, fault: Fault | None) -> str:
        number = next(self._numbers)
        name = str(2**53 + 1 + 2 * number) if fault is Fault.BIG_CURSORS else f"c{number}"
        self.cursors[name] = cursor
        return name


class _Handler(BaseHTTPRequestHandler):
    fake: FakeAcme
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        fault = self.fake.fault()
        if fault is Fault.TIMEOUT:
            self.fake.wait()
            self.close_connection = True
        elif fault is Fault.TOKEN_EXPIRED or self.headers["Authorization"] != f"Bearer {self.fake.token}":
            self._answer(401, {"error": "invalid token"})
        elif fault is Fault.RATE_LIMIT:
            self._answer(429, {"error": "too many requests"}, {"Retry-After": "30"})
        elif fault is Fault.SERVER_ERROR:
            self._answer(500, {"error": "internal error"})
        elif url.path != "/v1/gadget":
            self._answer(404, {"error": "not found"})
        elif not 1 <= int(query.get("limit", "0")) <= 1000:
            self._answer(400, {"error": "limit must be 1 to 1000"})
        else:
            self._events(query, fault)

    def _events(self, query: Mapping[str, str], fault: Fault | None) -> None:
        try:
            page = self.fake.page(query, fault)
        except KeyError:
            self._answer(410, {"error": "the cursor has expired"})
        else:
            self._answer(200, page, cut=fault is Fault.TRUNCATED)

    def _answer(self, status: int, body: Any, headers: Mapping[str, str] | None = None, *, cut: bool = False) -> None:
        content = json.dumps(body).encode()
        content = content[: len(content) // 2] if cut else content
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
