"""Histograms answer with a bound that holds, and stay small."""

from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.collect.histogram import BOUNDS, MEMORY, Histogram

spans = st.lists(st.floats(-10, BOUNDS[-1]), min_size=1, max_size=50)


def _of(seconds):
    histogram = Histogram()
    for each in seconds:
        histogram.add(each)
    return histogram


@given(spans, st.sampled_from([0.5, 0.99, 1.0]))
def test_a_quantile_is_a_bound_that_so_many_keep(seconds, share):
    bound = _of(seconds).quantile(share)
    assert sum(each <= bound for each in seconds) >= share * len(seconds)
    tighter = [each for each in BOUNDS if each < bound]
    assert not tighter or sum(each <= tighter[-1] for each in seconds) < share * len(seconds)


def test_beyond_the_last_bound_nothing_is_promised():
    assert _of([BOUNDS[-1] + 1]).quantile(0.5) == float("inf")
    assert Histogram().quantile(0.5) is None


@given(spans)
def test_it_survives_json(seconds):
    histogram = _of(seconds)
    assert Histogram(histogram.to_json()).counts == histogram.counts


def test_the_past_fades():
    histogram = Histogram()
    for _ in range(50):
        old = Histogram()
        old.add(1, MEMORY // 2)
        histogram.merge(old)
    new = Histogram()
    new.add(3600, MEMORY // 2)
    histogram.merge(new)
    assert histogram.total <= MEMORY
    assert histogram.quantile(0.99) == 3600
