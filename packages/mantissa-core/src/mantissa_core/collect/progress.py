"""What is remembered of a stream between two reads, stored in one commit with the rows that it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self

import msgspec

from mantissa_core.model import Window

from .coverage import Coverage
from .histogram import Histogram
from .ingest import Ingested

Span = tuple[datetime, datetime]


LATE_MEMORY = timedelta(days=7)
"""How long the latest event counts."""


class Figures(msgspec.Struct, omit_defaults=True):
    """Counts of a stream since it began, and when it last brought something.

    ``lag`` is ingest time − event time, ``arrivals`` the time between two pages that brought rows; both are counts
    by bucket of :class:`.histogram.Histogram`. ``late`` is by how many seconds at most an event came after its time
    had been read, within the last :data:`LATE_MEMORY`. ``capped`` counts rounds that ended at their budget,
    ``narrowed`` windows that had to be divided, ``given_up`` those that could not be read.
    """

    rows: int = 0
    duplicates: int = 0
    dead: int = 0
    pages: int = 0
    capped: int = 0
    narrowed: int = 0
    given_up: int = 0
    late: float = 0.0
    late_at: datetime | None = None
    lag: list[int] = []
    arrivals: list[int] = []
    last_data: datetime | None = None
    last_read: datetime | None = None

    def count(self, ingested: Ingested, now: datetime) -> None:
        """Add one committed page."""
        self.pages += 1
        self.rows += ingested.rows
        self.duplicates += ingested.duplicates
        self.dead += ingested.dead
        self.last_read = now
        if ingested.rows:
            arrivals = Histogram()
            if self.last_data is not None:
                arrivals.add((now - self.last_data).total_seconds())
            self.arrivals, self.last_data = _merged(self.arrivals, arrivals), now

    def count_lag(self, ingested: Ingested, before: datetime | None, now: datetime) -> None:
        """Add how late a page's rows came; up to ``before`` everything had been read already."""
        self.lag = _merged(self.lag, ingested.lag)
        if self.late_at is not None and now - self.late_at > LATE_MEMORY:
            self.late, self.late_at = 0.0, None
        if ingested.oldest is not None and before is not None:
            late = (before - ingested.oldest).total_seconds()
            if late > self.late:
                self.late, self.late_at = late, now


class Sweep(msgspec.Struct, omit_defaults=True):
    """A span that is being read, slice by slice: everything before ``at`` is done.

    The ``first`` one of a stream reads history, whose lag says nothing about the source.
    """

    at: datetime
    until: datetime
    first: bool = False


class Progress(msgspec.Struct, omit_defaults=True):
    """A stream's progress, besides the collector's own state.

    ``frontier`` is up to where the stream was read or given up, ``coverage`` what was read in fact. ``step`` is the
    slice's length in seconds where the source cannot give a day at once. ``begun`` is the collector's state at the
    beginning of the slice that is half read. ``todo`` are the spans that a backfill has left. ``overlap`` and ``delay``
    (in seconds) and ``log_type`` are the stream's.
    """

    coverage: list[Span] = []
    frontier: datetime | None = None
    sweep: Sweep | None = None
    step: float | None = None
    begun: dict[str, Any] | None = None
    overlap: float = 0.0
    delay: float = 0.0
    log_type: str = ""
    given_up: list[Span] = []
    todo: list[Span] = []
    figures: Figures = msgspec.field(default_factory=Figures)

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> Self:
        """Read what a commit stored; what is not ours (the collector's state) is left out."""
        return msgspec.convert(dict(value), cls)

    def dump(self) -> dict[str, Any]:
        """The reverse of :meth:`load`, as JSON."""
        dumped: dict[str, Any] = msgspec.to_builtins(self)
        return dumped

    @property
    def covered(self) -> Coverage:
        """The spans that were read."""
        return Coverage(Window(start, end) for start, end in self.coverage)

    def cover(self, window: Window) -> None:
        """Count a window as read."""
        covered = self.covered
        covered.add(window)
        self.coverage = [(each.start, each.end) for each in covered.windows]

    @property
    def reached(self) -> datetime | None:
        """Up to where live reading has come."""
        return self.frontier or self.covered.end


def _merged(counts: list[int], other: Histogram) -> list[int]:
    histogram = Histogram(counts)
    histogram.merge(other)
    return histogram.to_json()
