"""Standard input as lines, read so that a signal can still end the process.

A thread that waits for input cannot be interrupted. The SDK's own keeps the interpreter from ending; this one does not.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

LONGEST = 4 * 1024 * 1024
"""Bytes of a line; a longer one is dropped."""
_AHEAD = 100
"""Lines that are read before they are wanted."""


class Lines:
    """The lines of a file descriptor, for ``async for``."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True, name="stdin").start()

    def __aiter__(self) -> Lines:
        """Itself."""
        return self

    async def __anext__(self) -> str:
        """The next one; ends where the other side has closed."""
        line = await self._queue.get()
        self._room.release()
        if line is None:
            raise StopAsyncIteration
        return line

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            for each in split(self._descriptor):
                self._room.acquire()
                loop.call_soon_threadsafe(self._queue.put_nowait, each.decode("utf-8", "replace"))
            loop.call_soon_threadsafe(self._queue.put_nowait, None)


def split(descriptor: int, longest: int = LONGEST) -> Iterator[bytes]:
    """The lines without their ends. What is longer than ``longest`` is dropped up to the end of its line."""
    left, skipping = b"", False
    # Neither a buffer nor its lock: a thread that holds one at the interpreter's end aborts the process.
    while piece := _next(descriptor):
        *whole, left = (left + piece).split(b"\n")
        for each in whole:
            if not skipping and len(each) <= longest:
                yield each
            skipping = False
        if len(left) > longest:
            left, skipping = b"", True
    if left and not skipping:
        yield left


def _next(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # a terminal or a pipe that is gone
        return b""
