"""Fills the gaps of a stream, newest first, beside its live collection and never in its way.

A backfill writes under a stream name of its own (``backfill/<label>/<stream>``): it has its own progress and its own
writer. It reads what live collection does not read any more, so that no two writers fetch the same events; what
is stored already is dropped by id before the commit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from mantissa_core.errors import BadRecord, Incomplete, NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import LogType, Stream, Window

from .coverage import Coverage
from .ingest import Ingester
from .progress import Progress, Sweep
from .slices import Clock, Collected, SliceReader, now_utc

MAX_SLICE = timedelta(hours=6)
"""The longest window that is asked for at once: a crash repeats no more than that."""
PATIENCE = 5
"""Refusals in a row after which a backfill ends; the next one goes on from there."""
LONGEST_PAUSE, LONGEST_WAIT = 10.0, 900.0
"""Seconds between two pages at most, and seconds that a throttling source is waited for at most."""


def stream_name(label: str, stream: str) -> str:
    """The name under which a stream's backfill writes."""
    return f"backfill/{label}/{stream}"


def plan(within: Window, live: Progress, filled: Coverage, stream: Stream, *, again: bool = False) -> list[Window]:
    """What is to be read of ``within``: its gaps or, ``again``, all of it, where live collection does not read.

    ``filled`` is what earlier backfills read. Empty where live collection has not begun.
    """
    frontier = live.reached
    if frontier is None:
        return []
    behind = frontier - stream.overlap
    if live.sweep is not None:
        behind = min(behind, live.sweep.at)
    end = min(within.end, behind if again else frontier)
    if end <= within.start:
        return []
    covered = Coverage([] if again else [*live.covered.windows, *filled.windows])
    return covered.gaps(Window(within.start, end))


def requested(
    start: datetime | None,
    end: datetime | None,
    live: Progress,
    filled: Progress,
    stream: Stream,
    *,
    again: bool = False,
) -> list[Window]:
    """What a request for this span means; without ``start`` every gap, and what an earlier backfill left."""
    covered, frontier = Coverage([*live.covered.windows, *filled.covered.windows]).windows, live.reached
    if frontier is None:
        return []
    begin = start or min([frontier, *(each.start for each in covered)])
    until = max(begin, min(end or frontier, frontier))
    windows = plan(Window(begin, until), live, filled.covered, stream, again=again)
    return windows if start else [*windows, *(Window(*span) for span in filled.todo)]


class Backfill:
    """Reads a stream's missing windows into the lake. ``wait`` sleeps for so many seconds."""

    def __init__(
        self,
        label: str,
        collector: Collector,
        stream: Stream,
        ingester: Ingester,
        *,
        clock: Clock = now_utc,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._reader = SliceReader(label, collector, stream, ingester, clock)
        self._clock, self._wait = clock, wait

    @property
    def left(self) -> Sequence[Window]:
        """What is still to be read, oldest first."""
        return [Window(start, end) for start, end in self._reader.progress.todo]

    def request(self, windows: Sequence[Window]) -> None:
        """Read these windows next, instead of what was left; a slice that is half read is finished first."""
        progress = self._reader.progress
        todo = Coverage(windows)
        if progress.sweep is not None:
            todo.add(Window(progress.sweep.at, progress.sweep.until))
        progress.todo = [(each.start, each.end) for each in todo.windows]
        self._reader.save(progress, self._reader.state)

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Collected]:
        """Read what is left, yielding after every committed page, with a pause as long as the page took.

        Raises:
            Retry: the source refused ``PATIENCE`` times in a row. NeedsOperator: it refuses the credential.
        """
        refusals = 0
        while not stop() and (window := self._next()) is not None:
            try:
                for collected in self._slowly(window):
                    refusals = 0
                    yield collected
                    if stop():
                        return
                self._reader.finish(window, _done(window))
            except (Incomplete, BadRecord) as error:
                if self._reader.divide(window, error, _done(window)):
                    self._forget_slice()
            except Retry as error:
                refusals += 1
                if refusals == PATIENCE:
                    raise
                self._wait(min(error.after if error.after is not None else 5.0 * 2**refusals, LONGEST_WAIT))

    def _slowly(self, window: Window) -> Iterator[Collected]:
        began = self._clock()
        for collected in self._reader.pages(window):
            yield collected
            self._wait(min(max((self._clock() - began).total_seconds(), 0.0), LONGEST_PAUSE))
            began = self._clock()

    def _next(self) -> Window | None:
        """The slice that is half read, or the newest of what is left."""
        progress = self._reader.progress
        if progress.sweep is not None:
            return Window(progress.sweep.at, progress.sweep.until)
        if not progress.todo:
            return None
        start, end = progress.todo[-1]
        step = timedelta(seconds=progress.step) if progress.step else MAX_SLICE
        window = Window(max(start, end - min(step, MAX_SLICE)), end)
        progress.sweep = Sweep(window.start, window.end)
        self._reader.save(progress, self._reader.state)
        return window

    def _forget_slice(self) -> None:
        progress = self._reader.progress
        progress.sweep = None
        self._reader.save(progress, self._reader.state)


def _done(window: Window) -> Callable[[Progress], None]:
    """Take a slice off what is left."""

    def move(progress: Progress) -> None:
        left = [each for span in progress.todo for each in _without(span, window)]
        progress.todo, progress.sweep = left, None

    return move


def _without(span: tuple[datetime, datetime], window: Window) -> Iterator[tuple[datetime, datetime]]:
    start, end = span
    if start < min(end, window.start):
        yield start, min(end, window.start)
    if max(start, window.end) < end:
        yield max(start, window.end), end


def refuse_without_ids(stream: Stream, log_type: LogType) -> None:
    """Reading again needs ids to tell what is stored.

    Raises:
        NeedsOperator: the log type's events have none.
    """
    if log_type.id == "position":
        raise NeedsOperator(
            f"{stream.name}: events of {log_type.name} have no id of the vendor's, so that reading them again would "
            "store them twice: leave out --again"
        )
