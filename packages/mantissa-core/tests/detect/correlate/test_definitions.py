"""The windows against their definitions, written out naively."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.detect.correlate.correlation import Correlation
from mantissa_core.detect.correlate.hits import Hit
from mantissa_core.detect.correlate.parse import parse_correlation
from mantissa_core.detect.correlate.results import results

SECOND = 1_000_000
SPAN = 10

Drawn = list[tuple[int, str, str, str]]
HITS = st.lists(
    st.tuples(
        st.integers(0, 25), st.sampled_from("abc"), st.sampled_from(["1", "2", "30"]), st.sampled_from("pqrstuvw")
    ),
    max_size=9,
)


def correlation(kind: str, rules: str, condition: Any = None) -> Correlation:
    section = {"type": kind, "rules": list(rules), "timespan": f"{SPAN}s", "condition": condition}
    if condition is None or isinstance(condition, str):
        section = {key: value for key, value in section.items() if value is not None}
    found = parse_correlation({"title": "t", "id": "c", "correlation": section})
    object.__setattr__(found, "ids", {name: name for name in found.rules})
    return found


def hits_of(drawn: Drawn) -> list[Hit]:
    """An event has one time: its key tells it. Several rules may match it."""
    unique = {(time, key, rule): value for time, rule, value, key in drawn}
    return [
        Hit(time * SECOND, f"{time}{key}", f"{time}{key}{rule}", rule, "t", (f"{time}{key}",), "{}", {"v": (value,)})
        for (time, key, rule), value in sorted(unique.items())
    ]


def fired(rule: Correlation, hits: list[Hit]) -> set[tuple[int, str]]:
    """When, and by which event, the correlation was completed."""
    return {(micros(each), each.event_ids[-1]) for each in results(rule, hits, lambda _: True)}


def micros(signal: Any) -> int:
    return int(signal.time.timestamp())


def events(hits: list[Hit], rules: str) -> dict[tuple[int, str], list[str]]:
    """Events of these rules in order, with the values of each."""
    found: dict[tuple[int, str], list[str]] = {}
    for hit in sorted(hits, key=lambda each: (each.time, each.key, each.signal)):
        if hit.rule in rules:
            found.setdefault((hit.time // SECOND, hit.key), []).extend(
                value for value in hit.fields["v"] if value not in found.get((hit.time // SECOND, hit.key), [])
            )
    return found


def window(seen: dict[tuple[int, str], list[str]], at: tuple[int, str]) -> list[list[str]]:
    return [values for each, values in seen.items() if each <= at and at[0] - each[0] <= SPAN]


MEASURES = {
    "event_count": len,
    "value_count": lambda inside: len({value for values in inside for value in values}),
    "value_sum": lambda inside: sum(int(value) for values in inside for value in values),
    "value_avg": lambda inside: Fraction(
        sum(int(value) for values in inside for value in values), sum(map(len, inside)) or 1
    ),
    "value_median": lambda inside: median(int(value) for values in inside for value in values),
}


@pytest.mark.parametrize("kind", MEASURES)
@settings(max_examples=60, deadline=None)
@given(drawn=HITS, threshold=st.integers(1, 5))
def test_a_measure_is_of_the_events_of_one_timespan_up_to_this_one(kind: str, drawn: Drawn, threshold: int) -> None:
    hits, condition = hits_of(drawn), {"gte": threshold}
    rule = correlation(kind, "ab", condition if kind == "event_count" else {**condition, "field": "v"})
    seen = events(hits, "ab")
    assert fired(rule, hits) == {at for at in seen if MEASURES[kind](window(seen, at)) >= threshold}


@settings(max_examples=100, deadline=None)
@given(drawn=HITS, threshold=st.integers(2, 4))
def test_few_means_that_no_window_around_it_reaches_the_threshold(drawn: Drawn, threshold: int) -> None:
    hits = hits_of(drawn)
    seen = events(hits, "ab")
    few = [
        at
        for at in seen
        if not any(len(window(seen, end)) >= threshold for end in seen if end >= at and end[0] - at[0] <= SPAN)
    ]
    order = list(seen)
    first = {
        at
        for at in few
        if not (order.index(at) and order[order.index(at) - 1] in few and at[0] - order[order.index(at) - 1][0] <= SPAN)
    }
    assert fired(correlation("event_count", "ab", {"lt": threshold}), hits) == first


@settings(max_examples=150, deadline=None)
@given(drawn=HITS)
def test_ordered_means_that_some_events_one_after_the_other_take_the_steps(drawn: Drawn) -> None:
    hits = hits_of(drawn)
    expected = {
        (c.time // SECOND, c.key)
        for a, b, c in product(*([hit for hit in hits if hit.rule == step] for step in "abc"))
        if a.time <= b.time <= c.time and len({a.key, b.key, c.key}) == 3 and c.time - a.time <= SPAN * SECOND
    }
    assert fired(correlation("temporal_ordered", "abc"), hits) == expected


@settings(max_examples=150, deadline=None)
@given(drawn=HITS)
def test_absent_means_nowhere_within_a_timespan_before_or_after(drawn: Drawn) -> None:
    hits = sorted(hits_of(drawn), key=lambda hit: (hit.time, hit.key, hit.signal))

    def near(rule: str, hit: Hit) -> bool:
        return any(each.rule == rule and abs(each.time - hit.time) <= SPAN * SECOND for each in hits)

    def before(rule: str, place: int) -> bool:
        now = hits[place].time
        return any(each.rule == rule and now - each.time <= SPAN * SECOND for each in hits[: place + 1])

    expected = {
        (hit.time // SECOND, hit.key)
        for place, hit in enumerate(hits)
        if hit.rule in "ab" and before("a", place) and before("b", place) and not near("c", hit)
    }
    assert fired(correlation("temporal", "abc", "a and b and not c"), hits) == expected
