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
from datetime import timedelta
from typing import Any

import pytest

from mantissa_core.errors import MantissaError, NeedsOperator
from mantissa_core.model import Window

from .collector_faults import FaultTests
from .collector_reader import Reader
from .collector_source import Event, Fault, Queue, Source

__all__ = ["CollectorContract", "Event", "Fault", "Queue", "Reader", "Source"]

STATE_LIMIT = 100 * 1024
"""Bytes of JSON that ``next_state`` may have."""


class CollectorContract(FaultTests):
    """What every collector must do. Override :meth:`source`, :meth:`collector` and where needed the rest."""

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
        again = reader.restarted(self._start(source))
        again.read(self._window())
        self._expect(again, events)

    def test_a_second_read_finds_what_is_new(self, source: Any) -> None:
        """Reading goes on where it stopped, and finds what appeared late."""
        events = self._put(source, pages=2)
        reader = self._read_all(source)
        late = self._late(reader)
        source.put(late)
        reader = reader.restarted(self._start(source))
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
            reader = reader.restarted(self._start(source))
            reader.read(reader.next_window(self._window(), later))
            self._expect(reader, events, f"stopped after page {pages}, then asked for the next window")

    def test_equal_timestamps_at_a_page_boundary_are_all_read(self, source: Any) -> None:
        """Resuming by time alone would skip or repeat for ever."""
        at = self.start + timedelta(minutes=5)
        count = min(3 * source.page_size + 1, self.most_at_once or 1_000)
        events = [Event(f"same-{number}", at) for number in range(count)]
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

    def test_unsorted_events_are_all_read(self, source: Any) -> None:
        """Pages may come in no order; progress counts at the end of the walk only."""
        events = self._put(source, pages=4)
        self._inject(source, Fault.SHUFFLED)
        self._kill_everywhere(source, events)
        self.test_a_restart_with_the_next_window_loses_nothing(source)

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


def _everything_said(error: BaseException | None) -> str:
    """An error's text with those of its causes."""
    texts = []
    while error is not None:
        texts.append(repr(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)
