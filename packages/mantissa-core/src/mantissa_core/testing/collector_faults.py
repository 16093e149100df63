"""What a collector must survive: a source that refuses, breaks off, repeats itself, and tells the wrong time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator, Retry
from mantissa_core.model import Window

from .collector_reader import Reader
from .collector_source import Event, Fault
from .collector_trial import CollectorTrial

PATIENCE = 60.0
"""Seconds after which a read that yields nothing counts as hanging."""
PASSING = (
    Fault.RATE_LIMIT,
    Fault.SERVER_ERROR,
    Fault.TIMEOUT,
    Fault.TRUNCATED,
    Fault.RESET,
    Fault.ERROR_PAGE,
    Fault.ERROR_DOCUMENT,
)
"""What ends by itself: the runtime tries again."""


class FaultTests(CollectorTrial):
    """Each test makes the fake misbehave and compares what was read with what was put."""

    @pytest.mark.parametrize("after", [0, 1])
    @pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
    def test_a_passing_failure_asks_for_a_retry(self, source: Any, fault: Fault, after: int) -> None:
        """429, 5xx, time-outs, broken answers and error pages become ``Retry``, and nothing is lost."""
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

    def test_a_rate_limit_goes_by_the_sources_clock(self, source: Any) -> None:
        """A reset is a moment of the source's clock; ours may be hours away from it."""
        self._put(source, pages=1)
        self._inject(source, Fault.SKEWED_CLOCK)
        with pytest.raises(Retry) as raised:
            self._reader(source).read(self._window())
        after = raised.value.after
        assert after is None or 0 < after < 3_600, f"Retry.after is {after}: the clocks' difference is part of it"

    @pytest.mark.parametrize("after", [0, 1])
    def test_a_lapsed_token_is_replaced_on_the_way(self, source: Any, after: int) -> None:
        """An access token may end before its time: a new one is fetched, the walk goes on."""
        events = self._put(source, pages=3)
        reader = self._reader(source)
        self._inject(source, Fault.TOKEN_LAPSED, after)
        reader.read(self._window())
        self._expect(reader, events)

    @pytest.mark.parametrize("after", [0, 1, 2])
    def test_an_empty_page_with_a_cursor_is_not_the_end(self, source: Any, after: int) -> None:
        """Where a source filters behind its pages, one may be empty and the next full."""
        events = self._put(source, pages=4)
        self._inject(source, Fault.EMPTY_PAGE, after)
        reader = self._read_all(source)
        self._expect(reader, events)

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

    def test_events_that_appear_during_a_walk_are_read_in_the_end(self, source: Any) -> None:
        """A source goes on writing while it is read, also behind the place, as late as the stream allows for."""
        reader = self._reader(source)
        late = reader.stream.overlap if reader.stream.windowed else timedelta(0)
        step, end = (late or timedelta(hours=1)) / (4 * source.page_size), self._window().end
        events = [
            Event(f"e{number}", end - step * (4 * source.page_size - number)) for number in range(4 * source.page_size)
        ]
        source.put(events)
        reader.read(self._window(), limit=2)
        new = [Event("new-behind", events[0].time + step / 2)] if late else []
        new += [Event("new-ahead", end + timedelta(minutes=2))]
        source.put(new)
        reader = reader.restarted(self._start(source))
        reader.read(reader.next_window(self._window(), end))
        reader.read(reader.next_window(self._window(), end + timedelta(hours=1)))
        self._expect(reader, [*events, *new])

    def test_the_hour_that_the_clocks_repeat_is_read(self, source: Any) -> None:
        """Times are UTC, wherever the machine stands: local ones are ambiguous for an hour each autumn."""
        first = datetime(2025, 10, 25, 23, 30, tzinfo=UTC)
        events = [Event(f"e{number}", first + timedelta(minutes=number * 15)) for number in range(8)]
        source.put(events)
        reader = self._reader(source)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TZ", "Europe/Berlin")
            time.tzset()
            reader.read(Window(first, first + timedelta(hours=2)))
        time.tzset()
        self._expect(reader, events)

    @pytest.mark.parametrize("seed", range(3))
    def test_faults_and_kills_in_any_order_lose_nothing(self, source: Any, seed: int) -> None:
        """What is in the lake in the end equals what the source has, whatever happened on the way."""
        draw = random.Random(seed)  # noqa: S311  # no secret depends on it
        end = self._window().end
        events = self._put(source, pages=5)
        faults = sorted({*PASSING, Fault.TOKEN_EXPIRED} & source.faults - {Fault.TIMEOUT}, key=lambda each: each.name)
        reader = self._reader(source)
        for number in range(8):
            reader = reader.restarted(self._start(source))
            if faults and draw.random() < 0.7:
                source.inject(draw.choice(faults), draw.randrange(3))
            with suppress(Retry, NeedsOperator):  # what the runtime is told to expect
                reader.read(reader.next_window(self._window(), end), limit=draw.randrange(1, 4))
            source.heal()
            if reader.stream.windowed and reader.stream.overlap >= timedelta(minutes=1):
                late = Event(f"late-{number}", end - timedelta(seconds=60 - number))
                source.put([late])
                events.append(late)
        reader = reader.restarted(self._start(source))
        reader.read(reader.next_window(self._window(), end))
        reader.read(reader.next_window(self._window(), end + timedelta(hours=1)))
        self._expect(reader, events, f"seed {seed}")

    def test_cursors_beyond_2_53_survive(self, source: Any) -> None:
        """Cursors are stored as text: many stores keep numbers as doubles."""
        self._inject(source, Fault.BIG_CURSORS)
        self._kill_everywhere(source, self._put(source, pages=4))

    def _fail(self, source: Any, fault: Fault, after: int, expected: type[MantissaError]) -> Reader:
        self._inject(source, fault, after)
        reader = self._reader(source)
        with pytest.raises(expected) as raised:
            _patiently(lambda: reader.read(self._window()))
        assert type(raised.value) is expected, f"{fault.name} became {raised.value!r}"
        return reader

    def _recover(self, source: Any, reader: Reader, events: Sequence[Event]) -> None:
        source.heal()
        reader = reader.restarted(self._start(source))
        reader.read(self._window())
        self._expect(reader, events, "after the failure")


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
