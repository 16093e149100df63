"""The fake of a source that :mod:`.collector` reads from, as the author of a collector supplies it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Protocol, runtime_checkable


class Fault(Enum):
    """What a fake source can be told to do wrong."""

    RATE_LIMIT = auto()
    """Refuse because of too many requests (HTTP 429), saying when to come back."""
    SERVER_ERROR = auto()
    """Fail (HTTP 500)."""
    TIMEOUT = auto()
    """Not answer; the collector is built with a short timeout."""
    TRUNCATED = auto()
    """End the answer in the middle of its JSON."""
    TOKEN_EXPIRED = auto()
    """Refuse the credential (HTTP 401 or 403)."""
    ENDLESS = auto()
    """Give the same next cursor for ever."""
    DUPLICATES = auto()
    """Repeat the end of each page at the beginning of the next."""
    SHUFFLED = auto()
    """Give the events of a walk in no order, across its pages."""
    BIG_CURSORS = auto()
    """Use numbers beyond 2^53 as cursors."""
    RESET = auto()
    """Close the connection without an answer."""
    ERROR_PAGE = auto()
    """Answer with status 200 and a web page: a proxy's, a maintenance notice."""
    ERROR_DOCUMENT = auto()
    """Answer with status 200 and JSON that says that something failed."""
    EMPTY_PAGE = auto()
    """Give a page without events and a cursor to the rest, once."""
    SKEWED_CLOCK = auto()
    """As ``RATE_LIMIT``, by a clock that is two hours ahead; the ``Date`` header shows it."""
    TOKEN_LAPSED = auto()
    """Refuse the access tokens given so far, once: those given from now on are good."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event that the fake shall have; it gives the record whatever else its source's records have."""

    id: str
    time: datetime


class Source(Protocol):
    """The fake. It should refuse what the real one refuses: a missing credential, too large a page."""

    faults: frozenset[Fault]
    """What it can be told to do."""
    page_size: int
    """Events per page; small, so that few events make several pages."""

    def put(self, events: Sequence[Event]) -> None:
        """Have these events too. They may be older than what is there: late ones."""

    def inject(self, fault: Fault, after: int = 0) -> None:
        """Misbehave once ``after`` more requests for events were answered well, until :meth:`heal`."""

    def heal(self) -> None:
        """Behave again."""


@runtime_checkable
class Queue(Source, Protocol):
    """A fake that forgets what was acknowledged. The tests read several times from the beginning."""

    def announce_again(self) -> None:
        """Give everything once more, to a consumer that has no progress yet."""
