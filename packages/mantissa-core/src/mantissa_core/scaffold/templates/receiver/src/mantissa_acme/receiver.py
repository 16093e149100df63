"""The receiver ``acme.gadget``: signed events by HTTP POST.

The body is a JSON object or an array of objects; ``X-Acme-Signature: sha256=<hex>`` is its HMAC-SHA256.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import math
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import PluginConfig, hookimpl
from mantissa_core.log import get_logger
from mantissa_core.model import Records
from pydantic import Field, SecretStr

Submit = Callable[[str, Records], None]

RETRY_AFTER = 30.0
"""Seconds that a sender is asked to wait where the runtime does not say."""
_UNREAD = 1 << 20


class Gadget:
    """Listens for events. ``listening`` is set once ``port`` is open."""

    class Config(PluginConfig):
        """Settings of ``acme.gadget``."""

        secret: SecretStr = Field(json_schema_extra={"env": "ACME_TOKEN"})
        """Shared secret of the signature."""
        host: str = "127.0.0.1"
        """Address to listen on. Put a proxy that speaks TLS before it."""
        port: int = Field(default=8099, ge=0, le=65535)
        """Port to listen on; 0 takes a free one."""
        log_type: str = "generic.json"
        """What the events are."""
        max_bytes: int = Field(default=10_000_000, ge=1)
        """A larger body is refused."""

    def __init__(self, config: Config) -> None:
        if not config.secret.get_secret_value():
            raise NeedsOperator("secret: is empty, so anybody could send events")
        self.config = config
        self.port = config.port
        self.listening = threading.Event()

    @hookimpl
    def check(self) -> None:
        """See whether the address is this machine's. A port that is taken may be taken by this receiver."""
        try:
            socket.create_server((self.config.host, self.config.port)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise self._unusable(error) from error

    @hookimpl
    def listen(self, submit: Submit, stop: threading.Event) -> None:
        """Serve until ``stop`` is set, then finish the requests in hand."""
        handler = type("Handler", (_Handler,), {"config": self.config, "submit": staticmethod(submit)})
        try:
            server = _Server((self.config.host, self.config.port), handler)
        except OSError as error:
            raise self._unusable(error) from error
        with server:
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
            self.port = server.server_port
            self.listening.set()
            stop.wait()
            server.shutdown()
        self.listening.clear()

    def _unusable(self, error: OSError) -> NeedsOperator:
        return NeedsOperator(f"cannot listen on {self.config.host}:{self.config.port}: {error.strerror or error}")


def sign(secret: str, body: bytes) -> str:
    """The value of the signature header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the requests in hand

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that goes away is no news; it sends again."""


class _Handler(BaseHTTPRequestHandler):
    config: Gadget.Config
    submit: Submit
    timeout = 30
    """Seconds that a sender may be silent."""

    def do_POST(self) -> None:
        status, headers = self._take()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _take(self) -> tuple[int, dict[str, str]]:
        """Store the body and say what to answer, never before it is stored."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            return 411, {}
        if int(length) > self.config.max_bytes:
            self.rfile.read(min(int(length), _UNREAD))  # closing on unread bytes would cut the answer off
            return 413, {}
        body = self.rfile.read(int(length))
        if not self._is_signed(body):
            return 401, {}
        records = _records(body)
        if len(body) < int(length) or records is None:
            return 400, {}
        try:
            self.submit(self.config.log_type, records)
        except Retry as error:
            return 503, {"Retry-After": str(math.ceil(error.after or RETRY_AFTER))}
        except MantissaError as error:
            get_logger("acme.gadget").error("events were not stored", reason=str(error))
            return 503, {"Retry-After": str(math.ceil(RETRY_AFTER))}
        return 200, {}

    def _is_signed(self, body: bytes) -> bool:
        expected = sign(self.config.secret.get_secret_value(), body)
        given = self.headers.get("X-Acme-Signature", "")
        return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))

    def log_message(self, *_: object) -> None:
        """Print nothing: what was stored is in the lake."""


def _records(body: bytes) -> Records | None:
    """The events in a body, ``None`` where it is not what Acme sends."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    records = content if isinstance(content, list) else [content]
    return records if all(isinstance(record, dict) for record in records) else None
