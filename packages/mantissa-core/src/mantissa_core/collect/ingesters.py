"""The open ingesters of an instance: one per stream, used by one thread at a time, forgotten after an error."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .ingest import Ingester


class Ingesters:
    """Ingesters by stream. ``open_stream(stream, source)`` makes one, which recovers what a crash left open."""

    def __init__(self, open_stream: Callable[[str, str], Ingester]) -> None:
        self._open = open_stream
        self._slots: dict[str, _Slot] = {}
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def use(self, stream: str, source: str) -> Iterator[Ingester]:
        """The stream's ingester, for this thread alone.

        Where the work with it fails it is closed, because what it knows may be wrong by then (another process
        wrote the stream, a commit is half done). Whoever comes next gets a new one.
        """
        slot = self._slot(stream)
        with slot.lock:
            if slot.ingester is None:
                slot.ingester = self._open(stream, source)
            try:
                yield slot.ingester
            except BaseException:
                slot.drop()
                raise
            if self._closed:
                slot.drop()

    def close(self) -> None:
        """Close every ingester; one that is in use is closed by whoever uses it, at the end."""
        self._closed = True
        with self._lock:
            slots = list(self._slots.values())
        for slot in slots:
            if slot.lock.acquire(blocking=False):
                try:
                    slot.drop()
                finally:
                    slot.lock.release()

    def _slot(self, stream: str) -> _Slot:
        with self._lock:
            return self._slots.setdefault(stream, _Slot())


class _Slot:
    """The place of a stream's ingester, and who may use it now."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ingester: Ingester | None = None

    def drop(self) -> None:
        ingester, self.ingester = self.ingester, None
        if ingester is not None:
            ingester.close()
