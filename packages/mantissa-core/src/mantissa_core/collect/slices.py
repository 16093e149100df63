"""Reads one window of a stream into the lake, page by page; a window that cannot be read is divided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.errors import BadRecord, Incomplete
from mantissa_core.hookspecs import Collector
from mantissa_core.log import get_logger
from mantissa_core.model import Page, Rejected, Stream, Window

from .ingest import Ingested, Ingester
from .progress import Progress

MAX_WINDOW = timedelta(days=1)
"""The longest window that a collector is asked for at once."""
MIN_WINDOW = timedelta(seconds=1)
"""A window that is not divided any more: what still fails then is given up, as a visible gap."""

Clock = Callable[[], datetime]


def now_utc() -> datetime:
    """The clock where none is given."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Collected:
    """One committed page of a stream. ``more`` says that there is work left for at once."""

    label: str
    stream: str
    pages: int = 0
    more: bool = False
    ingested: Ingested = field(default_factory=Ingested)


@dataclass(slots=True)
class Budget:
    """What one round of a stream may take: pages, and seconds of the clock. Without limits it is never spent."""

    pages: int | None = None
    seconds: float | None = None

    def spent(self, pages: int, since: datetime, now: datetime) -> bool:
        """Whether the round has to end, so that others get their turn."""
        late = self.seconds is not None and (now - since).total_seconds() >= self.seconds
        return late or (self.pages is not None and pages >= self.pages)


class SliceReader:
    """The windows of one stream, each read to its end or taken up again where it was left."""

    def __init__(self, label: str, collector: Collector, stream: Stream, ingester: Ingester, clock: Clock) -> None:
        self.label, self.stream, self.clock = label, stream, clock
        self._collector, self._ingester = collector, ingester
        self._log = get_logger("collect")

    @property
    def progress(self) -> Progress:
        """The last committed progress, to be changed and given to :meth:`save`."""
        return Progress.load(self._ingester.progress)

    @property
    def state(self) -> dict[str, Any]:
        """The collector's last committed state."""
        return deepcopy(dict(self._ingester.progress.get("state", {})))

    def save(self, progress: Progress, state: dict[str, Any], rejected: tuple[Rejected, ...] = ()) -> Ingested:
        """Commit progress without events."""
        page = Page(state, rejected=rejected)
        return self._ingester.ingest(page, self.stream.log_type, lambda _: progress.dump())

    def pages(self, window: Window, *, current: bool = False) -> Iterator[Collected]:
        """Read on in ``window`` and commit each page with its progress, which gets the slice's beginning noted.

        ``current`` says that the window reaches as near to the present as it may: its events' lag is counted.
        """
        begun = self.progress.begun
        begun = self.state if begun is None else begun
        before = None if self.stream.by_arrival else self.progress.reached
        for page in self._collector.read(self.stream, window, self.state):
            progress = self.progress
            progress.begun, progress.log_type = begun, self.stream.log_type

            def following(
                ingested: Ingested, progress: Progress = progress, until: datetime | None = page.complete_until
            ) -> dict[str, Any]:
                progress.figures.count(ingested, self.clock())
                if self.stream.windowed and until is not None and until > window.start:
                    progress.cover(Window(window.start, min(until, window.end)))
                if current:
                    progress.figures.count_lag(ingested, before, self.clock())
                return progress.dump()

            ingested = self._ingester.ingest(page, self.stream.log_type, following)
            if page.acks:
                self._collector.acknowledge(self.stream, page.acks)
            yield Collected(self.label, self.stream.name, 1, page.more, ingested)

    def finish(self, window: Window, move: Callable[[Progress], None]) -> None:
        """Record a window that was read to its end; ``move`` says where reading goes on."""
        progress = self.progress
        progress.cover(window)
        if progress.step is not None:
            longer = 2 * progress.step
            progress.step = longer if longer < MAX_WINDOW.total_seconds() else None
        progress.begun = None
        progress.figures.last_read = self.clock()
        move(progress)
        self.save(progress, self.state)

    def divide(self, window: Window, error: Incomplete | BadRecord, give_up: Callable[[Progress], None]) -> bool:
        """After a window that cannot be read as a whole: ask for half of it next, from its beginning.

        A window of :data:`MIN_WINDOW` is given up: its reason becomes a dead letter, ``give_up`` says where reading
        goes on, and it stays a gap. Returns whether there is a shorter window to try.
        """
        progress = self.progress
        state = self.state if progress.begun is None else progress.begun
        progress.begun = None
        length = window.end - window.start
        if length > MIN_WINDOW:
            progress.step = max(length / 2, MIN_WINDOW).total_seconds()
            progress.figures.narrowed += 1
            self.save(progress, state)
            return True
        where = {"label": self.label, "stream": self.stream.name, "start": str(window.start), "end": str(window.end)}
        self._log.error("window given up", reason=str(error), **where)
        progress.figures.given_up += 1
        give_up(progress)
        self.save(progress, state, (_letter(self.label, self.stream, window, error),))
        return False

    def cap(self, window: Window | None) -> None:
        """Count a round that ended at its budget in the middle of ``window``.

        Where the collector's state did not move, reading on from it would never end: then the window is divided.
        """
        progress = self.progress
        progress.figures.capped += 1
        state = self.state
        if window is not None and progress.begun == state and window.end - window.start > MIN_WINDOW:
            progress.step = max((window.end - window.start) / 2, MIN_WINDOW).total_seconds()
            progress.figures.narrowed += 1
            progress.begun = None
        self.save(progress, state)


def _letter(label: str, stream: Stream, window: Window, error: Exception) -> Rejected:
    place = f"{label}/{stream.name} {window.start.isoformat()} to {window.end.isoformat()}".encode()
    return Rejected(place, f"the source's answer could not be read, and stays a gap: {error}", 0, len(place))
