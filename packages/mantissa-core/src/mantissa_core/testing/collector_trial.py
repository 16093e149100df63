"""What every test of a collector needs: events in the fake, the collector as a new process has it, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from mantissa_core.hookspecs import Collector, Parser
from mantissa_core.model import Window
from mantissa_core.vendor_api.budget import forget_shared

from .collector_reader import Reader
from .collector_source import Event, Fault, Queue, Source
from .conformance import proves


class CollectorTrial:
    """The fake, the collector, and how they are brought together."""

    conforms_to: ClassVar[str] = "mantissa.collectors"
    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`collector` configures."""
    start: ClassVar[datetime] = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
    """Where the events begin; a minute lies between two."""
    stream: ClassVar[str] = ""
    """The stream that is tested; the first one where none is named."""
    most_at_once: ClassVar[int | None] = None
    """How many events of one instant the source can give, where it pages by time alone."""

    @pytest.fixture
    def source(self) -> Iterator[Source]:
        """Yield a fresh fake."""
        raise NotImplementedError("override the fixture 'source'")

    def collector(self, source: Any) -> Collector:
        """Build a collector that reads from ``source``. Called anew for each process that a test pretends."""
        raise NotImplementedError("override 'collector'")

    def decoder(self) -> Parser | None:
        """The decoder for the blobs of pages."""
        return None

    def event_id(self, record: Mapping[str, Any]) -> str:
        """Find :attr:`Event.id` in a record."""
        return str(record["id"])

    def _window(self) -> Window:
        return Window(self.start, self.start + timedelta(hours=6))

    def _put(self, source: Any, pages: int) -> list[Event]:
        """Fill so many pages, the last one but for one event."""
        count = pages * source.page_size - (1 if source.page_size > 1 else 0)
        events = [Event(f"e{number}", self.start + timedelta(minutes=number)) for number in range(count)]
        assert events[-1].time < self._window().end, "page_size is too large for these tests"
        source.put(events)
        return events

    def _late(self, reader: Reader) -> list[Event]:
        """One event behind all others, and one that appears as late as the stream allows for."""
        end = self._window().end
        new = Event("new", end + timedelta(minutes=1))
        if not reader.stream.windowed or reader.stream.overlap:
            return [new, Event("late", end - (reader.stream.overlap or timedelta(hours=1)) / 2)]
        return [new]

    def _reader(self, source: Any) -> Reader:
        """Read from the beginning."""
        if isinstance(source, Queue):
            source.announce_again()
        collector = self._start(source)
        named = {each.name: each for each in collector.streams()}
        stream = named[self.stream] if self.stream else collector.streams()[0]
        return Reader(collector, stream, self.event_id, self.decoder())

    def _start(self, source: Any) -> Collector:
        """The collector as a new process has it: what the former one knew of limits is forgotten."""
        forget_shared()
        collector = self.collector(source)
        proves(self, collector)
        return collector

    def _read_all(self, source: Any) -> Reader:
        reader = self._reader(source)
        reader.read(self._window())
        return reader

    def _pages(self, source: Any) -> int:
        return self._read_all(source).pages

    def _expect(self, reader: Reader, events: Sequence[Event], when: str = "") -> None:
        expected = Counter(event.id for event in events)
        missing, foreign = sorted(expected - reader.ids), sorted(reader.ids - expected)
        assert not missing, f"not read: {missing[:10]} {when}"
        assert not foreign, f"read but never there: {foreign[:10]} {when}"

    def _kill_everywhere(self, source: Any, events: Sequence[Event]) -> None:
        for pages in range(self._pages(source) + 1):
            reader = self._reader(source)
            reader.read(self._window(), limit=pages)
            reader.peek(self._window())
            reader = reader.restarted(self._start(source))
            reader.read(self._window())
            self._expect(reader, events, f"killed after page {pages}")

    def _inject(self, source: Any, fault: Fault, after: int = 0) -> None:
        if fault not in source.faults:
            pytest.skip(f"the fake cannot do {fault.name}")
        source.inject(fault, after)
