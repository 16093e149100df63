"""One stream against a fake vendor: nothing is left behind, nothing is claimed that was not read."""

from datetime import timedelta

import pytest
from mantissa_core.collect import Progress
from mantissa_core.errors import NeedsOperator, Retry

from .conftest import DELAY, OVERLAP, START


def _progress(world):
    return Progress.load(world.ingester().progress)


def _fill(world, count, since=START - timedelta(minutes=50), every=timedelta(minutes=1)):
    return {world.vendor.put(since + number * every) for number in range(count)}


def test_every_event_is_stored_once_and_the_span_is_covered(world):
    names = _fill(world, 30)
    world.collect()
    assert world.stored() == dict.fromkeys(names, 1)
    (window,) = _progress(world).covered.windows
    assert window.end == START - DELAY


def test_what_appears_late_is_found_by_the_overlap_and_its_lateness_is_kept(world):
    world.collect()
    late = world.vendor.put(START - timedelta(minutes=12), lag=timedelta(minutes=13))
    world.clock.forward(minutes=5)
    world.collect()
    figures = _progress(world).figures
    assert world.stored() == {late: 1}
    assert figures.late == timedelta(minutes=10).total_seconds()
    assert sum(figures.lag) == 1


def test_old_events_of_a_source_that_is_read_by_arrival_are_not_late(world):
    world.vendor.by_arrival = True
    world.collect()
    world.vendor.put(START - timedelta(minutes=12), lag=timedelta(minutes=13))
    world.clock.forward(minutes=5)
    world.collect()
    figures = _progress(world).figures
    assert (figures.rows, figures.late, sum(figures.lag)) == (1, 0, 1)


def test_events_read_again_are_counted_as_duplicates(world):
    world.vendor.put(START - timedelta(minutes=10))
    world.collect()
    world.clock.forward(minutes=5)
    world.collect()
    figures = _progress(world).figures
    assert (figures.rows, figures.duplicates) == (1, 1)


def test_a_window_that_the_source_cannot_give_is_divided_until_it_can(world):
    names = _fill(world, 40)
    world.vendor.most = 5
    world.collect()
    assert world.stored() == dict.fromkeys(names, 1)
    assert len(_progress(world).covered.windows) == 1
    assert _progress(world).figures.narrowed > 0
    longest = max(each.end - each.start for each in world.vendor.asked[-3:])
    assert longest <= timedelta(minutes=80)


def test_a_window_grows_again_once_the_source_gives_more(world):
    _fill(world, 40)
    world.vendor.most = 5
    world.collect()
    world.vendor.most = None
    for _ in range(12):
        world.clock.forward(minutes=30)
        world.collect()
    assert _progress(world).step is None


def test_a_poison_answer_becomes_a_dead_letter_and_a_visible_gap_and_the_rest_is_read(world):
    names = _fill(world, 40)
    world.vendor.poison = [START - timedelta(minutes=31, seconds=30)]
    world.collect()
    assert world.stored() == dict.fromkeys(names, 1)
    (reason,) = world.stored("dead_letter", "reason")
    assert "request req-77" in reason
    before, after = _progress(world).covered.windows
    assert before.end <= world.vendor.poison[0] < after.start
    assert after.start - before.end <= timedelta(seconds=2)
    assert _progress(world).figures.given_up == 1


def test_what_was_given_up_is_not_asked_for_again_at_every_poll(world):
    world.vendor.poison = [START - timedelta(minutes=5)]
    world.collect()
    given_up = world.stored("dead_letter", "reason").total()
    world.clock.forward(minutes=5)
    reads = world.vendor.reads
    world.collect()
    assert world.stored("dead_letter", "reason").total() == given_up == 1
    assert world.vendor.reads - reads <= 4


def test_a_round_that_ends_at_its_budget_goes_on_where_it_stopped(world):
    names = _fill(world, 40)
    rounds = 0
    while world.stored() != dict.fromkeys(names, 1):
        assert len(world.collect(pages=2)) <= 3
        rounds += 1
        assert rounds < 20
    assert rounds > 3
    assert _progress(world).figures.capped == rounds - 1


def test_a_budget_cannot_starve_a_source_that_must_be_read_from_the_beginning(world):
    names = _fill(world, 40)
    world.vendor.resumable = False
    for _ in range(60):
        world.collect(pages=2)
    assert world.stored() == dict.fromkeys(names, 1)
    assert len(_progress(world).covered.windows) == 1


def test_a_failure_in_the_middle_of_a_window_claims_nothing_behind_it(world):
    names = _fill(world, 20)
    runner = world.runner()
    pages = runner.run()
    next(pages)
    world.vendor.faults = [Retry("busy")]
    with pytest.raises(Retry):
        list(pages)
    assert _progress(world).covered.windows == []
    world.restart()
    world.collect()
    assert world.stored() == dict.fromkeys(names, 1)
    assert world.vendor.asked[0] == world.vendor.asked[1]  # the same window, so that the cursor still fits


def test_a_refused_credential_leaves_progress_as_it_was(world):
    world.vendor.faults = [NeedsOperator("token revoked")]
    with pytest.raises(NeedsOperator):
        world.collect()
    assert _progress(world).reached is None


def test_after_a_long_stop_everything_since_is_read_in_days(world):
    world.collect()
    names = {world.vendor.put(START + timedelta(hours=hours)) for hours in range(0, 70, 5)}
    world.clock.forward(days=3)
    world.collect()
    assert world.stored() == dict.fromkeys(names, 1)
    assert max(each.end - each.start for each in world.vendor.asked) == timedelta(days=1)
    (window,) = _progress(world).covered.windows
    assert window.end == world.clock() - DELAY


def test_progress_of_an_earlier_version_is_understood(world):
    span = [(START - timedelta(hours=2)).isoformat(), (START - timedelta(minutes=30)).isoformat()]
    from mantissa_core.model import Page

    world.ingester().ingest(Page({}), "fake.audit", {"coverage": [span]})
    world.collect()
    assert world.vendor.asked[0].start == START - timedelta(minutes=30) - OVERLAP


def test_the_lag_of_history_does_not_count(world):
    world.vendor.put(START - timedelta(minutes=50))
    world.collect()
    assert _progress(world).figures.lag == []
    world.vendor.put(START)
    world.clock.forward(minutes=30)
    world.collect()
    assert sum(_progress(world).figures.lag) == 1
