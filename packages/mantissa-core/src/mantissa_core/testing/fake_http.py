"""A small HTTP server for the fakes of services: it answers as told, misbehaves as told, and keeps what it got."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum, auto

from .loopback import Answer, LoopbackServer, Request

__all__ = ["RETRY_AFTER", "Answer", "FakeHTTP", "Fault", "Request"]

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


class FakeHTTP(LoopbackServer):
    """A service whose :meth:`answer` is overridden, or passed as a function.

    A fault that is injected answers instead of it; whoever refuses repeats what was sent, as careless services do,
    so that a kit sees whether that ends up in an error. ``retry_after`` is what it asks for when it is busy.
    """

    faults = frozenset(Fault)
    retry_after = RETRY_AFTER

    def __init__(self, answer: Callable[[Request], Answer] | None = None) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self._answer = answer
        self._fault: Fault | None = None
        self._healed = threading.Event()
        self._lock = threading.Lock()

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

    def respond(self, request: Request) -> Answer:
        """What goes out for a request, faults included."""
        fault = self._fault
        if fault in _STATUS:
            said = {"error": f"refused: {dict(request.headers)} {request.body.decode('utf-8', 'replace')}"}
            extra = {
                Fault.BUSY: {"Retry-After": str(self.retry_after)},
                Fault.REDIRECT: {"Location": f"{self.url}/else"},
            }
            return Answer(_STATUS[fault], said, extra.get(fault, {}))
        with self._lock:
            self.requests.append(request)
            answer = self.answer(request)
        if fault is Fault.TIMEOUT:  # it has done what was asked, and does not say so: nothing worse can happen
            self._healed.wait(_LONGEST)
        if fault is Fault.TRUNCATED and answer.streams:
            pieces = list(answer.body)
            return Answer(answer.status, iter(pieces[: len(pieces) // 2]), answer.headers)
        if fault is Fault.TRUNCATED:
            content = answer.content()
            return Answer(answer.status, content[: len(content) // 2], answer.headers)
        return answer
