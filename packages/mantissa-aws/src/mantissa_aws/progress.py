"""Which objects of a folder have been read, in bounded space.

Keys rise with time, nearly: an object may appear behind others whose keys are greater. So everything up to ``floor``
counts as read, and above it the read objects are remembered one by one, by a hash of key and content.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST = 6_000
"""Remembered objects: 14 bytes of state each. Beyond, the floor rises over the lowest keys."""


@dataclass(frozen=True, slots=True)
class Item:
    """An object as a listing shows it."""

    key: str
    etag: str
    size: int
    modified: datetime

    @property
    def mark(self) -> str:
        """64 bits that stand for this key with this content: an object that is overwritten is another item."""
        digest = hashlib.blake2b(f"{self.key}\0{self.etag}".encode(), digest_size=8).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")


class Progress:
    """One pass over a folder, from ``floor`` upwards in the order of keys.

    Objects that were written before ``settled`` let the floor rise: what appears behind them that late is missed.
    """

    def __init__(self, state: Mapping[str, object], settled: datetime) -> None:
        marks = state.get("known", ())
        self.floor = str(state.get("floor", ""))
        self._settled = settled
        self._ahead = dict.fromkeys(str(mark) for mark in marks) if isinstance(marks, list) else {}
        self._passed: deque[tuple[str, str]] = deque()
        self._rising = True

    def is_new(self, item: Item) -> bool:
        """Whether the object has not been read."""
        return item.mark not in self._ahead

    def passed(self, item: Item) -> None:
        """The object is read, or was before; all below it are passed."""
        self._ahead.pop(item.mark, None)
        self._rising = self._rising and item.modified < self._settled
        if self._rising:
            self.floor = item.key
        else:
            self._passed.append((item.key, item.mark))
        while self._passed and len(self._passed) + len(self._ahead) > MOST:
            self.floor, _ = self._passed.popleft()

    def finished(self) -> None:
        """The listing has ended: what it did not show is gone."""
        self._ahead.clear()

    def to_state(self) -> dict[str, Any]:
        """The progress as JSON."""
        return {"floor": self.floor, "known": [mark for _, mark in self._passed] + list(self._ahead)}
