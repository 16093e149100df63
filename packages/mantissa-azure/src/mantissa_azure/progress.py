"""How much of a folder's blobs has been read, in bounded space.

Names rise with time, nearly: a blob may grow, or appear, behind others whose names are greater. So everything up to
``floor`` counts as read, and above it each blob is remembered, by a hash of its name, with how much of it was read.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

MOST = 1_500
"""Remembered blobs: at most 40 bytes of state each. Beyond, the floor rises over the lowest names."""


@dataclass(frozen=True)
class Item:
    """A blob as a listing shows it. ``appends``: it grows at its end, and what it holds stays."""

    name: str
    size: int
    etag: str
    modified: datetime
    created: datetime
    appends: bool

    @cached_property
    def mark(self) -> str:
        """64 bits that stand for the name."""
        digest = hashlib.blake2b(self.name.encode(), digest_size=8).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")

    @property
    def whole(self) -> str:
        """What is remembered once all of it was read: its length, or its content where that may change."""
        return str(self.size) if self.appends else self.etag


class Progress:
    """One pass over a folder, from ``floor`` upwards in the order of names.

    Blobs that were written before ``settled`` let the floor rise: what comes into them, or behind them, later than
    that is missed.
    """

    def __init__(self, state: Mapping[str, object], settled: datetime) -> None:
        known = state.get("known")
        self.floor = str(state.get("floor", ""))
        self._settled = settled
        self._ahead = {str(mark): str(read) for mark, read in known.items()} if isinstance(known, dict) else {}
        self._passed: deque[tuple[str, str, str]] = deque()
        self._rising = True

    def is_settled(self, item: Item) -> bool:
        """Whether nothing more is expected to come into the blob."""
        return item.modified < self._settled

    def is_read(self, item: Item) -> bool:
        """Whether all of the blob has been read."""
        return self._ahead.get(item.mark) == item.whole

    def offset(self, item: Item) -> int:
        """How many bytes of a growing blob have been read; none of one that has become shorter."""
        read = self._ahead.get(item.mark, "")
        return int(read) if read.isdecimal() and int(read) <= item.size else 0

    def read(self, item: Item, offset: int | None = None) -> None:
        """The blob was read up to ``offset``, or whole."""
        self._ahead[item.mark] = item.whole if offset is None else str(offset)

    def passed(self, item: Item) -> None:
        """Done with this blob for now, and with all below it."""
        read = self._ahead.pop(item.mark, "0")
        self._rising = self._rising and self.is_settled(item) and (read == item.whole or not item.size)
        if self._rising:
            self.floor = item.name
        else:
            self._passed.append((item.name, item.mark, read))
        while self._passed and len(self._passed) + len(self._ahead) > MOST:
            self.floor = self._passed.popleft()[0]

    def finished(self) -> None:
        """The listing has ended: what it did not show is gone."""
        self._ahead.clear()

    def to_state(self) -> dict[str, Any]:
        """The progress as JSON."""
        return {"floor": self.floor, "known": {**{mark: read for _, mark, read in self._passed}, **self._ahead}}
