"""Reading a window of time page by page, so that a process may end at any page and another go on from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from mantissa_core.errors import Retry
from mantissa_core.model import Page, Rejected, Window

from .cursors import CursorRefused

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Walk:
    """A query for events of ``since <= t < until``, and how far it has been read.

    ``cursor`` is where the next page begins, ``None`` at the start.
    """

    since: datetime
    until: datetime
    cursor: str | None = None

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Self | None:
        """The unfinished walk that a page left, if any."""
        since, until, cursor = (state.get(key) for key in ("since", "until", "after"))
        if not (isinstance(since, str) and isinstance(until, str) and isinstance(cursor, str)):
            return None
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(until), cursor)

    def to_state(self) -> dict[str, str]:
        """The walk as JSON; the cursor stays text, it may be a number that no double can hold."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), "after": self.cursor or ""}


@dataclass(frozen=True, slots=True)
class Batch:
    """A page of a walk. ``cursor`` leads to the next one; ``None``: this was the last.

    ``rejected`` is what of it can never be read, while the rest can.
    """

    records: Sequence[Mapping[str, Any]]
    cursor: str | None
    rejected: Sequence[Rejected] = ()


@dataclass(frozen=True, slots=True)
class WindowReader:
    """Reads windows with a vendor's ``fetch``.

    ``fetch`` asks for the page of a walk; it raises ``CursorRefused`` where the vendor no longer knows the cursor.
    ``overlap`` is the stream's. ``resolution`` is the vendor's finest time: windows are cut down to it, and the
    fraction cut off is read with the next window.
    """

    vendor: str
    fetch: Callable[[Walk], Batch]
    overlap: timedelta
    resolution: timedelta = timedelta(milliseconds=1)

    def read(self, window: Window, state: Mapping[str, object]) -> Iterator[Page]:
        """Finish the walk that ``state`` left unfinished, then read what it does not cover of ``window``."""
        walks = self._plan(window, state)
        for number, walk in enumerate(walks, start=1):
            yield from self._pages(walk, more=number < len(walks))

    def _plan(self, window: Window, state: Mapping[str, object]) -> list[Walk]:
        """What is to be read: the rest of an unfinished walk where it belongs to ``window``, then what follows it.

        An unfinished walk helps where it began no later than the window and ended inside it. What happened more
        than ``overlap`` before its end had appeared when it began, so only what follows that is asked for anew.
        """
        since, until = self._floor(window.start), self._floor(window.end)
        rest = Walk.from_state(state)
        if rest is None or not rest.since <= since <= rest.until <= until:
            return [Walk(since, until)]
        if rest.until == until:
            return [rest]
        return [rest, Walk(max(since, self._floor(rest.until - self.overlap)), until)]

    def _pages(self, walk: Walk, *, more: bool) -> Iterator[Page]:
        """Follow the cursors of one query to its end: only there is it certain that nothing is missing."""
        if walk.since == walk.until:  # vendors refuse a query for no time at all
            yield Page({}, complete_until=walk.until, more=more)
            return
        try:
            batch = self.fetch(walk)
        except CursorRefused:  # it came from the state and has expired
            walk = replace(walk, cursor=None)
            batch = self._fetch_next(walk)
        seen = {walk.cursor}
        while batch.cursor is not None:
            if batch.cursor in seen:
                raise Retry(f"{self.vendor} gave the same page cursor twice: the walk would not end")
            seen.add(batch.cursor)
            walk = replace(walk, cursor=batch.cursor)
            yield Page(walk.to_state(), batch.records, more=True, rejected=batch.rejected)
            batch = self._fetch_next(walk)
        yield Page({}, batch.records, complete_until=walk.until, more=more, rejected=batch.rejected)

    def _fetch_next(self, walk: Walk) -> Batch:
        try:
            return self.fetch(walk)
        except CursorRefused:
            raise Retry(f"{self.vendor} refused the page cursor that it had just given") from None

    def _floor(self, moment: datetime) -> datetime:
        return moment - (moment - _EPOCH) % self.resolution


def timestamp(moment: datetime) -> str:
    """``2025-03-04T09:00:00.000Z``, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, exactly."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
