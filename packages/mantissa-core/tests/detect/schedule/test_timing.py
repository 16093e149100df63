"""The stretch of time that a run looks at, in order and after a pause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.detect.schedule.timing import CATCH_UP, parse_timing
from mantissa_core.duration import duration_text, parse_duration
from mantissa_core.errors import RuleError


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}").replace(tzinfo=UTC)


def timing(expression: str, window: str | None = None):
    return parse_timing({"schedule_expression": expression, "window": window})


@pytest.mark.parametrize(
    ("text", "length"), [("90s", 90), ("5m", 300), ("15m", 900), ("1h", 3600), ("24h", 86400), ("2w", 1209600)]
)
def test_lengths_are_read_and_written(text, length):
    assert parse_duration(text) == timedelta(seconds=length)
    assert parse_duration(duration_text(parse_duration(text))) == timedelta(seconds=length)


@pytest.mark.parametrize("text", ["", "0m", "5", "m", "5 m", "1.5h", "-1h", "367d", "5M"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(RuleError, match="expected"):
        parse_duration(text)


def test_without_a_window_runs_follow_each_other_without_a_hole():
    assert timing("rate(5 minutes)").start(at("21T10:05")) == at("21T10:00")
    assert timing("cron(0 9 * * MON-FRI)").start(at("23T09:00")) == at("20T09:00")


def test_a_window_is_as_long_as_it_says():
    assert timing("rate(5 minutes)", "1h").start(at("21T10:05")) == at("21T09:05")


def test_missed_runs_are_caught_up_by_the_latest():
    hourly = timing("rate(1 hour)")
    assert hourly.start_after(at("21T10:00"), at("21T09:00")) == at("21T09:00")
    assert hourly.start_after(at("21T10:00"), at("21T04:30")) == at("21T04:00")
    sliding = timing("rate(5 minutes)", "1h")
    assert sliding.start_after(at("21T10:00"), at("21T09:55")) == at("21T09:00")
    assert sliding.start_after(at("21T10:00"), at("21T08:00")) == at("21T07:05")


def test_a_window_that_leaves_holes_on_purpose_is_not_extended():
    assert timing("rate(1 day)", "1h").start_after(at("21T00:00"), at("15T00:00")) == at("20T23:00")


def test_no_more_than_a_bound_is_caught_up():
    assert timing("rate(1 hour)").start_after(at("21T10:00"), at("01T10:00")) == at("21T10:00") - CATCH_UP
    long = timing("rate(1 day)", "30d")
    assert long.start_after(at("21T00:00"), at("01T00:00")) == at("21T00:00") - timedelta(days=30)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ({"window": "5m"}, "window"),
        ({"schedule_expression": "daily"}, "schedule_expression"),
        ({"schedule_expression": "rate(1 day)", "window": "soon"}, "window"),
    ],
)
def test_an_error_names_its_key(section, key):
    with pytest.raises(RuleError, match=f"^{key}: "):
        parse_timing(section)
