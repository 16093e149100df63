"""One stream's live collection: from where it stands to the present, the last of it again for what came late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from mantissa_core.errors import BadRecord, Incomplete
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Stream, Window

from .ingest import Ingester
from .progress import Progress, Sweep
from .slices import MAX_WINDOW, Budget, Clock, Collected, SliceReader, now_utc

_GIVEN_UP = 100
"""Windows that were given up and are not asked for again while they lie in the overlap."""


class StreamRunner:
    """Reads one stream of one collector into the lake.

    Errors of the collector pass through (``Retry``, ``NeedsOperator``, ``PluginError``); what was committed
    before stays, and the next run goes on from there. A window is left behind only when it was read to its end, or
    when no window that holds the same instant could be read (:meth:`.slices.SliceReader.divide`).
    """

    def __init__(
        self,
        label: str,
        collector: Collector,
        stream: Stream,
        ingester: Ingester,
        *,
        lookback: timedelta = timedelta(hours=24),
        budget: Budget | None = None,
        clock: Clock = now_utc,
    ) -> None:
        self._reader = SliceReader(label, collector, stream, ingester, clock)
        self._stream, self._lookback, self._clock = stream, lookback, clock
        self._budget = budget or Budget()
        self._known = False

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Collected]:
        """Read until the source has no more or the budget is spent, yielding after every committed page."""
        began, pages, spent = self._clock(), 0, False
        self._known = self._reader.progress.figures.pages > 0
        for window in self._windows() if self._stream.windowed else [Window(began, began)]:
            try:
                for collected in self._reader.pages(window, current=self._is_current(window)):
                    pages += 1
                    yield collected
                    if stop():
                        return
                    due = self._budget.spent(pages, began, self._clock())
                    if spent or (due and collected.more):  # what comes behind a spent budget shows that there is more
                        self._reader.cap(window if self._stream.windowed else None)
                        return
                    spent = due
            except (Incomplete, BadRecord) as error:
                if not self._stream.windowed:
                    raise
                self._reader.divide(window, error, _giving_up(window, self._stream.overlap))
            else:
                if self._stream.windowed:
                    self._reader.finish(window, _moving(window))
            if spent or stop():
                return

    def _windows(self) -> Iterator[Window]:
        """What is to be read now. A sweep that was left is finished first; then one more goes up to the present."""
        if self._reader.progress.sweep is not None:
            yield from self._sweep()
        self._begin()
        yield from self._sweep()

    def _begin(self) -> None:
        progress = self._reader.progress
        now = self._clock()
        at = progress.reached or now - self._lookback
        until = max(now - self._stream.delay, at)
        progress.sweep = Sweep(at - self._stream.overlap, until, first=progress.reached is None)
        progress.overlap, progress.delay = self._stream.overlap.total_seconds(), self._stream.delay.total_seconds()
        self._reader.save(progress, self._reader.state)

    def _sweep(self) -> Iterator[Window]:
        while (window := _next(self._reader.progress)) is not None:
            yield window
        progress = self._reader.progress
        if progress.sweep is not None:
            progress.sweep = None
            self._reader.save(progress, self._reader.state)

    def _is_current(self, window: Window) -> bool:
        """Whether the lag of what is read says something about the source: not where it is history."""
        if not self._stream.windowed:
            return self._known
        sweep = self._reader.progress.sweep
        return sweep is None or (window.end == sweep.until and not sweep.first)


def _next(progress: Progress) -> Window | None:
    """The sweep's next slice, around what was given up before."""
    sweep = progress.sweep
    if sweep is None:
        return None
    at = sweep.at
    for start, end in progress.given_up:
        at = end if start <= at < end else at
    if at >= sweep.until:
        return None
    step = timedelta(seconds=progress.step) if progress.step else MAX_WINDOW
    ends = [start for start, _ in progress.given_up if start > at]
    return Window(at, min([at + step, sweep.until, *ends]))


def _moving(window: Window) -> Callable[[Progress], None]:
    """Go on behind a window that was read."""

    def move(progress: Progress) -> None:
        _advance(progress, window.end)

    return move


def _giving_up(window: Window, overlap: timedelta) -> Callable[[Progress], None]:
    """Go on behind a window that nobody can read, and do not come back to it."""

    def move(progress: Progress) -> None:
        oldest = window.end - overlap
        kept = [each for each in progress.given_up if each[1] > oldest]
        progress.given_up = sorted([*kept, (window.start, window.end)])[-_GIVEN_UP:]
        _advance(progress, window.end)

    return move


def _advance(progress: Progress, to: datetime) -> None:
    if progress.sweep is not None:
        progress.sweep = Sweep(to, progress.sweep.until, progress.sweep.first) if to < progress.sweep.until else None
    progress.frontier = max(to, progress.frontier or to)
