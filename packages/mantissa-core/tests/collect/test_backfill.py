"""Backfill fills gaps, newest first, beside live collection."""

from datetime import timedelta

import pytest
from mantissa_core.collect import Coverage, Progress
from mantissa_core.collect.backfill import MAX_SLICE, plan, refuse_without_ids, stream_name
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.model import LogType, Window

from .conftest import LOG_TYPE, OVERLAP, START

BEFORE = Window(START - timedelta(days=2), START)


def _plan(world, within=BEFORE, again=False):
    live = Progress.load(world.ingester().progress)
    filled = Progress.load(world.ingester(stream_name("fake", "audit")).progress).covered
    return plan(within, live, filled, world.vendor.streams()[0], again=again)


def _run(world, within=BEFORE, again=False):
    backfill = world.backfill()
    backfill.request(_plan(world, within, again))
    return list(backfill.run())


def test_gaps_are_read_newest_first_in_short_windows(world):
    names = {world.vendor.put(START - timedelta(hours=hours)) for hours in range(3, 40, 4)}
    world.collect()
    assert not world.stored()
    world.vendor.asked.clear()
    _run(world)
    assert world.stored() == dict.fromkeys(names, 1)
    ends = [window.end for window in world.vendor.asked]
    assert ends == sorted(ends, reverse=True)
    assert max(each.end - each.start for each in world.vendor.asked) == MAX_SLICE
    assert _plan(world) == []


def test_what_was_given_up_is_filled_once_the_source_can_be_read(world):
    name = world.vendor.put(START - timedelta(minutes=30))
    world.vendor.poison = [START - timedelta(minutes=30)]
    world.collect()
    assert not world.stored()
    world.vendor.poison = []
    _run(world, Window(START - timedelta(hours=1), START))
    assert world.stored() == {name: 1}


def test_live_collection_is_not_touched(world):
    world.collect()
    world.restart()
    before = dict(world.ingester().progress)
    world.vendor.put(START - timedelta(hours=20))
    _run(world)
    world.restart()
    assert dict(world.ingester().progress) == before


def test_it_stays_behind_what_live_collection_reads_again(world):
    world.collect()
    live = Progress.load(world.ingester().progress)
    (window,) = _plan(world, Window(BEFORE.start, START + timedelta(days=1)), again=True)
    assert window.end == live.reached - OVERLAP


def test_before_live_collection_began_there_is_nothing_to_fill(world):
    assert _plan(world) == []


def test_reading_again_stores_nothing_twice(world):
    names = {world.vendor.put(START - timedelta(minutes=each)) for each in range(25, 60, 5)}
    world.collect()
    _run(world, again=True)
    assert world.stored() == dict.fromkeys(names, 1)


def test_a_stopped_backfill_goes_on_with_what_is_left(world):
    names = {world.vendor.put(START - timedelta(minutes=70 + each)) for each in range(0, 900, 20)}
    world.collect()
    backfill = world.backfill()
    backfill.request(_plan(world))
    running = backfill.run()
    for _ in range(3):
        next(running)
    running.close()
    world.restart()
    reads = world.vendor.reads
    assert world.backfill().left
    list(world.backfill().run())
    assert world.stored() == dict.fromkeys(names, 1)
    assert world.vendor.reads - reads <= 9
    assert not world.backfill().left


def test_a_throttling_source_is_waited_for_and_then_left(world):
    world.collect()
    world.vendor.put(START - timedelta(hours=20))
    world.vendor.faults = [Retry("slow down", 3.0)] * 2
    _run(world)
    assert world.stored().total() == 1
    world.vendor.faults = [Retry("slow down", 3.0)] * 5
    with pytest.raises(Retry):
        _run(world, again=True)


def test_events_without_ids_cannot_be_read_again(world):
    stream = world.vendor.streams()[0]
    refuse_without_ids(stream, LOG_TYPE)
    with pytest.raises(NeedsOperator, match="--again"):
        refuse_without_ids(stream, LogType.model_validate({**LOG_TYPE.model_dump(), "id": "position"}))


def test_nothing_is_planned_where_everything_is_covered():
    live = Progress(coverage=[(BEFORE.start, BEFORE.end)], frontier=BEFORE.end)
    assert plan(BEFORE, live, Coverage(), _stream()) == []


def _stream():
    from mantissa_core.model import Stream

    return Stream("audit", "fake.audit", overlap=OVERLAP)
