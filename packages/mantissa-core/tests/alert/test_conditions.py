"""Conditions: what fits, what does not and why, whatever clocks do; and configurations that are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mantissa_core.alert.routing.conditions import Subject, compiled, unmet
from mantissa_core.alert.routing.daytime import DAYS, Daytime
from mantissa_core.alert.routing.environments import Environments
from mantissa_core.alert.routing.sections import EnvironmentSection, When
from mantissa_core.config import load
from mantissa_core.errors import ConfigError
from mantissa_core.model import Alert, Severity

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
ALERT = Alert(
    id="a1",
    rule_id="6a4a1b8e-2f3c",
    rule_name="Root login without MFA",
    severity=Severity.HIGH,
    summary="root logged in",
    description="",
    status="open",
    count=1,
    first_seen=NOON,
    last_seen=NOON,
    created=NOON,
    table="aws_cloudtrail",
    tags=("attack.t1098.001", "attack.persistence"),
    entities={"user": ("amara@example.com", "root"), "src_ip": ("203.0.113.9", "::ffff:192.0.2.7", "no address")},
)


def failing(when: dict[str, Any], alert: Alert = ALERT, at: datetime = NOON, environments: tuple[str, ...] = ()) -> str:
    """Name of the first condition that fails, with what was found; empty where all hold."""
    subject = Subject(alert, at, lambda _: environments)
    found = unmet(compiled(When.model_validate(when)), subject)
    return f"{found.name}: {found.found(subject)}" if found else ""


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"severities": ["low", "high"]},
        {"severities": "high"},
        {"tags": ["attack.t1098*"]},
        {"tags": ["ATTACK.PERSIST*"]},
        {"sources": ["aws.*"]},
        {"sources": ["aws.cloudtrail"]},
        {"sources": ["aws_cloudtrail"]},
        {"rules": ["*root*"]},
        {"rules": ["6a4a*"]},
        {"entities": {"user": ["*@example.com"]}},
        {"entities": {"user": "root", "src_ip": ["203.0.113.0/24"]}},
        {"entities": {"src_ip": ["203.0.113.9"]}},
        {"entities": {"src_ip": ["192.0.2.0/24"]}},
        {"entities": {"src_ip": ["2001:db8::/32", "203.0.*"]}},
        {"environments": ["Prod*"]},
        {"days": ["mon"]},
        {"days": ["sun", "mon"], "hours": ["09:00-10:00", "12:00-12:01"]},
        {"hours": "21:00-05:00", "timezone": "Asia/Tokyo"},
        {"hours": "00:00-24:00"},
    ],
    ids=str,
)
def test_an_alert_fits(when: dict[str, Any]) -> None:
    assert failing(when, environments=("production",)) == ""


@pytest.mark.parametrize(
    ("when", "first"),
    [
        ({"severities": ["critical"], "tags": ["nothing"]}, "severities: high"),
        ({"tags": ["attack.t1098"]}, "tags: attack.t1098.001, attack.persistence"),
        ({"sources": ["aws"]}, "sources: aws_cloudtrail"),
        ({"rules": ["root"]}, "rules: 6a4a1b8e-2f3c, Root login without MFA"),
        ({"entities": {"user": ["root"], "target": ["*"]}}, "entities.target: none"),
        (
            {"entities": {"src_ip": ["10.0.0.0/8", "2001:db8::/32"]}},
            "entities.src_ip: 203.0.113.9, ::ffff:192.0.2.7, no address",
        ),
        ({"entities": {"user": ["10.0.0.0/8"]}}, "entities.user: amara@example.com, root"),
        ({"environments": ["production"]}, "environments: none"),
        ({"days": ["tue"]}, "days: mon 12:00 UTC"),
        ({"hours": "12:01-12:00"}, "hours: mon 12:00 UTC"),
        ({"hours": "12:00-13:00", "timezone": "Europe/Berlin"}, "hours: mon 13:00 Europe/Berlin"),
    ],
    ids=str,
)
def test_the_first_condition_that_fails_is_named_with_what_was_found(when: dict[str, Any], first: str) -> None:
    assert failing(when) == first


def test_an_alert_of_several_tables_comes_from_each_of_them() -> None:
    alert = replace(ALERT, table="okta_system, aws_cloudtrail")
    assert failing({"sources": ["aws.*"]}, alert) == ""
    assert failing({"sources": ["gcp.*"]}, alert) == "sources: okta_system, aws_cloudtrail"


@pytest.mark.parametrize(
    ("at", "fits"),
    [("2026-02-27T23:00", False), ("2026-02-28T22:00", True), ("2026-03-01T05:59", True), ("2026-03-01T06:00", False),
     ("2026-03-01T23:00", True), ("2026-03-02T05:59", True), ("2026-03-02T22:30", False)],
)  # fmt: skip
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(at: str, fits: bool) -> None:
    when = {"days": ["sat", "sun"], "hours": "22:00-06:00"}
    assert (failing(when, at=datetime.fromisoformat(f"{at}+00:00")) == "") is fits


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
CHANGES = st.sampled_from(  # moments at which a clock is put, and years around them
    [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC), datetime(2026, 3, 8, 7, tzinfo=UTC),
     datetime(2026, 11, 1, 6, tzinfo=UTC), datetime(2026, 4, 4, 15, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)]
)  # fmt: skip
MOMENTS = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), CHANGES, st.integers(-3000, 3000))
CLOCK = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.integers(0, 59))


@given(MOMENTS, ZONES, CLOCK, CLOCK)
def test_a_span_and_its_opposite_share_each_moment_whatever_clocks_do(
    at: datetime, zone: str, one: str, other: str
) -> None:
    if one == other:
        return
    there, back = Daytime((), [f"{one}-{other}"], zone), Daytime((), [f"{other}-{one}"], zone)
    assert there.hour_fits(at) is not back.hour_fits(at)
    shown = at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
    assert there.hour_fits(at) is (one <= shown < other if one < other else shown >= one or shown < other)


@given(MOMENTS, ZONES, CLOCK, CLOCK)
def test_each_moment_of_a_span_belongs_to_one_day(at: datetime, zone: str, one: str, other: str) -> None:
    if one == other:
        return
    clocks = {day: Daytime([day], [f"{one}-{other}"], zone) for day in DAYS}
    fitting = [day for day, clock in clocks.items() if clock.hour_fits(at) and clock.day_fits(at)]
    assert len(fitting) == clocks["mon"].hour_fits(at)
    if fitting:
        there = at.astimezone(ZoneInfo(zone))
        over = there.strftime("%H:%M") < one
        assert fitting == [DAYS[(there.weekday() - over) % 7]]


def test_environments_come_from_the_configuration_and_from_what_is_known_of_assets() -> None:
    sections = {
        "Production": EnvironmentSection.model_validate({"when": {"sources": ["aws.*"]}}),
        "office": EnvironmentSection.model_validate({"when": {"entities": {"src_ip": ["203.0.113.0/24"]}}}),
        "lab": EnvironmentSection.model_validate({"when": {"sources": ["okta.*"]}}),
    }
    facts = {
        "aws": {"assets": {"db-1": {"environment": "production"}, "db-2": {"environment": "staging"}, "x": "odd"}},
        "broken": {"assets": ["no mapping"]},
        "number": {"assets": {"y": {"environment": 5}}},
    }
    assert Environments(sections).of(replace(ALERT, enrichment=facts)) == ["Production", "office", "staging"]
    assert Environments({}).of(ALERT) == []


ROUTE: dict[str, Any] = {"to": ["pager"]}


@pytest.mark.parametrize(
    ("section", "key", "expected"),
    [
        ({"routes": {"r": ROUTE | {"when": {"tags": [" "]}}}}, "routes.r.when.tags.0", "a pattern"),
        ({"routes": {"r": ROUTE | {"when": {"rules": ["[a"]}}}}, "routes.r.when.rules.0", "a ']' for each '['"),
        ({"routes": {"r": ROUTE | {"when": {"entities": {"src_ip": ["10.0.0.1/8"]}}}}}, "routes.r.when.entities",
         "a network such as 10.0.0.0/8 or 2001:db8::/32 instead of '10.0.0.1/8'"),
        ({"routes": {"r": ROUTE | {"when": {"hours": "22-6"}}}}, "routes.r.when.hours.0", "hours such as '08:"),
        ({"routes": {"r": ROUTE | {"when": {"hours": "08:00-08:00"}}}}, "routes.r.when.hours.0", "two different times"),
        ({"routes": {"r": ROUTE | {"when": {"hours": "08:60-09:00"}}}}, "routes.r.when.hours.0", "hours such as"),
        ({"routes": {"r": ROUTE | {"when": {"timezone": "Mars/Olympus"}}}}, "routes.r.when.timezone", "an IANA time"),
        ({"routes": {"r": ROUTE | {"when": {"timezone": "../etc/passwd"}}}}, "routes.r.when.timezone", "an IANA time"),
        ({"routes": {"r": ROUTE | {"when": {"days": ["sonntag"]}}}}, "routes.r.when.days.0", "'mon'"),
        ({"routes": {"r": ROUTE | {"when": {"severity": ["high"]}}}}, "routes.r.when.severity", "'severities'?"),
        ({"routes": {"r": {}}}, "routes.r.to", "Field required"),
        ({"maintenance": {"m": {"start": "2026-03-01T20:00:00", "end": "2026-03-01T22:00:00"}}}, "maintenance.m.start",
         "a time with its offset"),
        ({"maintenance": {"m": {"start": "2026-03-01T20:00:00Z"}}}, "maintenance.m", "either start and end, or cron"),
        ({"maintenance": {"m": {"start": "2026-03-01T20:00:00Z", "end": "2026-03-01T20:00:00Z"}}}, "maintenance.m",
         "an end that is later"),
        ({"maintenance": {"m": {"cron": "0 25 * * *", "duration": "2h"}}}, "maintenance.m.cron", "a cron expression"),
        ({"maintenance": {"m": {"cron": "0 2 * * *", "duration": "two"}}}, "maintenance.m.duration", "a number and s"),
        ({"escalations": {"e": {"steps": [{"after": "15m", "to": ["a"]}, {"after": "15m", "to": ["b"]}]}}},
         "escalations.e.steps", "each step later than the one before"),
        ({"escalations": {"e": {"steps": []}}}, "escalations.e.steps", "at least 1 item"),
        ({"environments": {"p": {"when": {"hours": "08:00-09:00"}}}}, "environments.p.when.hours", "'sources'?"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_by_file_and_key(section: dict[str, Any], key: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(section, {})
    assert caught.value.where.endswith("mantissa.toml")
    assert caught.value.key == key
    assert expected in caught.value.expected
