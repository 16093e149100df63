from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.listing import MOST, Item, Progress

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
OVERLAP = timedelta(hours=24)


def item(key: str, age: timedelta = timedelta(0), version: str = '"1"') -> Item:
    return Item(key, version, 10, NOW - age)


def run(state: Mapping[str, object], listing: Sequence[Item]) -> tuple[list[str], dict[str, object]]:
    """One pass: what is new, and the state behind it."""
    passing = Progress(state, NOW - OVERLAP)
    new = []
    for each in sorted((each for each in listing if each.key > passing.floor), key=lambda each: each.key):
        if passing.is_new(each):
            new.append(each.key)
        passing.passed(each)
    passing.finished()
    return new, passing.to_state()


def test_an_object_that_appears_behind_others_is_found() -> None:
    new, state = run({}, [item("b"), item("d")])
    assert new == ["b", "d"]
    assert run(state, [item("a"), item("b"), item("c"), item("d")])[0] == ["a", "c"]


def test_an_object_that_is_overwritten_is_read_again() -> None:
    _, state = run({}, [item("a"), item("b")])
    assert run(state, [item("a", version='"2"'), item("b")])[0] == ["a"]


def test_settled_objects_are_not_remembered_one_by_one() -> None:
    old = [item(f"{number:03}", age=timedelta(hours=25)) for number in range(100)]
    _, state = run({}, [*old, item("100"), item("101")])
    assert state["floor"] == "099"
    assert len(state["known"]) == 2  # type: ignore[arg-type]


def test_an_old_object_behind_a_new_one_does_not_lift_the_floor_over_it() -> None:
    _, state = run({}, [item("a"), item("b", age=timedelta(hours=30))])
    assert state["floor"] == ""
    assert run(state, [item("a"), item("a1"), item("b", age=timedelta(hours=30))])[0] == ["a1"]


def test_more_objects_than_are_remembered_lift_the_floor() -> None:
    listing = [item(f"{number:06}") for number in range(MOST + 500)]
    new, state = run({}, listing)
    assert len(new) == len(listing)
    assert state["floor"] == "000499"
    assert len(json.dumps(state)) < 100_000
    assert run(state, listing)[0] == []


def test_objects_that_were_deleted_are_forgotten() -> None:
    _, state = run({}, [item("a"), item("b"), item("c")])
    assert len(run(state, [item("c")])[1]["known"]) == 1  # type: ignore[arg-type]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), max_size=6), st.data())
@settings(max_examples=80, deadline=None)
def test_every_object_is_read_once_whenever_it_appears_and_wherever_a_pass_stops(
    arrivals: list[list[str]], data: st.DataObject
) -> None:
    there: dict[str, Item] = {}
    read: list[str] = []
    state: dict[str, object] = {}
    for keys in arrivals:
        there |= {key: item(key) for key in keys}
        passing = Progress(json.loads(json.dumps(state)), NOW - OVERLAP)
        listing = [there[key] for key in sorted(there) if key > passing.floor]
        stop = data.draw(st.integers(0, len(listing)))
        for each in listing[:stop]:
            read += [each.key] if passing.is_new(each) else []
            passing.passed(each)
        if stop == len(listing):
            passing.finished()
        state = passing.to_state()
    read += run(state, list(there.values()))[0]
    assert sorted(read) == sorted(there)
