"""HTTP/1.1 over connections: one request after the other, each bounded in size and time, answered in JSON."""

from __future__ import annotations

import io
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import BinaryIO, cast

import msgspec

from .body import check_head, read_body
from .connections import Connection
from .request import Answer, Refused, Request

IDLE = 15.0
"""Seconds that a connection may wait for its next request."""
UNREAD = 1 << 20
"""Bytes of a refused body that are read, so that its sender sees the answer instead of a broken connection."""
LINGER = 2.0
"""Seconds that this may take."""
ANSWER = 10.0
"""Seconds that the answer may take on its way, however long storing took."""

ONCE = ("content-length", "transfer-encoding", "content-encoding", "authorization", "x-api-key")
"""Headers that come once: of two, a proxy may have looked at the other one."""

Respond = Callable[[Request, Callable[[], bytes]], Answer]
"""Answers a request; the second argument reads its body and is called once at most."""


def serve_http(
    connection: Connection, respond: Respond, *, timeout: float, max_body_bytes: int, max_decompressed_bytes: int
) -> None:
    """Answer the requests of one connection until it ends.

    ``timeout`` is in seconds for a whole request, from its first byte to the end of its answer.
    """

    limits = {"seconds": timeout, "limits": (max_body_bytes, max_decompressed_bytes)}
    exchange: Callable[..., object] = type("Exchange", (_Exchange,), {"respond_to": staticmethod(respond), **limits})
    exchange(connection, (connection.sender, 0), None)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mantissa", ""
    respond_to: Respond
    seconds: float
    limits: tuple[int, int]

    def setup(self) -> None:
        self._wire: Connection = cast(Connection, self.request)
        self._reader = io.BufferedReader(self._wire)
        self.rfile, self.wfile = self._reader, io.BufferedWriter(self._wire)

    def finish(self) -> None:
        """The connection is closed by whom it was opened."""

    def handle_one_request(self) -> None:
        self._wire.within(IDLE)
        self._wire.idle = True
        begun = self._reader.peek(1)
        self._wire.idle = False
        if not begun:
            self.close_connection = True
            return
        self._wire.within(self.seconds)
        super().handle_one_request()

    def handle_expect_100(self) -> bool:
        """Not yet: who is refused need not send the body."""
        return True

    def _serve(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
        if len(headers) < len(self.headers) and (twice := [name for name in ONCE if len(self._all(name)) > 1]):
            self._answer(Answer(400, {"error": f"the header {twice[0]} comes twice"}, close=True))
            return
        unread = "content-length" in headers or "transfer-encoding" in headers

        def body() -> bytes:
            nonlocal unread
            check_head(headers, self.limits[0])
            if headers.get("expect", "").lower() == "100-continue":
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                self.wfile.flush()
            content = read_body(cast(BinaryIO, self._reader), headers, *self.limits)
            unread = False
            return content

        request = Request(self.command, self.path, headers, self.client_address[0])
        try:
            answer = self.respond_to(request, body)
        except Refused as refused:
            answer = Answer(refused.status, {"error": refused.message}, refused.headers)
        except TimeoutError:
            answer = Answer(408, {"error": f"the request took longer than {self.seconds:g} seconds"})
        self._answer(answer, close=unread)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def _all(self, name: str) -> list[str]:
        return self.headers.get_all(name) or []

    def _answer(self, answer: Answer, close: bool = False) -> None:
        """Send it; behind a body that was not read the connection cannot be used again."""
        content = msgspec.json.encode(answer.body)
        self._wire.within(ANSWER)
        self.close_connection = self.close_connection or close or answer.close or self._wire.crowded()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)
        self.wfile.flush()
        if close or answer.close:
            self._linger()

    def _linger(self) -> None:
        """Closing on unread bytes resets the connection, and the sender may never see the answer."""
        self._wire.within(LINGER)
        self._wire.end_writing()
        left = UNREAD
        while left > 0 and (read := len(self._reader.read1(min(left, 1 << 16)))):
            left -= read

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parser of requests refuses, in JSON as everything else."""
        self.command = getattr(self, "command", None) or "GET"
        self.request_version = getattr(self, "request_version", None) or self.protocol_version
        self._answer(Answer(code, {"error": message or self.responses[code][0]}, close=True))

    def log_message(self, *_: object) -> None:
        """Print nothing: what was stored is in the lake."""
