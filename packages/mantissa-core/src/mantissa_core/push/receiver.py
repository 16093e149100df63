"""What every receiver of pushed HTTP requests does alike; a plugin says who may push, and what a request holds."""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar

from pydantic import Field

from mantissa_core.errors import BadRecord, MantissaError, Retry
from mantissa_core.hookspecs import Parser, hookimpl
from mantissa_core.log import get_logger
from mantissa_core.model import Pushed, Rejected

from .connections import Connection, Connections, place
from .listen import ListenConfig, check_listening, open_port, tls_context
from .request import Answer, Refused, Request
from .server import serve_http

RETRY_AFTER = 30.0
"""Seconds that a sender is asked to wait where the runtime does not say."""
HEALTH = "/health"
QUIET = 60.0
"""Seconds between two lines in the log about refused senders."""
TOLD = 5
"""Reasons of refused records that an answer repeats."""


class PushConfig(ListenConfig):
    """Settings of every receiver of HTTP requests."""

    port: int = Field(default=8088, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    max_body_bytes: int = Field(default=16 << 20, ge=1, le=64 << 20)
    """A larger body is refused."""
    max_decompressed_bytes: int = Field(default=48 << 20, ge=1, le=64 << 20)
    """A gzip body that becomes larger is refused."""
    timeout: float = Field(default=30.0, gt=0, le=300)
    """Seconds that a request may take to arrive and be answered."""
    max_connections: int = Field(default=32, ge=1, le=1_000)
    """Connections at once; further ones wait."""


class PushReceiver(ABC):
    """Serves until it is stopped. ``listening`` is set once ``port`` is open.

    A subclass has a ``Config`` (a :class:`PushConfig`), ``paths`` that are posted to, and says in :meth:`admit` or
    :meth:`verify` who may push, and in :meth:`records` what a request holds. Each raises :class:`Refused`.
    """

    paths: ClassVar[tuple[str, ...]] = ("/",)
    config: PushConfig
    decoder: Callable[[str], Parser]
    """The running decoders of the instance, by their name; there while it listens."""

    def __init__(self, config: PushConfig) -> None:
        self.config = config
        self.port = config.port
        self.listening = threading.Event()
        self._submit: Callable[[str, Pushed], None]
        self._refusals = _Refusals()

    def begin(self) -> None:  # noqa: B027  # most have nothing to prepare
        """Prepare what is needed; called before the port is opened.

        Raises:
            NeedsOperator: it cannot work.
        """

    @abstractmethod
    def admit(self, request: Request) -> None:
        """Let a sender in by what the head of the request says; the body is read after it.

        Raises:
            Refused: 401 or 403.
        """

    def verify(self, request: Request) -> None:  # noqa: B027  # a token in the head is enough for most
        """Look at the whole request, where the body is signed.

        Raises:
            Refused: 401.
        """

    @abstractmethod
    def records(self, request: Request) -> Mapping[str, Pushed]:
        """The events in a request by log type; what is no event among them as ``Rejected``.

        Raises:
            Refused: 400, nothing in it can be used.
        """

    def serves(self, path: str) -> bool:
        """Whether events are posted to this path."""
        return path in self.paths

    @hookimpl
    def check(self) -> None:
        """See whether it could listen."""
        check_listening(self.config)

    @hookimpl
    def listen(
        self, submit: Callable[[str, Pushed], None], stop: threading.Event, decoder: Callable[[str], Parser]
    ) -> None:
        """Serve until ``stop`` is set, then finish the requests in hand."""
        self._submit, self.decoder = submit, decoder
        self.begin()
        tls = tls_context(self.config)
        opened = open_port(self.config)
        connections = Connections(
            opened, self._serve, limit=self.config.max_connections, timeout=self.config.timeout, tls=tls
        )
        self.port = opened.getsockname()[1]
        get_logger("push").info("listening", host=self.config.host, port=self.port, tls=tls is not None)
        self.listening.set()
        try:
            connections.serve(stop)
        finally:
            self.listening.clear()

    def _serve(self, connection: Connection) -> None:
        serve_http(
            connection,
            self._respond,
            timeout=self.config.timeout,
            max_body_bytes=self.config.max_body_bytes,
            max_decompressed_bytes=self.config.max_decompressed_bytes,
        )

    def _respond(self, request: Request, read: Callable[[], bytes]) -> Answer:
        if request.path == HEALTH and request.method in ("GET", "HEAD"):
            return Answer(200, {"status": "ok"})
        try:
            return self._take(request, read)
        except Refused as refused:
            if refused.status in (401, 403):
                self._refusals.note(request.sender)
            raise
        except Retry as error:
            return _later("the lake is behind: send it again later", error.after)
        except BadRecord as error:
            return Answer(413, {"error": str(error)})
        except MantissaError as error:
            get_logger("push").error("events not stored", path=request.path, reason=str(error))
            return _later("the events could not be stored; the log of the receiver says why", None)
        except OSError:
            raise  # of the connection
        except Exception as error:  # noqa: BLE001  # a bug must not end the connection without an answer
            get_logger("push").error("request failed", path=request.path, reason=type(error).__name__, at=place(error))
            return Answer(500, {"error": "the receiver failed; its log says why"})

    def _take(self, request: Request, read: Callable[[], bytes]) -> Answer:
        """Store what was posted and say what to answer, never before it is stored."""
        if not self.serves(request.path):
            raise Refused(404, "nothing is posted here")
        if request.method != "POST":
            raise Refused(405, "events are posted", {"Allow": "POST"})
        self.admit(request)
        whole = Request(request.method, request.target, request.headers, request.sender, read())
        self.verify(whole)
        accepted, refused = 0, []
        for log_type, records in self.records(whole).items():
            if records:
                self._submit(log_type, records)
            rejected = [each for each in records if isinstance(each, Rejected)]
            accepted += len(records) - len(rejected)
            refused += rejected
        return _taken(accepted, refused)


class _Refusals:
    """Refused senders are told about now and then: a log that a stranger can fill is a weakness of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count, self._told = 0, -math.inf

    def note(self, sender: str) -> None:
        with self._lock:
            self._count += 1
            now = time.monotonic()
            if now - self._told < QUIET:
                return
            count, self._count, self._told = self._count, 0, now
        get_logger("push").warning("credential refused", sender=sender, count=count)


def _taken(accepted: int, rejected: list[Rejected]) -> Answer:
    body = {"accepted": accepted, "rejected": len(rejected)}
    return Answer(200, {**body, "errors": [each.reason for each in rejected[:TOLD]]} if rejected else body)


def _later(message: str, after: float | None) -> Answer:
    return Answer(503, {"error": message}, {"Retry-After": str(math.ceil(after or RETRY_AFTER))})
