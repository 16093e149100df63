"""One stream's collection: plan the window, read pages, commit each, acknowledge, remember what is covered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Stream, Window

from .coverage import Coverage
from .ingest import Ingested, Ingester

MAX_WINDOW = timedelta(days=1)


@dataclass(slots=True)
class Collected:
    """One run of a stream. ``more`` says that there is work left for at once."""

    label: str
    stream: str
    pages: int = 0
    more: bool = False
    ingested: Ingested = field(default_factory=Ingested)


class StreamRunner:
    """Reads one stream of one collector into the lake.

    Errors of the collector pass through (``Retry``, ``NeedsOperator``, ``PluginError``); what was committed
    before stays, and the next run goes on from there.
    """

    def __init__(
        self,
        label: str,
        collector: Collector,
        stream: Stream,
        ingester: Ingester,
        *,
        lookback: timedelta = timedelta(hours=24),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._label, self._collector, self._stream, self._ingester = label, collector, stream, ingester
        self._lookback, self._clock = lookback, clock

    def run(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Collected]:
        """Read until the source has no more, yielding after every committed page."""
        for window in self._windows():
            result = Collected(self._label, self._stream.name)
            state = dict(self._ingester.progress.get("state", {}))
            for page in self._collector.read(self._stream, window, state):
                result.ingested = self._commit(page, window)
                result.pages, result.more = 1, page.more
                yield result
                if stop():
                    return
                result = Collected(self._label, self._stream.name)
            self._cover(window)

    def _windows(self) -> list[Window]:
        """What is to be read now: for windowed streams at most a day at a time, overlap included."""
        now = self._clock()
        if not self._stream.windowed:
            return [Window(now, now)]
        coverage = self._coverage()
        end = max(now - self._stream.delay, coverage.end or now - self._lookback)
        start = (coverage.end or now - self._lookback) - self._stream.overlap
        windows = []
        while start < end:
            step = min(start + MAX_WINDOW + self._stream.overlap, end)
            windows.append(Window(start, step))
            start = step if step == end else step - self._stream.overlap
        return windows

    def _coverage(self) -> Coverage:
        return Coverage.from_json(self._ingester.progress.get("coverage", []))

    def _commit(self, page: Page, window: Window) -> Ingested:
        ingested = self._ingester.ingest(page, self._stream.log_type, self._progress(window, page.complete_until))
        if page.acks:
            self._collector.acknowledge(self._stream, page.acks)
        return ingested

    def _cover(self, window: Window) -> None:
        """Record a window that was read to its end."""
        if self._stream.windowed:
            state = self._ingester.progress.get("state", {})
            self._ingester.ingest(Page(state), self._stream.log_type, self._progress(window, window.end))

    def _progress(self, window: Window, until: datetime | None) -> Mapping[str, Any]:
        coverage = self._coverage()
        if self._stream.windowed and until is not None and until > window.start:
            coverage.add(Window(window.start, min(until, window.end)))
        return {"coverage": coverage.to_json()}
