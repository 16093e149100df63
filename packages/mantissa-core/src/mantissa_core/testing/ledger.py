"""What a fake vendor has: events, and from when on each can be seen. The other side of a collector's account."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .collector_source import Event

Key = tuple[Any, ...]


def in_order(event: Event) -> Key:
    """By time, then by id."""
    return event.time, event.id


def scattered(event: Event) -> Key:
    """In no order, but always the same."""
    return (hashlib.sha256(event.id.encode()).hexdigest(),)


@dataclass
class Ledger:
    """The events of a fake. ``now`` is its clock: what is published later is not there yet. ``None``: all is there."""

    now: datetime | None = None
    _events: list[tuple[datetime | None, Event]] = field(default_factory=list)

    def put(self, events: Iterable[Event], published: datetime | None = None) -> None:
        """Have these events, visible from ``published`` on: vendors are late, some events by hours."""
        self._events += [(published, event) for event in events]

    def between(self, since: datetime | None = None, until: datetime | None = None) -> list[Event]:
        """What can be seen now of ``since <= time < until``."""
        return [
            event
            for published, event in self._events
            if (published is None or self.now is None or published <= self.now)
            and (since is None or event.time >= since)
            and (until is None or event.time < until)
        ]

    def ids(self) -> Counter[str]:
        """Every event's id, published or not: what the lake must hold in the end."""
        return Counter(event.id for _, event in self._events)


@dataclass(frozen=True)
class Served:
    """A page: its events, and the cursor of the next one (``None``: there is none)."""

    events: Sequence[Event]
    cursor: str | None
