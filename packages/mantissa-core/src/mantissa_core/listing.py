"""Which objects of a bucket's folder have been read, in bounded space: for collectors of delivery files.

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
    """An object as a listing shows it. ``version`` changes with its content: an entity tag, a generation."""

    key: str
    version: str
    size: int
    modified: datetime

    @property
    def mark(self) -> str:
        """64 bits that stand for this key with this content: an object that is overwritten is another item."""
        digest = hashlib.blake2b(f"{self.key}\0{self.version}".encode(), digest_size=8).digest()
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


class Step:
    """Objects on their way into a page: the new ones, and the known ones that lie between them."""

    def __init__(self, progress: Progress, most: int, room: int) -> None:
        """A page has up to ``most`` objects, and more than ``room`` bytes in a single object only."""
        self._progress, self._most, self._room = progress, most, room
        self._pending: list[Item] = []
        self.fresh: list[Item] = []

    def is_full(self, item: Item) -> bool:
        """Whether ``item`` belongs on the next page."""
        size = sum(each.size for each in self.fresh)
        return len(self.fresh) >= self._most or bool(self.fresh and size + item.size > self._room)

    def add(self, item: Item, new: bool) -> None:
        """Take the next object of the listing."""
        if new:
            self.fresh.append(item)
        if self.fresh:
            self._pending.append(item)
        else:
            self._progress.passed(item)

    def ended(self) -> dict[str, Any]:
        """The listing is over: pass what is pending and forget what is gone."""
        self._pass()
        self._progress.finished()
        return self._progress.to_state()

    def commit(self) -> dict[str, Any]:
        """Pass what the page holds and begin the next one."""
        self._pass()
        self.fresh = []
        return self._progress.to_state()

    def _pass(self) -> None:
        for item in self._pending:
            self._progress.passed(item)
        self._pending = []
