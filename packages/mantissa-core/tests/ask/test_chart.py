"""What of rows becomes a picture, and where the marks of its axes stand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.ask.chart import LONGEST, MOST_POINTS, chart
from mantissa_core.ask.plan import Compare, Group, Measure, Order, Period, Plan
from mantissa_core.ask.ticks import figure, marks, scale
from mantissa_core.errors import QueryError

LO = datetime(2026, 11, 18, 23, tzinfo=UTC)
YESTERDAY = Period(lo=LO, hi=LO + timedelta(days=1), text="yesterday", zone="Europe/Berlin")
BEFORE = Period(lo=LO - timedelta(days=1), hi=LO, text="2 days ago", zone="Europe/Berlin")
HOURLY, PER_USER = (Group(bucket="hour"),), (Group(field="m_user"),)


def plan(**changes):
    return Plan(**{"source": "auth", "period": YESTERDAY, "measures": (Measure(),), **changes})


def drawn(rows, **changes):
    return chart(plan(**changes), pa.Table.from_pylist(rows), "Counts events.")


def test_hours_without_rows_are_zero_and_told_in_the_zone_that_was_asked_for():
    made = drawn([{"hour": LO + timedelta(hours=hour), "events": hour} for hour in (3, 20)], groups=HOURLY)
    assert (made.kind, made.title, made.y, made.x) == ("time", "Counts events.", "events", "hour (Europe/Berlin)")
    assert made.series[0].values == tuple(float(hour) if hour in (3, 20) else 0.0 for hour in range(24))
    assert made.at[0].isoformat() == "2026-11-19T00:00:00+01:00"
    assert [text for _, text, _ in marks(made.at, "hour", 8)] == [f"{hour:02}:00" for hour in range(0, 24, 3)]


def test_an_hour_without_rows_has_no_mean():
    mean = Measure(function="avg", field="bytes")
    rows = [{"hour": LO + timedelta(hours=2), "avg_bytes": 1.5}, {"hour": LO + timedelta(hours=3), "avg_bytes": None}]
    made = drawn(rows, groups=HOURLY, measures=(mean,))
    assert made.y == "mean of bytes"
    assert made.series[0].values == (None, None, 1.5, *[None] * 21)


def test_days_of_utc_are_not_told_as_days_of_another_zone():
    rows = [{"day": date(2026, 11, 19), "events": Decimal(4)}]
    made = drawn(rows, groups=(Group(bucket="day"),))
    assert (made.x, made.series[0].values) == ("day (UTC)", (0.0, 4.0))
    assert [each.isoformat() for each in made.at] == ["2026-11-18T00:00:00+00:00", "2026-11-19T00:00:00+00:00"]


def test_days_that_begin_at_midnight_of_the_zone_are_told_in_it():
    lo = datetime(2026, 10, 23, 22, tzinfo=UTC)  # summer time ends on the 25th
    week = Period(lo=lo, hi=lo + timedelta(days=4, hours=1), text="those days", zone="Europe/Berlin")
    rows = [{"day": lo, "events": 1}, {"day": lo + timedelta(days=2, hours=1), "events": 2}]
    made = drawn(rows, groups=(Group(bucket="day"),), period=week)
    assert made.x == "day (Europe/Berlin)"
    assert [f"{each:%d %H}" for each in made.at] == ["24 00", "25 00", "26 00", "27 00"]
    assert made.series[0].values == (1.0, 0.0, 2.0, 0.0)


def test_the_largest_groups_over_time_are_lines_of_their_own_and_the_rest_is_told():
    rows = [{"hour": LO, "m_user": f"u{n}", "events": n} for n in range(8)]
    made = drawn(rows, groups=(*HOURLY, *PER_USER))
    assert [each.name for each in made.series] == ["u3", "u4", "u5", "u6", "u7"]
    assert made.note == "the 5 largest of 8"


def test_two_periods_over_time_lie_on_one_another():
    rows = [{"hour": BEFORE.lo + timedelta(hours=n), "events": 0, "events_before": 7} for n in (0, 5)]
    rows.append({"hour": LO + timedelta(hours=5), "events": 2, "events_before": 0})
    made = drawn(rows, groups=HOURLY, versus=BEFORE)
    assert [each.name for each in made.series] == ["yesterday", "2 days ago"]
    assert [each.values[:6] for each in made.series] == [(0, 0, 0, 0, 0, 2), (7, 0, 0, 0, 0, 7)]
    assert made.series[0].values[6:] == made.series[1].values[6:] == (0.0,) * 18


def test_rows_that_were_cut_off_are_not_drawn_as_zero():
    rows = pa.Table.from_pylist([{"hour": LO + timedelta(hours=hour), "events": 1} for hour in range(5)])
    made = chart(plan(groups=HOURLY), rows, truncated=True)
    assert len(made.at) == 5
    assert made.note == "until 2026-11-19 04:00, there are more rows"


def test_twenty_groups_have_a_bar_and_the_rest_is_told():
    made = drawn([{"m_user": None if n == 3 else f"u{n}", "events": 99 - n} for n in range(31)], groups=PER_USER)
    assert (made.kind, made.x, len(made.labels), made.note) == ("bars", "user", 20, "the first 20 of 31")
    assert made.labels[2:4] == ("u2", "(none)")
    assert made.series[0].values[0] == 99


def test_the_busiest_hours_are_bars_because_the_others_are_not_known():
    rows = [{"hour": LO, "events": 9}]
    for few in ({"having": (Compare(field="events", op="gt", value=5),)}, {"order": (Order(by="events"),)}):
        made = drawn(rows, groups=HOURLY, **few)
        assert (made.kind, made.labels) == ("bars", ("2026-11-18 23:00",))


def test_two_periods_are_pairs_with_their_names():
    made = drawn([{"events": 12, "events_before": 8}], versus=BEFORE)
    assert (made.kind, made.labels) == ("pairs", ("events",))
    assert [(each.name, each.values) for each in made.series] == [("yesterday", (12.0,)), ("2 days ago", (8.0,))]
    assert drawn([{"m_user": "lin", "events": 1, "events_before": 2}], versus=BEFORE, groups=PER_USER).labels == (
        "lin",
    )


@pytest.mark.parametrize(
    ("rows", "changes", "reason"),
    [
        ([{"m_user": "lin"}], {"measures": ()}, "a list has no chart"),
        ([{"events": 4}], {}, "one figure has no chart"),
        ([], {"groups": PER_USER}, "nothing was found"),
        ([{"m_user": "lin", "events": "many"}], {"groups": PER_USER}, "no numbers"),
        ([{"m_user": "lin", "events": float("nan")}], {"groups": PER_USER}, "no numbers"),
        (
            [{"minute": LO, "events": 1}],
            {"groups": (Group(bucket="minute"),), "period": Period(lo=LO - timedelta(days=400), hi=LO)},
            f"{MOST_POINTS:,} points at most",
        ),
    ],
    ids=["list", "figure", "nothing", "texts", "not a number", "minutes of a year"],
)
def test_what_has_no_picture_says_why(rows, changes, reason):
    with pytest.raises(QueryError, match=reason):
        drawn(rows, **changes)


@given(st.text(max_size=200))
def test_a_label_is_one_short_line_of_printable_text(text):
    label = drawn([{"m_user": text, "events": 1}], groups=PER_USER).labels[0]
    assert 0 < len(label) <= LONGEST
    assert label.isprintable()


@given(st.floats(min_value=1e-6, max_value=1e15), st.booleans(), st.integers(1, 8))
def test_a_scale_is_round_and_reaches_the_highest(most, whole, ticks):
    values = scale(most, ticks, whole=whole)
    assert values[0] == 0
    assert values[-1] >= most * (1 - 1e-6)
    assert 2 <= len(values) <= ticks + 2
    assert all(value == int(value) for value in values) or not whole
    assert len({figure(value) for value in values}) == len(values)


@given(
    st.sampled_from([("minute", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800)]),
    st.integers(1, 2_000),
    st.integers(1, 20),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata"]),
)
def test_marks_are_few_in_order_and_there_where_time_is(bucket, count, most, zone):
    name, seconds = bucket
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    at = [(begin + timedelta(seconds=seconds * n)).astimezone(ZoneInfo(zone)) for n in range(count)]
    found = marks(at, name, most)
    assert 1 <= len(found) <= most
    assert all(left < right for (left, _, _), (right, _, _) in pairwise(found))
    assert all(0 <= place < count and text for place, text, _ in found)
    assert found[0][2]


def test_months_and_years_are_told_where_they_begin():
    at = [datetime(2025 + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(9, 15)]
    told = [(text, below) for _, text, below in marks(at, "month", 10)]
    assert told == [("Oct", "2025"), ("Nov", ""), ("Dec", ""), ("Jan", "2026"), ("Feb", ""), ("Mar", "")]
