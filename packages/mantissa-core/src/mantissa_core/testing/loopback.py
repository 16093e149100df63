"""An HTTP server on the loopback interface, for the length of a ``with``: what the fakes of services are built on."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What came in. Header names are in lower case; ``path`` holds the query too."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def route(self) -> str:
        """The path without the query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; the last of several of one name."""
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What goes out; a body that is no bytes becomes JSON.

    An iterator of bytes goes out piece by piece, as it yields them; ``None`` among them cuts the connection.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        """Whether it goes out piece by piece."""
        return isinstance(self.body, Iterator)

    def content(self) -> bytes:
        """The body's bytes, where it is not an iterator."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class LoopbackServer:
    """Answers with :meth:`respond`; ``None`` closes the connection without an answer."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def respond(self, request: Request) -> Answer | None:
        """Answer a request."""
        return Answer()

    def heal(self) -> None:
        """Let go of whoever waits."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.heal()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

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
                if answer is None:
                    self.close_connection = True
                elif answer.streams:
                    self._stream(answer)
                else:
                    self._answer(answer)

            def _answer(self, answer: Answer) -> None:
                content = answer.content() if self.command != "HEAD" else b""
                date = self.date_time_string(int(time.time()))
                defaults = {"Date": date, "Content-Type": "application/json", "Content-Length": str(len(content))}
                self.send_response_only(answer.status)
                for name, value in {**defaults, **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def _stream(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                defaults = {"Date": self.date_time_string(int(time.time())), "Content-Type": "text/event-stream"}
                for name, value in {**defaults, "Transfer-Encoding": "chunked", **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                for piece in answer.body:
                    if piece is None:
                        self.close_connection = True
                        return
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

        return Handler
