"""Server-sent events: the steps of a question, and its answer.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from mantissa_core.alert.codec import to_json
from mantissa_core.ask.events import Event, OnEvent

from .executions import Execution
from .models import Result

CONTENT_TYPE = "text/event-stream"
HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent, so that neither side takes the other for gone."""
KINDS = ("started", "reading", "token", "understood", "estimate", "answer", "error")


@dataclass(frozen=True, slots=True)
class Events:
    """What is told step by step: ``begin`` begins it, ``told`` is its answer, ``stop`` stops it."""

    begin: Callable[[OnEvent, Callable[[], None]], Execution]
    told: Callable[[Execution], Result]
    stop: Callable[[Execution], None]

    async def response(self) -> StreamingResponse:
        """Begin, and send what happens until it is over. Who goes away stops it.

        Raises:
            Problem: it cannot begin.
        """
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event | None]()

        def put(event: Event | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(queue.put_nowait, event)

        execution = await run_in_threadpool(self.begin, put, lambda: put(None))
        headers = {"X-Accel-Buffering": "no"}  # nginx would keep events back
        return _Stopping(lambda: self.stop(execution), self._sent(execution, queue), headers)

    async def _sent(self, execution: Execution, queue: asyncio.Queue[Event | None]) -> AsyncIterator[bytes]:
        yield _framed("started", json.dumps({"execution_id": execution.id}))
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), HEARTBEAT)
            except TimeoutError:
                yield b": it goes on\n\n"
                continue
            if event is None:
                break
            if event.kind != "answer":  # ours has the rows
                yield _framed(event.kind, json.dumps(to_json(event.data)))
        yield await run_in_threadpool(self._last, execution)

    def _last(self, execution: Execution) -> bytes:
        if execution.problem is not None and execution.status == "FAILED":
            return _framed("error", execution.problem.document.model_dump_json(exclude_none=True))
        return _framed("answer", self.told(execution).model_dump_json())


class _Stopping(StreamingResponse):
    """Stops what it tells of when it ends: also where the caller was gone before it began."""

    def __init__(self, stop: Callable[[], None], content: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(content, headers=headers, media_type=CONTENT_TYPE)
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop()


def _framed(kind: str, data: str) -> bytes:
    """An event. JSON has no line ends of its own, so that one line of data is enough."""
    return f"event: {kind}\ndata: {data}\n\n".encode()
