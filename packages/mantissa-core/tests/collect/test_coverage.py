"""Coverage behaves as the set of instants that it stands for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.collect import Coverage
from mantissa_core.model import Window

START = datetime(2026, 1, 1, tzinfo=UTC)
spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted), max_size=8)


def _window(low, high):
    return Window(START + timedelta(minutes=low), START + timedelta(minutes=high))


def _minutes(windows):
    return {
        minute
        for window in windows
        for minute in range(41)
        if window.start <= START + timedelta(minutes=minute) < window.end
    }


@given(spans)
def test_coverage_holds_exactly_the_minutes_that_were_added(pairs):
    coverage = Coverage(_window(*pair) for pair in pairs)
    assert _minutes(coverage.windows) == {minute for low, high in pairs for minute in range(low, high)}


@given(spans)
def test_windows_stay_apart_and_in_order(pairs):
    windows = Coverage(_window(*pair) for pair in pairs).windows
    assert all(left.end < right.start for left, right in pairwise(windows))


@given(spans, st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted))
def test_gaps_are_what_is_missing(pairs, asked):
    coverage = Coverage(_window(*pair) for pair in pairs)
    missing = set(range(*asked)) - {minute for low, high in pairs for minute in range(low, high)}
    assert _minutes(coverage.gaps(_window(*asked))) == missing


@given(spans)
def test_it_survives_json(pairs):
    coverage = Coverage(_window(*pair) for pair in pairs)
    assert Coverage.from_json(coverage.to_json()).windows == coverage.windows


def test_a_window_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Window(datetime(2026, 1, 1), START)


def test_a_window_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="before it starts"):
        _window(5, 4)
