"""A small HTTP server for the fakes of services: it answers as told, misbehaves as told, and keeps what it got."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

RETRY_AFTER = 7
"""Seconds that a busy fake asks for."""
_LONGEST = 10.0


class Fault(Enum):
    """What a fake can be told to do wrong."""

    BUSY = auto()
    """429 with ``Retry-After``."""
    SERVER_ERROR = auto()
    """503."""
    TIMEOUT = auto()
    """No answer until :meth:`FakeHTTP.heal`; build the plugin with a short timeout."""
    REFUSED = auto()
    """401: the credential is not accepted."""
    REJECTED = auto()
    """400: the request is not accepted."""
    REDIRECT = auto()
    """302 to another address."""
    TRUNCATED = auto()
    """An answer that ends in the middle of its JSON."""


_STATUS = {Fault.BUSY: 429, Fault.SERVER_ERROR: 503, Fault.REFUSED: 401, Fault.REJECTED: 400, Fault.REDIRECT: 302}


@dataclass(frozen=True)
class Request:
    """What came in. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What goes out; a body that is no bytes becomes JSON."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FakeHTTP:
    """A server on the loopback interface, for the length of a ``with``.

    Override :meth:`answer`, or pass a function. A fault that is injected answers instead of it; whoever refuses
    repeats what was sent, as careless services do, so that a kit sees whether that ends up in an error.
    """

    faults = frozenset(Fault)

    def __init__(self, answer: Callable[[Request], Answer] | None = None) -> None:
        self.requests: list[Request] = []
        self._answer = answer
        self._fault: Fault | None = None
        self._healed = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        return self._answer(request) if self._answer else Answer()

    def inject(self, fault: Fault) -> None:
        """Misbehave until :meth:`heal`."""
        self._healed.clear()
        self._fault = fault

    def heal(self) -> None:
        """Behave again."""
        self._fault = None
        self._healed.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, request: Request) -> Answer:
        """What goes out for a request, faults included."""
        fault = self._fault
        if fault is Fault.TIMEOUT:
            self._healed.wait(_LONGEST)
        if fault in _STATUS:
            said = {"error": f"refused: {dict(request.headers)} {request.body.decode('utf-8', 'replace')}"}
            extra = {Fault.BUSY: {"Retry-After": str(RETRY_AFTER)}, Fault.REDIRECT: {"Location": f"{self.url}/else"}}
            return Answer(_STATUS[fault], said, extra.get(fault, {}))
        with self._lock:
            self.requests.append(request)
            answer = self.answer(request)
        if fault is Fault.TRUNCATED:
            content = answer.content()
            return Answer(answer.status, content[: len(content) // 2], answer.headers)
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (BrokenPipeError, ConnectionResetError):  # the client's timeout came first
                    self.close_connection = True

            def log_message(self, *_args: object) -> None:
                """Print nothing."""

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = fake.respond(Request(self.command, self.path, headers, body))
                content = answer.content() if self.command != "HEAD" else b""
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        return Handler
