"""Scheduled questions: when they are asked, and what the sinks are told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core import Runtime
from mantissa_core.ask.report_times import ReportTimes
from mantissa_core.errors import QueryError
from mantissa_core.reports import RUNS, run_due, states
from mantissa_core.state import audit

MONDAY = datetime(2026, 11, 16, 6, tzinfo=UTC)
QUESTION = "acme app events per user in the last 24 hours"


def _settings(home, **sinks):
    configured = {label: {"plugin": "core.file", "path": f"{label}.ndjson", **own} for label, own in sinks.items()}
    (home / "log_types").mkdir(exist_ok=True)
    (home / "log_types" / "acme_app.yaml").write_text(
        """
name: acme.app
title: Acme application log
time: {path: at}
id: {native: [id]}
columns:
  - {path: at, description: When it happened.}
  - {path: id, description: The event's id.}
  - {path: verb, description: What was done.}
  - {path: user, description: Who did it.}
overlay:
  user: [user]
"""
    )
    return {
        "home": str(home),
        "lake": {"retention_days": 36_500},
        "rules": {"packs": False},
        "log_types": {"paths": ["log_types"]},
        "sinks": configured,
    }


@pytest.fixture
def clock():
    """The time, to be put forward."""
    return [MONDAY]


@pytest.fixture
def siem(tmp_path, clock):
    """An instance with two sinks, six events, and a question saved and scheduled for eight o'clock in Berlin."""
    with Runtime.open(_settings(tmp_path, log={}, other={})) as found:
        found.clock = lambda: clock[0]
        who = ["amara@example.com"] * 3 + ["lin@example.com"] * 2 + ["noor@example.com"]
        found.ingest("acme.app", _events(who, MONDAY - timedelta(hours=2)))
        answer = found.ask(QUESTION, user="amara")
        assert answer.status == "succeeded", answer.reason
        found.asker.saved.save("amara", "daily", answer.question, answer.plan)
        found.asker.reports.schedule("amara", "daily", "0 8 * * *", "Europe/Berlin", ["log"])
        yield found


def _events(who, at):
    return [
        {"at": (at + timedelta(minutes=n)).isoformat(), "id": f"{at:%d%H}-{n}", "verb": "export", "user": user}
        for n, user in enumerate(who)
    ]


def _told(siem, label="log"):
    siem.deliver()
    file = siem.home / f"{label}.ndjson"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_report_is_told_at_its_time_once(siem, clock):
    assert run_due(siem) == 0
    clock[0] = MONDAY.replace(hour=7, minute=1)  # 8:01 in Berlin
    assert run_due(siem) == 1
    assert run_due(siem) == 0
    (told,) = _told(siem)
    alert = told["alert"]
    assert alert["rule_name"] == "Report: daily"
    assert "for each user" in alert["summary"]
    assert alert["evidence"] == [
        {"1": ["user: amara@example.com", "events: 3"], "2": ["user: lin@example.com", "events: 2"],
         "3": ["user: noor@example.com", "events: 1"]}
    ]  # fmt: skip
    assert alert["description"] == "Scheduled for 2026-11-16 07:00 UTC by amara."
    assert _told(siem, "other") == []


def test_what_was_missed_is_told_once_and_said(siem, clock):
    clock[0] = MONDAY + timedelta(days=3, hours=3)
    siem.ingest("acme.app", _events(["noor@example.com"], clock[0] - timedelta(hours=4)))
    assert run_due(siem) == 1
    assert run_due(siem) == 0
    (told,) = _told(siem)
    assert "3 earlier times were missed" in told["alert"]["description"]
    assert told["alert"]["last_seen"].startswith("2026-11-19T06:59:59")


def test_after_a_crash_between_telling_and_noting_it_is_not_told_again(siem, clock):
    clock[0] = MONDAY.replace(hour=7, minute=1)
    before = siem.state.get(RUNS, "amara/daily")
    assert before is None
    assert run_due(siem) == 1
    reached = siem.state.get(RUNS, "amara/daily").value
    siem.state.update(RUNS, "amara/daily", lambda _: {**reached, "reached": MONDAY.isoformat()})
    assert run_due(siem) == 0
    assert len(_told(siem)) == 1


def test_two_processes_tell_it_once(siem, clock, tmp_path):
    clock[0] = MONDAY.replace(hour=7, minute=1)
    with Runtime.open(_settings(tmp_path, log={}, other={})) as second:
        second.clock = lambda: clock[0]
        assert run_due(siem) + run_due(second) == 1
    assert len(_told(siem)) == 1


def test_each_sink_sees_what_its_policy_lets_through(tmp_path, clock):
    policy = {"redact": {"fields": ["m_user"]}}
    with Runtime.open(_settings(tmp_path, log=policy, other={})) as siem:
        siem.clock = lambda: clock[0]
        siem.ingest("acme.app", _events(["amara@example.com"], MONDAY - timedelta(hours=2)))
        answer = siem.ask(QUESTION, user="amara")
        siem.asker.saved.save("amara", "daily", answer.question, answer.plan)
        siem.asker.reports.schedule("amara", "daily", "0 8 * * *", "Europe/Berlin", ["log", "other"])
        clock[0] = MONDAY.replace(hour=7, minute=1)
        assert run_due(siem) == 1
        assert "amara@example.com" not in json.dumps(_told(siem)[0]["alert"]["evidence"])
        assert "amara@example.com" in json.dumps(_told(siem, "other")[0]["alert"]["evidence"])


def test_a_sink_that_is_gone_is_recorded_and_the_others_are_told(siem, clock):
    siem.asker.reports.schedule("amara", "daily", "0 8 * * *", "Europe/Berlin", ["gone", "log"])
    clock[0] = MONDAY.replace(hour=7, minute=1)
    assert run_due(siem) == 1
    (state,) = states(siem)
    assert state.run.error == "no sink gone: it is not configured, or not enabled"
    assert len(_told(siem)) == 1


def test_a_question_whose_tables_may_not_be_seen_any_more_is_not_answered(siem, clock):
    siem.asker.reports.schedule("amara", "daily", "0 8 * * *", "Europe/Berlin", ["log"], allowed=["other_table"])
    clock[0] = MONDAY.replace(hour=7, minute=1)
    assert run_due(siem) == 0
    (state,) = states(siem)
    assert "there is no table 'acme_app'" in state.run.error
    assert _told(siem) == []
    assert state.next == datetime(2026, 11, 17, 7, tzinfo=UTC)


def test_a_question_that_is_deleted_is_told_no_more(siem, clock):
    siem.asker.saved.delete("amara", "daily")
    clock[0] = MONDAY.replace(hour=7, minute=1)
    assert run_due(siem) == 0
    assert states(siem) == []
    siem.asker.saved.save("amara", "daily", QUESTION, siem.ask("acme app events", user="amara").plan)
    assert siem.asker.reports.get("amara", "daily") is None


def test_a_report_that_is_scheduled_again_begins_then(siem, clock):
    clock[0] = MONDAY.replace(hour=9)
    siem.asker.reports.unschedule("amara", "daily")
    siem.asker.reports.schedule("amara", "daily", "0 8 * * *", "Europe/Berlin", ["log"])
    assert run_due(siem) == 0
    clock[0] = MONDAY + timedelta(days=1, hours=1)
    assert run_due(siem) == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "nothing"}, "no saved question 'nothing'"),
        ({"cron": "every day"}, "no cron expression"),
        ({"cron": "0 8 30 2 *"}, "no cron expression"),
        ({"zone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({"zone": "../etc"}, "no time zone"),
        ({"to": []}, "name the sinks"),
    ],
    ids=["name", "cron", "never", "zone", "path", "sinks"],
)
def test_what_cannot_be_scheduled_is_refused(siem, changes, problem):
    told = {"user": "amara", "name": "daily", "cron": "0 8 * * *", "zone": "UTC", "to": ["log"], **changes}
    with pytest.raises(QueryError, match=problem):
        siem.asker.reports.schedule(**told)


