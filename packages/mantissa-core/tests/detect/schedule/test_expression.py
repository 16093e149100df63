"""When a schedule runs: against a reading of the fields minute by minute, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mantissa_core.detect.schedule.expression import parse_schedule
from mantissa_core.errors import RuleError

MINUTE = timedelta(minutes=1)
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def field(low: int, high: int) -> st.SearchStrategy[tuple[str, Callable[[int], bool]]]:
    """A cron field and what it means, told by how it was made and not by parsing it."""
    number = st.integers(low, high)
    pair = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.just(("*", lambda _value: True)),
        number.map(lambda each: (str(each), lambda value: value == each)),
        st.lists(number, min_size=1, max_size=4).map(
            lambda some: (",".join(map(str, some)), lambda value: value in some)
        ),
        pair.map(lambda ends: (f"{ends[0]}-{ends[1]}", lambda value: ends[0] <= value <= ends[1])),
        st.integers(1, high).map(lambda step: (f"*/{step}", lambda value: (value - low) % step == 0)),
        st.tuples(pair, st.integers(1, high)).map(
            lambda both: (
                f"{both[0][0]}-{both[0][1]}/{both[1]}",
                lambda value: both[0][0] <= value <= both[0][1] and (value - both[0][0]) % both[1] == 0,
            )
        ),
    )


@settings(max_examples=60, deadline=None)
@given(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6), MOMENTS)
def test_cron_runs_at_exactly_the_minutes_that_its_fields_name(minute, hour, day, month, weekday, start):
    parts = (minute, hour, day, month, weekday)
    with suppress(RuleError):  # there is no such day
        schedule = parse_schedule(f"cron({' '.join(text for text, _ in parts)})")
        _compare(schedule, parts, start)


def _compare(schedule, parts, start):
    minute, hour, day, month, weekday = parts
    either = not day[0].startswith("*") and not weekday[0].startswith("*")

    def runs(moment: datetime) -> bool:
        in_month, in_week = day[1](moment.day), weekday[1]((moment.weekday() + 1) % 7)
        fits = in_month or in_week if either else in_month and in_week
        return fits and minute[1](moment.minute) and hour[1](moment.hour) and month[1](moment.month)

    first = start.replace(second=0, microsecond=0) + MINUTE
    expected = [each for each in (first + n * MINUTE for n in range(3 * 1440)) if runs(each)]
    found, moment = [], start
    while (following := schedule.after(moment)) is not None and following < first + timedelta(days=3):
        found.append(following)
        moment = following
    assert found == expected
    for before, after in itertools.pairwise(expected):
        assert schedule.latest(after - MINUTE) == before
        assert schedule.latest(after) == after


@given(st.integers(1, 400), st.sampled_from(["minute", "hour", "day"]), MOMENTS)
def test_a_rate_runs_in_even_steps_and_everywhere_at_the_same_times(count, unit, moment):
    text = f"rate({count} {unit}{'' if count == 1 else 's'})"
    if unit == "day" and count > 366:
        with pytest.raises(RuleError, match="at most"):
            parse_schedule(text)
        return
    schedule, every = parse_schedule(text), timedelta(**{f"{unit}s": count})
    latest, following = schedule.latest(moment), schedule.after(moment)
    assert latest <= moment < following
    assert following - latest == every
    assert (latest - datetime(1970, 1, 1, tzinfo=UTC)) % every == timedelta(0)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("cron(0 9 * * *)", "2026-11-21T09:00", "2026-11-22T09:00"),
        ("cron(0 9 * * ? *)", "2026-11-21T08:59:59", "2026-11-21T09:00"),
        ("cron(0/15 8 ? * MON-FRI *)", "2026-11-21T00:00", "2026-11-23T08:00"),
        ("cron(0 9 ? * 2 *)", "2026-11-21T00:00", "2026-11-23T09:00"),  # 2 is Monday where there are six fields
        ("cron(0 9 * * 2)", "2026-11-21T00:00", "2026-11-24T09:00"),  # and Tuesday where there are five
        ("cron(0 9 * * 7)", "2026-11-21T00:00", "2026-11-22T09:00"),
        ("cron(0 9 * * sun)", "2026-11-21T00:00", "2026-11-22T09:00"),
        ("cron(0 9 L * ? *)", "2027-02-01T00:00", "2027-02-28T09:00"),
        ("cron(0 9 ? * L *)", "2026-11-15T00:00", "2026-11-21T09:00"),
        ("cron(0 9 ? * 6L *)", "2026-11-01T00:00", "2026-11-27T09:00"),
        ("cron(0 9 ? * TUE#2 *)", "2026-11-11T00:00", "2026-12-08T09:00"),
        ("cron(0 9 ? * 3#5 *)", "2026-11-01T00:00", "2026-12-29T09:00"),
        ("cron(0 9 15W * ? *)", "2026-11-01T00:00", "2026-11-16T09:00"),  # the 15th is a Sunday
        ("cron(0 9 1W * ? *)", "2026-07-31T10:00", "2026-08-03T09:00"),  # Saturday the 1st: not back into July
        ("cron(0 9 31W 10 ? *)", "2026-10-01T00:00", "2026-10-30T09:00"),
        ("cron(0 9 29 2 *)", "2026-11-21T00:00", "2028-02-29T09:00"),
        ("cron(0 9 1 1 ? 2030/2)", "2026-11-21T00:00", "2030-01-01T09:00"),
    ],
)
def test_the_next_time_of(text, after, expected):
    schedule = parse_schedule(text)
    assert schedule.after(at(after)) == at(expected)
    assert schedule.latest(at(expected)) == at(expected)


def test_a_schedule_may_be_over():
    schedule = parse_schedule("cron(0 9 * * ? 2020)")
    assert schedule.after(at("2026-11-21")) is None
    assert schedule.latest(at("2026-11-21")) == at("2020-12-31T09:00")
    assert schedule.latest(at("2019-11-21")) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5 minutes", "expected rate"),
        ("0 9 * * *", "expected rate"),
        ("at(2026-11-21T09:00)", "expected rate"),
        ("rate(1 minutes)", r"rate\(1 minute\)"),
        ("rate(5 minute)", r"rate\(5 minutes\)"),
        ("rate(0 hours)", "expected a number"),
        ("rate(1.5 hours)", "expected a number"),
        ("rate(5 seconds)", "expected a number"),
        ("rate(367 days)", "at most 366 days"),
        ("cron(0 9 * *)", "4 fields"),
        ("cron(0 9 * * * *)", r"exactly one .* is '\?'"),
        ("cron(0 9 ? * ? *)", r"exactly one .* is '\?'"),
        ("cron(0 9 ? * *)", "day of month: found '\\?'"),
        ("cron(0 9 L * *)", "day of month: found 'L'"),
        ("cron(0 9 LW * ? *)", "day of month: found 'L'"),
        ("cron(60 9 * * *)", "minute: found '60', expected 0-59"),
        ("cron(0 24 * * *)", "hour: found '24'"),
        ("cron(0 22-2 * * *)", "the lower end first"),
        ("cron(5/10 * * * *)", "5-59/10"),
        ("cron(*/0 * * * *)", "minute, step: found '0'"),
        ("cron(0 9 ? * 8 *)", "day of week: found '8', expected 1-7 or SUN-SAT"),
        ("cron(0 9 ? * MON#6 *)", "day of week: found '6'"),
        ("cron(0 9 * 13 *)", "month: found '13', expected 1-12 or JAN-DEC"),
        ("cron(0 9 30 2 *)", "no such day"),
        ("cron(0 9 1 1 ? 1969)", "year: found '1969'"),
        ("cron(² 9 * * *)", "minute: found '²'"),
    ],
)
def test_everything_else_is_refused_and_says_what_is_wrong(text, reason):
    with pytest.raises(RuleError, match=reason):
        parse_schedule(text)
