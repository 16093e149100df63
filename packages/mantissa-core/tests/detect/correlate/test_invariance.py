"""However one stream of events is cut and shuffled, the results are the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mantissa_core.detect.correlate.replay import match_hit, replayed
from mantissa_core.detect.follow.history import Span, replay

World = Any
RULES = "abx"
TIMES = st.integers(0, 40)
EVENTS = st.lists(
    st.tuples(TIMES, st.sampled_from(RULES), st.sampled_from("12"), st.integers(-3, 9)), min_size=1, max_size=14
)

MONOTONE = {
    "count": ("event_count", ["a", "b"], {"condition": {"gte": 3}, "group_by": ["ip"]}),
    "values": ("value_count", ["a"], {"condition": {"gt": 1, "field": "bytes"}}),
    "both": ("temporal", ["a", "b"], {"group_by": ["ip"]}),
    "either": ("temporal", ["a", "b", "x"], {"condition": "(a or b) and x"}),
    "order": ("temporal_ordered", ["a", "b", "x"], {}),
    "chain": ("event_count", ["both"], {"condition": {"gte": 2}, "group_by": ["ip"]}),
}
WAITING = {
    "few": ("event_count", ["a", "b"], {"condition": {"lt": 3}, "group_by": ["ip"]}),
    "exact": ("event_count", ["a"], {"condition": {"eq": 2}}),
    "sum": ("value_sum", ["a", "b"], {"condition": {"gt": 5, "field": "bytes"}}),
    "median": ("value_median", ["a"], {"condition": {"lte": 2, "field": "bytes"}}),
    "without": ("temporal", ["a", "b"], {"condition": "a and not b", "group_by": ["ip"]}),
    "ordered": ("temporal_ordered", ["a", "b", "x"], {"condition": "a and b and not x"}),
    "above": ("event_count", ["few"], {"condition": {"lt": 2}}),
}


def found(folder: Path, make: Callable[[Path], World], rules: dict[str, Any], batches: list[list[Any]]) -> set[Any]:
    """The results of a world of its own that gets the batches one after the other."""
    with TemporaryDirectory(dir=folder) as place:
        world = make(Path(place))
        documents = [world.correlation(kind, refs, name, **section) for name, (kind, refs, section) in rules.items()]
        world.rules(*(world.base(name) for name in RULES), *documents)
        for batch in batches:
            world.ingest(*batch)
            world.detect()
        world.ingest(world.at(1000, "nothing", key="end"))
        world.detect()
        return {(each.rule_id, each.id) for name in rules for each in world.stored(name)}


def events_of(world: type[Any], drawn: list[tuple[int, str, str, int]]) -> list[Any]:
    return [
        world.at(second, outcome, ip=ip, bytes=str(size), key=f"k{number}")
        for number, (second, outcome, ip, size) in enumerate(drawn)
    ]


def cut(events: list[Any], cuts: list[int]) -> list[list[Any]]:
    places = sorted({min(each, len(events)) for each in cuts} | {0, len(events)})
    return [events[one:two] for one, two in pairwise(places)]


@pytest.fixture(scope="module")
def make(builders: Any, world_class: type[Any]) -> Callable[[Path], World]:
    return lambda folder: world_class(folder, builders)


def replayed_over(folder: Path, make: Callable[[Path], World], rules: dict[str, Any], events: list[Any]) -> set[Any]:
    """The results over the same events without lake, cursors and watermark."""
    with TemporaryDirectory(dir=folder) as place:
        world = make(Path(place))
        documents = [world.correlation(kind, refs, name, **section) for name, (kind, refs, section) in rules.items()]
        loaded = world.rules(*(world.base(name) for name in RULES), *documents)
        world.ingest(*events)
        signals = replay(loaded.rules, world.lake, world.log_types, Span())
        return {(rule.id, each.id) for rule, each in replayed(loaded.correlations, map(match_hit, signals))}


SLOW = settings(
    max_examples=int(os.environ.get("MANTISSA_EXAMPLES", "10")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@SLOW
@given(EVENTS, st.lists(st.integers(0, 14), max_size=4), st.randoms(use_true_random=False))
def test_results_that_data_only_add_to_do_not_depend_on_batches_or_order(
    tmp_path: Path, make: Any, world_class: Any, drawn: Any, cuts: list[int], random: Any
) -> None:
    events = events_of(world_class, drawn)
    shuffled = random.sample(events, len(events))
    assert found(tmp_path, make, MONOTONE, cut(shuffled, cuts)) == found(tmp_path, make, MONOTONE, [events])


@SLOW
@given(EVENTS, st.lists(st.integers(0, 14), max_size=4), st.randoms(use_true_random=False))
def test_results_that_wait_do_not_depend_on_batches_of_data_in_time(
    tmp_path: Path, make: Any, world_class: Any, drawn: Any, cuts: list[int], random: Any
) -> None:
    events = events_of(world_class, sorted(drawn))
    batches = [random.sample(batch, len(batch)) for batch in cut(events, cuts)]
    assert found(tmp_path, make, WAITING, batches) == found(tmp_path, make, WAITING, [events])


@SLOW
@given(EVENTS)
def test_a_replay_in_memory_finds_what_the_engine_finds(
    tmp_path: Path, make: Any, world_class: Any, drawn: Any
) -> None:
    events = events_of(world_class, drawn)
    both = MONOTONE | WAITING
    assert replayed_over(tmp_path, make, both, events) == found(tmp_path, make, both, [events])
