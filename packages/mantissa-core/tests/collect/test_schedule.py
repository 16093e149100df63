"""Streams get their turns: at the interval, after the pause that a failure asks for, none in the way of another."""

import pytest
from mantissa_core.collect.schedule import JITTER, LONGEST_OPERATOR, OPERATOR, Schedule
from mantissa_core.errors import NeedsOperator, PluginError, Retry
from mantissa_core.model import Stream

ONE, TWO = Stream("one", "a.b"), Stream("two", "a.b")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def schedule(clock):
    return Schedule(300.0, clock)


def _names(schedule):
    return [stream.name for stream in schedule.due([ONE, TWO])]


def test_new_streams_are_due_at_once_and_then_at_the_interval(schedule, clock):
    assert _names(schedule) == ["one", "two"]
    schedule.succeeded("one")
    schedule.succeeded("two")
    assert _names(schedule) == []
    assert 300 * (1 - JITTER) <= schedule.wait(900) <= 300 * (1 + JITTER)
    clock.now = 300 * (1 + JITTER)
    assert sorted(_names(schedule)) == ["one", "two"]


def test_a_throttled_stream_waits_as_asked_and_the_others_do_not(schedule, clock):
    schedule.due([ONE, TWO])
    schedule.failed("one", Retry("busy", 77.0))
    assert _names(schedule) == ["two"]
    clock.now = 76.9
    assert _names(schedule) == ["two"]
    clock.now = 77.0
    assert sorted(_names(schedule)) == ["one", "two"]


def test_a_stream_whose_budget_was_spent_is_due_again_behind_the_others(schedule, clock):
    schedule.due([ONE, TWO])
    clock.now = 5.0
    schedule.succeeded("one", more=True)
    assert _names(schedule) == ["two", "one"]


def test_pauses_for_a_person_grow_up_to_six_hours(schedule):
    pauses = [schedule.failed("one", NeedsOperator("token"))[0] for _ in range(8)]
    assert pauses[:3] == [OPERATOR, 2 * OPERATOR, 4 * OPERATOR]
    assert pauses[-1] == LONGEST_OPERATOR


def test_a_failure_is_news_once(schedule):
    news = [schedule.failed("one", error)[1] for error in (Retry("a"), Retry("a"), Retry("b"), PluginError("x", "b"))]
    assert news == [True, False, True, True]
    assert schedule.succeeded("one") == 4
    assert schedule.failed("one", Retry("b"))[1]


def test_what_failed_is_due_when_its_cause_has_changed(schedule):
    schedule.due([ONE, TWO])
    schedule.failed("one", NeedsOperator("token"))
    schedule.succeeded("two")
    assert schedule.blocked
    schedule.retry_now()
    assert _names(schedule) == ["one"]


def test_streams_that_are_gone_are_forgotten(schedule):
    schedule.failed("one", Retry("x"))
    schedule.keep(["two"])
    assert not schedule.failing
