"""Maintenance windows: once, and again and again, whatever clocks on walls do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.routing.sections import MaintenanceSection
from mantissa_core.alert.routing.windows import Window

BERLIN = ZoneInfo("Europe/Berlin")


def window(**section: Any) -> Window:
    return Window.of("upgrade", MaintenanceSection.model_validate(section))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+00:00")


def test_a_window_is_open_from_its_start_until_before_its_end() -> None:
    span = window(start=datetime(2026, 3, 1, 21, tzinfo=BERLIN), end=at("2026-03-01T22:00")).span
    assert span.until(at("2026-03-01T19:59")) is None
    assert span.until(at("2026-03-01T20:00")) == at("2026-03-01T22:00")
    assert span.until(at("2026-03-01T22:00")) is None
    assert span.following(at("2026-03-01T19:59")) == at("2026-03-01T20:00")
    assert span.following(at("2026-03-01T20:00")) is None


@pytest.mark.parametrize(
    ("now", "until", "following"),
    [
        ("2026-02-28T20:00", None, "2026-03-01T01:00"),
        ("2026-03-01T00:59", None, "2026-03-01T01:00"),
        ("2026-03-01T01:00", "2026-03-01T03:00", "2026-03-08T01:00"),
        ("2026-03-01T02:59", "2026-03-01T03:00", "2026-03-08T01:00"),
        ("2026-03-01T03:00", None, "2026-03-08T01:00"),
        ("2026-03-29T00:59", None, "2026-03-29T01:00"),  # 02:00 does not exist that night: it is 03:00
        ("2026-03-29T01:30", "2026-03-29T03:00", "2026-04-05T00:00"),
        ("2026-10-25T00:00", "2026-10-25T02:00", "2026-11-01T01:00"),  # 02:00 comes twice
        ("2026-10-25T01:30", "2026-10-25T02:00", "2026-11-01T01:00"),
        ("2026-10-25T02:00", None, "2026-11-01T01:00"),
    ],
)
def test_a_window_by_cron_opens_when_the_clock_on_the_wall_says(now: str, until: str | None, following: str) -> None:
    span = window(cron="0 2 * * sun", duration="2h", timezone="Europe/Berlin").span
    assert span.until(at(now)) == (at(until) if until else None)
    assert span.following(at(now)) == at(following)


def test_a_window_stays_open_when_the_clock_is_put_back_before_its_start() -> None:
    span = window(cron="30 2 * * *", duration="2h", timezone="Europe/Berlin").span
    assert span.until(at("2026-10-25T00:29")) is None
    assert span.until(at("2026-10-25T01:10")) == at("2026-10-25T02:30")  # 02:10 for the second time


def test_windows_longer_than_their_pause_never_close() -> None:
    span = window(cron="*/5 * * * *", duration="10m").span
    for minutes in range(0, 60, 3):
        now = at("2026-03-01T12:00") + timedelta(minutes=minutes)
        until = span.until(now)
        assert until is not None
        assert timedelta(minutes=5) < until - now <= timedelta(minutes=10)


@given(
    st.sampled_from([datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]),
    st.integers(-600, 600),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(1, 300),
)
def test_a_window_is_open_for_its_length_after_each_start(
    change: datetime, offset: int, hour: int, minute: int, length: int
) -> None:
    now = change + timedelta(minutes=offset)
    days = [(change + timedelta(days=each)).date() for each in (-2, -1, 0, 1)]
    starts = [datetime(d.year, d.month, d.day, hour, minute, tzinfo=BERLIN).astimezone(UTC) for d in days]
    open_ = [start + timedelta(minutes=length) for start in starts if start <= now < start + timedelta(minutes=length)]
    span = window(cron=f"{minute} {hour} * * *", duration=f"{length}m", timezone="Europe/Berlin").span
    assert span.until(now) == (max(open_) if open_ else None)
