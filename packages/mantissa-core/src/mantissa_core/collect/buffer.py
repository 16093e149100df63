"""Records of one source that wait in memory for their commit, and stay there when it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from mantissa_core.model import Page

from .ingest import Ingested, Ingester


class Buffer:
    """Records of one log type from one source. Any thread may add; one at a time may store."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Any] = []
        self._tried: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Iterable[Any]) -> None:
        """Keep records for :meth:`store`."""
        with self._lock:
            self._records.extend(records)

    def store(self, ingester: Ingester, log_type: str) -> Ingested:
        """Commit what is there. After an error nothing is forgotten, and the next call stores nothing twice."""
        self._settle(ingester)
        with self._lock:
            records = list(self._records)
        if not records:
            return Ingested()
        self._tried = (ingester.log.seq + 1, len(records))
        result = ingester.ingest(Page({}, records=records), log_type, {})
        self._forget(len(records))
        return result

    def _settle(self, ingester: Ingester) -> None:
        """Forget what a failed commit stored after all: a new ingester finishes what its predecessor left open."""
        if self._tried is not None:
            seq, count = self._tried
            self._forget(count if ingester.log.seq >= seq else 0)

    def _forget(self, count: int) -> None:
        with self._lock:
            del self._records[:count]
        self._tried = None
