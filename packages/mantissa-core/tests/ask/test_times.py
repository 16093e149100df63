"""Words for times. It is Saturday, 21 November 2026, 10:00 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.ask.time.grammar import assumed, times

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def span(text: str, zone: str = "UTC", now: datetime = NOW) -> str:
    """The window, shortly: ``11-20 00:00/11-21 00:00``."""
    found = times(text, now, zone)
    return " ".join(f"{each.window.lo:%Y-%m-%d %H:%M}/{each.window.hi:%Y-%m-%d %H:%M}" for each in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("failed logins in the last 24 hours", "2026-11-20 10:00/2026-11-21 10:00"),
        ("past 7 days", "2026-11-14 10:00/2026-11-21 10:00"),
        ("over the past two weeks", "2026-11-07 10:00/2026-11-21 10:00"),
        ("last 10 minutes", "2026-11-21 09:50/2026-11-21 10:00"),
        ("24h", "2026-11-20 10:00/2026-11-21 10:00"),
        ("logins 7d", "2026-11-14 10:00/2026-11-21 10:00"),
        ("the last month", "2026-10-21 10:00/2026-11-21 10:00"),
        ("past week", "2026-11-14 10:00/2026-11-21 10:00"),
        ("last hour", "2026-11-21 09:00/2026-11-21 10:00"),
        ("in the last 3 months", "2026-08-21 10:00/2026-11-21 10:00"),
        ("today", "2026-11-21 00:00/2026-11-21 10:00"),
        ("yesterday", "2026-11-20 00:00/2026-11-21 00:00"),
        ("this week", "2026-11-16 00:00/2026-11-21 10:00"),
        ("this month", "2026-11-01 00:00/2026-11-21 10:00"),
        ("this quarter", "2026-10-01 00:00/2026-11-21 10:00"),
        ("last week", "2026-11-09 00:00/2026-11-16 00:00"),
        ("previous month", "2026-10-01 00:00/2026-11-01 00:00"),
        ("last quarter", "2026-07-01 00:00/2026-10-01 00:00"),
        ("last year", "2025-01-01 00:00/2026-01-01 00:00"),
        ("last Friday", "2026-11-20 00:00/2026-11-21 00:00"),
        ("on Monday", "2026-11-16 00:00/2026-11-17 00:00"),
        ("on Saturday", "2026-11-14 00:00/2026-11-15 00:00"),
        ("since Monday", "2026-11-16 00:00/2026-11-21 10:00"),
        ("since 2 days", "2026-11-19 10:00/2026-11-21 10:00"),
        ("since yesterday", "2026-11-20 00:00/2026-11-21 10:00"),
        ("since 2026-11-03", "2026-11-03 00:00/2026-11-21 10:00"),
        ("since last week", "2026-11-09 00:00/2026-11-21 10:00"),
        ("since 9am", "2026-11-21 09:00/2026-11-21 10:00"),
        ("after yesterday", "2026-11-21 00:00/2026-11-21 10:00"),
        ("between 2pm and 4pm yesterday", "2026-11-20 14:00/2026-11-20 16:00"),
        ("between 2pm and 4pm on 2026-11-03", "2026-11-03 14:00/2026-11-03 16:00"),
        ("between 10pm and 2am", "2026-11-20 22:00/2026-11-21 02:00"),
        ("yesterday between 9:00 and 17:30", "2026-11-20 09:00/2026-11-20 17:30"),
        ("yesterday after 6pm", "2026-11-20 18:00/2026-11-21 00:00"),
        ("between Nov 3 and Nov 5", "2026-11-03 00:00/2026-11-06 00:00"),
        ("from 2026-10-01 to 2026-10-15", "2026-10-01 00:00/2026-10-16 00:00"),
        ("2 days ago", "2026-11-19 00:00/2026-11-20 00:00"),
        ("two weeks ago", "2026-11-02 00:00/2026-11-09 00:00"),
        ("in October", "2026-10-01 00:00/2026-11-01 00:00"),
        ("in December", "2025-12-01 00:00/2026-01-01 00:00"),
        ("in November", "2026-11-01 00:00/2026-11-21 10:00"),
        ("Q3", "2026-07-01 00:00/2026-10-01 00:00"),
        ("Q4 2025", "2025-10-01 00:00/2026-01-01 00:00"),
        ("2026-10", "2026-10-01 00:00/2026-11-01 00:00"),
        ("on 2026-11-03", "2026-11-03 00:00/2026-11-04 00:00"),
        ("Nov 3", "2026-11-03 00:00/2026-11-04 00:00"),
        ("3rd of November", "2026-11-03 00:00/2026-11-04 00:00"),
        ("November 30", "2025-11-30 00:00/2025-12-01 00:00"),
        ("December 24, 2025", "2025-12-24 00:00/2025-12-25 00:00"),
        ("3.11.2026", "2026-11-03 00:00/2026-11-04 00:00"),
        ("11/03/2026", "2026-11-03 00:00/2026-11-04 00:00"),
        ("in 2025", "2025-01-01 00:00/2026-01-01 00:00"),
        ("this morning", "2026-11-21 00:00/2026-11-21 10:00"),
        ("yesterday evening", "2026-11-20 18:00/2026-11-21 00:00"),
        ("last night", "2026-11-20 18:00/2026-11-21 06:00"),
        ("over the weekend", "2026-11-21 00:00/2026-11-21 10:00"),
        ("last weekend", "2026-11-14 00:00/2026-11-16 00:00"),
        ("today with yesterday", "2026-11-21 00:00/2026-11-21 10:00 2026-11-20 00:00/2026-11-21 00:00"),
        ("February 29", "2024-02-29 00:00/2024-03-01 00:00"),
    ],
)
def test_a_time_means_what_people_mean(text: str, expected: str) -> None:
    assert span(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "failed logins",
        "who may read the bucket",
        "port 3389",
        "events from 203.0.113.7",
        "user 2024x",
        "February 30",
        "tomorrow",
        "2027-01-01",
        "top 10 users",
        "error 404",
        "sun microsystems",
        "more than 3 countries",
        "march-server",
        "bucket-2026-11-03",
        "",
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert span(text) == ""


def test_days_are_those_of_the_zone() -> None:
    assert span("yesterday", "America/New_York") == "2026-11-20 05:00/2026-11-21 05:00"
    assert span("this morning", "Asia/Tokyo") == "2026-11-20 15:00/2026-11-21 03:00"


def test_a_day_on_which_clocks_change_has_its_own_length() -> None:
    after = datetime(2026, 3, 30, 12, tzinfo=UTC)
    assert span("yesterday", "Europe/Berlin", after) == "2026-03-28 23:00/2026-03-29 22:00"
    assert span("last 24 hours", "Europe/Berlin", after) == "2026-03-29 12:00/2026-03-30 12:00"


def test_the_words_of_a_time_are_told_apart_from_the_rest() -> None:
    text = "Show failed logins since Monday for alice"
    [found] = times(text, NOW)
    assert text[found.start : found.end] == "since Monday"
    assert (found.window.text, found.window.kind) == ("since monday", "absolute")


def test_day_and_month_change_places_where_the_locale_says_so() -> None:
    assert times("03/11/2026", NOW, day_first=True)[0].window.lo == datetime(2026, 11, 3, tzinfo=UTC)


def test_without_a_time_it_is_the_last_day() -> None:
    window = assumed(NOW)
    assert (window.hi - window.lo, window.kind) == (timedelta(hours=24), "default")


WORDS = [*"0123456789 :-./", "last ", "since ", "days ", "monday ", "pm ", "nov ", "ago ", "and ", "yesterday "]


@given(
    st.lists(st.sampled_from(WORDS)).map("".join),
    st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_no_window_lies_in_the_future_and_none_is_empty(text: str, now: datetime, zone: str) -> None:
    found = times(text, now, zone)
    assert all(each.window.lo < each.window.hi <= now for each in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
