"""AWS over the wire: a server in a thread that answers, or misbehaves as the conformance kit asks."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from mantissa_core.testing.collector import Fault

ANSWERS: Mapping[Fault, tuple[int, str]] = {
    Fault.RATE_LIMIT: (429, "ThrottlingException"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.TOKEN_EXPIRED: (403, "ExpiredTokenException"),
}


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The last part of the target, which services with a JSON protocol name: ``ReceiveMessage``."""
        return self.headers.get("X-Amz-Target", "").rpartition(".")[2]


@dataclass(frozen=True)
class Answer:
    """What goes out."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeAws:
    """Override :meth:`respond`, and :meth:`is_for_events` where some requests never fail.

    ``requests`` holds what came in; ``refusal`` (a status and a code) replaces the answers.
    """

    faults = frozenset({*ANSWERS, Fault.TIMEOUT, Fault.TRUNCATED})
    page_size = 3

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.refusal: tuple[int, str] | None = None
        self._lock = threading.Lock()
        self._fault: tuple[Fault, int] | None = None
        self._healed = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()

    def respond(self, request: Request, fault: Fault | None) -> Answer:
        """Answer a request; ``fault`` is one that changes the answer's content."""
        raise NotImplementedError

    def is_for_events(self, request: Request) -> bool:
        """Whether faults may meet the request."""
        return True

    def inject(self, fault: Fault, after: int = 0) -> None:
        self._healed.clear()
        self._fault = (fault, after)

    def heal(self) -> None:
        self._fault = None
        self._healed.set()

    def fault(self, request: Request) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            self.requests.append(request)
            if self._fault is None or not self.is_for_events(request):
                return None
            fault, after = self._fault
            self._fault = (fault, max(after - 1, 0))
            return fault if after == 0 else None

    def wait(self) -> None:
        self._healed.wait(5)


def forward(request: Request, moto: str) -> Answer:
    """Have moto answer."""
    address = urlsplit(moto)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request(request.method, request.path, request.body, dict(request.headers))
    answer = connection.getresponse()
    body, headers = answer.read(), dict(answer.getheaders())
    connection.close()
    return Answer(answer.status, body, headers)


class _Handler(BaseHTTPRequestHandler):
    fake: FakeAws
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (BrokenPipeError, ConnectionResetError):  # the client's timeout came first
            self.close_connection = True

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers.items()), body)
        fault = self.fake.fault(request)
        if fault is Fault.TIMEOUT:
            self.fake.wait()
            self.close_connection = True
        elif self.fake.refusal or fault in ANSWERS:
            status, code = self.fake.refusal or ANSWERS[fault]
            self._send(Answer(status, json.dumps({"__type": code, "message": "refused"}).encode()))
        else:
            self._send(self.fake.respond(request, fault), cut=fault is Fault.TRUNCATED)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _send(self, answer: Answer, *, cut: bool = False) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def as_json(value: Any) -> Answer:
    """An answer of a service with a JSON protocol."""
    return Answer(body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})