def test_scheduling_is_in_the_audit_log(siem):
    found = {each["action"]: each for each in audit.entries(siem.state, "ask", "question")}
    assert set(found) == {"saved", "scheduled"}
    assert (found["scheduled"]["by"], found["scheduled"]["to"]) == ("amara", ["log"])


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        ("0 8 * * 1", "2026-07-06T06:00:00+00:00", "2026-07-06T06:00:00+00:00"),
        ("0 8 * * 1", "2026-11-16T07:30:00+00:00", "2026-11-16T07:00:00+00:00"),
        ("30 2 * * *", "2026-03-29T01:10:00+00:00", "2026-03-28T01:30:00+00:00"),  # the hour that is left out
        ("30 2 * * *", "2026-03-29T01:30:00+00:00", "2026-03-29T01:30:00+00:00"),
        ("30 2 * * *", "2026-10-25T00:40:00+00:00", "2026-10-25T00:30:00+00:00"),  # the hour that comes twice
        ("30 2 * * *", "2026-10-25T01:40:00+00:00", "2026-10-25T00:30:00+00:00"),
    ],
    ids=["summer", "winter", "before-gap", "in-gap", "first-of-two", "second-of-two"],
)
def test_times_are_those_of_the_clock_on_the_wall(cron, now, expected):
    times = ReportTimes.of(cron, "Europe/Berlin")
    assert times.latest(datetime.fromisoformat(now)) == datetime.fromisoformat(expected)
    assert times.after(datetime.fromisoformat(now)) > datetime.fromisoformat(now)
