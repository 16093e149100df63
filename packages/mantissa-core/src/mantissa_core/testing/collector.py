"""Conformance kit for collectors: subclass :class:`CollectorContract` in a test module.

The author supplies a fake of the source, and how to build the collector against it::

    class TestAudit(CollectorContract):
        secrets = ("s3cret",)

        @pytest.fixture
        def source(self):
            with FakeAudit() as fake:  # an http.server in a thread, moto, a folder…
                yield fake

        def collector(self, source):
            return Audit(Audit.Config(url=source.url, token="s3cret"))

Each test puts events into the fake, makes it misbehave, reads as the runtime does, and compares what was read with
what was put. What the fake cannot do (:attr:`Source.faults`) is skipped.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.hookspecs import Collector, Parser
from mantissa_core.model import Window

from .collector_reader import Reader
from .collector_source import Event, Fault, Source

__all__ = ["CollectorContract", "Event", "Fault", "Reader", "Source"]

STATE_LIMIT = 100 * 1024
"""Bytes of JSON that ``next_state`` may have."""
PATIENCE = 60.0
"""Seconds after which a read that yields nothing counts as hanging."""


class CollectorContract:
    """What every collector must do. Override :meth:`source`, :meth:`collector` and where needed the rest."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """The credentials that :meth:`collector` configures."""
    start: ClassVar[datetime] = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
    """Where the events begin; a minute lies between two."""

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

    # -- what is read ------------------------------------------------------------------------------------------

    def test_every_event_is_read(self, source: Any) -> None:
        """What the source has, comes."""
        events = self._put(source, pages=3)
        self._expect(self._read_all(source), events)

    def test_an_empty_source_is_read_without_harm(self, source: Any) -> None:
        """Nothing to read is no error, and does not hide what comes later."""
        reader = self._read_all(source)
        self._expect(reader, [])
        events = self._put(source, pages=1)
        again = reader.restarted(self.collector(source))
        again.read(self._window())
        self._expect(again, events)

    def test_a_second_read_finds_what_is_new(self, source: Any) -> None:
        """Reading goes on where it stopped, and finds what appeared late."""
        events = self._put(source, pages=2)
        reader = self._read_all(source)
        late = self._late(reader)
        source.put(late)
        reader = reader.restarted(self.collector(source))
        reader.read(reader.next_window(self._window(), self._window().end + timedelta(hours=1)))
        self._expect(reader, [*events, *late])

    def test_a_kill_at_any_page_loses_nothing(self, source: Any) -> None:
        """A new process goes on from the last committed state, whichever page that was."""
        self._kill_everywhere(source, self._put(source, pages=4))

    def test_a_restart_with_the_next_window_loses_nothing(self, source: Any) -> None:
        """``complete_until`` is no empty promise: what it covers is not asked for again."""
        events = self._put(source, pages=4)
        later = self._window().end + timedelta(hours=1)
        for pages in range(self._pages(source) + 1):
            reader = self._reader(source)
            reader.read(self._window(), limit=pages)
            reader = reader.restarted(self.collector(source))
            reader.read(reader.next_window(self._window(), later))
            self._expect(reader, events, f"stopped after page {pages}, then asked for the next window")

    def test_equal_timestamps_at_a_page_boundary_are_all_read(self, source: Any) -> None:
        """Resuming by time alone would skip or repeat for ever."""
        at = self.start + timedelta(minutes=5)
        events = [Event(f"same-{number}", at) for number in range(3 * source.page_size + 1)]
        events += [Event("before", self.start), Event("after", at + timedelta(minutes=1))]
        source.put(events)
        self._kill_everywhere(source, events)

    def test_adjacent_windows_leave_no_gap(self, source: Any) -> None:
        """An event at the instant where two windows meet belongs to the second."""
        events = self._put(source, pages=3)
        reader = self._reader(source)
        if not reader.stream.windowed:
            pytest.skip("the stream is read from its state, not by windows")
        middle = events[len(events) // 2].time
        reader.read(Window(self._window().start, middle))
        reader.read(Window(middle, self._window().end))
        self._expect(reader, events)

    # -- what goes wrong ---------------------------------------------------------------------------------------

    @pytest.mark.parametrize("after", [0, 1])
    @pytest.mark.parametrize(
        "fault", [Fault.RATE_LIMIT, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.TRUNCATED], ids=lambda fault: fault.name
    )
    def test_a_passing_failure_asks_for_a_retry(self, source: Any, fault: Fault, after: int) -> None:
        """429, 5xx, time-outs and broken answers become ``Retry``, and nothing is lost."""
        events = self._put(source, pages=3)
        reader = self._fail(source, fault, after, Retry)
        self._recover(source, reader, events)

    @pytest.mark.parametrize("after", [0, 1])
    def test_a_refused_credential_needs_the_operator(self, source: Any, after: int) -> None:
        """401 and 403 become ``NeedsOperator``, at the start and in the middle of a walk."""
        events = self._put(source, pages=3)
        reader = self._fail(source, Fault.TOKEN_EXPIRED, after, NeedsOperator)
        self._recover(source, reader, events)

    def test_a_rate_limit_says_when_to_come_back(self, source: Any) -> None:
        """``Retry.after`` is a span in seconds, whatever the source's header holds."""
        self._put(source, pages=1)
        self._inject(source, Fault.RATE_LIMIT)
        with pytest.raises(Retry) as raised:
            self._reader(source).read(self._window())
        assert raised.value.after is None or 0 < raised.value.after <= 86_400, "Retry.after is in seconds from now"

    def test_endless_pagination_is_stopped(self, source: Any) -> None:
        """A cursor that repeats becomes an error: neither a loop nor a silent end."""
        self._put(source, pages=3)
        self._inject(source, Fault.ENDLESS, after=1)
        with pytest.raises(MantissaError):
            _patiently(lambda: self._reader(source).read(self._window()))

    def test_repeated_events_do_no_harm(self, source: Any) -> None:
        """Pages may overlap."""
        events = self._put(source, pages=4)
        self._inject(source, Fault.DUPLICATES)
        self._kill_everywhere(source, events)

    def test_unsorted_events_are_all_read(self, source: Any) -> None:
        """Pages may come in no order; progress counts at the end of the walk only."""
        events = self._put(source, pages=4)
        self._inject(source, Fault.SHUFFLED)
        self._kill_everywhere(source, events)
        self.test_a_restart_with_the_next_window_loses_nothing(source)

    def test_cursors_beyond_2_53_survive(self, source: Any) -> None:
        """Cursors are stored as text: many stores keep numbers as doubles."""
        self._inject(source, Fault.BIG_CURSORS)
        self._kill_everywhere(source, self._put(source, pages=4))

    # -- manners -----------------------------------------------------------------------------------------------

    def test_streams_are_named_once_and_for_ever(self, source: Any) -> None:
        """Progress is stored under a stream's name."""
        streams = self.collector(source).streams()
        names = [stream.name for stream in streams]
        assert names, "streams() names none"
        assert len(set(names)) == len(names), f"two streams have one name: {names}"
        assert names == [stream.name for stream in self.collector(source).streams()]

    def test_the_state_stays_small(self, source: Any) -> None:
        """The state is committed with every page."""
        self._put(source, pages=20)
        reader = self._reader(source)
        for page in reader.collector.read(reader.stream, self._window(), {}):
            size = len(json.dumps(page.next_state).encode())
            assert size <= STATE_LIMIT, f"next_state has {size:,} bytes, {STATE_LIMIT:,} are allowed"

    def test_secrets_stay_out_of_sight(self, source: Any) -> None:
        """No credential in a repr, a state or an error."""
        self._put(source, pages=2)
        reader = self._read_all(source)
        seen = [repr(reader.collector), repr(vars(reader.collector)), json.dumps(reader.state)]
        for fault in source.faults & {Fault.TOKEN_EXPIRED, Fault.SERVER_ERROR}:
            source.inject(fault)
            with pytest.raises(MantissaError) as raised:
                self._reader(source).read(self._window())
            seen.append(_everything_said(raised.value))
            source.heal()
        assert not [text for text in seen if any(secret in text for secret in self.secrets)], "a secret shows"

    def test_check_tells_a_good_credential_from_a_bad_one(self, source: Any) -> None:
        """``check`` is what ``mantissa doctor`` asks."""
        check = getattr(self.collector(source), "check", None)
        if check is None:
            pytest.skip("the collector has no check()")
        check()
        self._inject(source, Fault.TOKEN_EXPIRED)
        with pytest.raises(NeedsOperator):
            check()

    # -- helpers -----------------------------------------------------------------------------------------------

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
        collector = self.collector(source)
        return Reader(collector, collector.streams()[0], self.event_id, self.decoder())

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
            reader = reader.restarted(self.collector(source))
            reader.read(self._window())
            self._expect(reader, events, f"killed after page {pages}")

    def _inject(self, source: Any, fault: Fault, after: int = 0) -> None:
        if fault not in source.faults:
            pytest.skip(f"the fake cannot do {fault.name}")
        source.inject(fault, after)

    def _fail(self, source: Any, fault: Fault, after: int, expected: type[MantissaError]) -> Reader:
        self._inject(source, fault, after)
        reader = self._reader(source)
        with pytest.raises(expected) as raised:
            _patiently(lambda: reader.read(self._window()))
        assert type(raised.value) is expected, f"{fault.name} became {raised.value!r}"
        return reader

    def _recover(self, source: Any, reader: Reader, events: Sequence[Event]) -> None:
        source.heal()
        reader = reader.restarted(self.collector(source))
        reader.read(self._window())
        self._expect(reader, events, "after the failure")


def _everything_said(error: BaseException | None) -> str:
    """An error's text with those of its causes."""
    texts = []
    while error is not None:
        texts.append(repr(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _patiently(call: Callable[[], None]) -> None:
    """Run ``call``, and fail where it never returns."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  # handed over to the caller's thread
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        pytest.fail("read() hangs: it neither yields, returns nor raises")
    if raised:
        raise raised[0]
