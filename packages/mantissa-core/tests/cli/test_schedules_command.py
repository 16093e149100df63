"""Schedules, stored spans and gaps on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from mantissa_core.detect.follow.failing import FAILING
from mantissa_core.detect.follow.progress import Gap, Progress
from mantissa_core.detect.schedule.runs import Runs
from mantissa_core.runtime import Runtime

from .conftest import documents, event, write_lines

VAULT = "6a4a1b8e-2f3c-4a53-9d7e-0d9f6f0c1a11"
KNOCKS = "8c6c3dab-2f3c-4a53-9d7e-0d9f6f0c1a11"
SQL_RULE = f"""
title: Many knocks
id: {KNOCKS}
description: Somebody knocks and knocks.
query: SELECT m_id, m_user FROM acme_audit WHERE verb = 'knock' AND m_time < $window_end
threshold: {{type: count, value: 2}}
schedule_expression: rate(1 minute)
level: medium
tags: [attack.t1110]
mantissa: {{group_by: [m_user]}}
"""


@pytest.fixture
def knocking(home, mantissa_at):
    """An instance with an SQL rule, three knocks and an opened vault that no rule has seen."""
    (home / "rules" / "knocks.yml").write_text(SQL_RULE)
    write_lines(home / "incoming" / "a.log", *(event(n) for n in range(3)), event(9, "open_vault"))
    assert mantissa_at("collect").exit_code == 0
    return mantissa_at


def change(home, act):
    with Runtime.open(home) as runtime:
        return act(runtime)


def test_a_schedule_is_listed_created_switched_and_removed(knocking):
    (known,) = documents(knocking("--json", "schedules", "list"))
    assert (known["rule"], known["schedule_expression"], known["enabled"], known["last_executed"]) == (
        KNOCKS,
        "rate(1 minute)",
        True,
        None,
    )
    made = knocking("schedules", "create", VAULT[:8], "--schedule", "cron(0 9 * * ? *)", "--window", "24h")
    assert made.exit_code == 0, made.output
    assert "Vault opened: cron(0 9 * * ? *), next at" in made.output
    assert "disabled" in knocking("schedules", "disable", VAULT[:8]).output
    listed = {each["rule"]: each for each in documents(knocking("--json", "schedules", "list"))}
    assert (listed[VAULT]["window"], listed[VAULT]["enabled"], listed[VAULT]["next_run"]) == ("1d", False, None)
    assert len(listed[VAULT]["changes"]) == 2
    assert all(each["by"] and each["at"] for each in listed[VAULT]["changes"])
    assert "next at" in knocking("schedules", "enable", VAULT[:8]).output
    assert knocking("schedules", "rm", VAULT[:8]).output == "Removed.\n"
    assert knocking("schedules", "rm", VAULT[:8]).exit_code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("create", VAULT, "--schedule", "every hour"),
        ("create", VAULT, "--schedule", "rate(1 hour)", "--window", "long"),
        ("create", "nothing", "--schedule", "rate(1 hour)"),
        ("enable", VAULT),
    ],
)
def test_what_makes_no_sense_is_refused(mantissa_at, words):
    assert mantissa_at("schedules", *words).exit_code == 2


def test_detect_runs_what_is_due_and_opens_an_alert(home, knocking):
    assert "1 signal: 1 new alert" in knocking("detect").output  # the vault's; the schedule begins now
    change(home, lambda runtime: runtime.state.update("schedule-runs", KNOCKS, lambda old: _earlier(old)))
    assert "1 signal: 1 new alert" in knocking("detect").output
    (known,) = documents(knocking("--json", "schedules", "list"))
    assert (known["rows"], known["signals"], known["error"]) == (3, 1, "")
    shown = knocking("rules", "show", KNOCKS[:8]).output
    assert "last executed" in shown
    assert "fires above    2 rows" in shown


def _earlier(old):
    past = (datetime.now(UTC) - timedelta(minutes=10)).isoformat()
    return {**old, "reached": past, "succeeded": past}


def test_stored_events_are_evaluated_by_their_time(knocking):
    assert knocking("detect").exit_code == 0
    words = ["--from", "2026-11-20T10:00:00", "--to", "2026-11-20T10:02:00"]
    assert "2 signals: 1 new alert" in knocking("detect", *words).output
    assert "0 signals" in knocking("detect", *words).output
    assert "0 signals" in knocking("detect", *words, "--rule", VAULT[:8]).output
    assert documents(knocking("--json", "detect", *words))["problems"] == {}


@pytest.mark.parametrize(
    "words",
    [
        ("--to", "2026-11-20"),
        ("--rule", VAULT),
        ("--gaps", "--replay"),
        ("--from", "2026-11-20", "--forget"),
        ("--from", "2026-11-20", "--to", "2026-11-19"),
        ("--from", "2026-11-20", "--rule", "nothing"),
    ],
)
def test_options_that_do_not_go_together_are_refused(mantissa_at, words):
    assert mantissa_at("detect", *words).exit_code == 2


def test_gaps_are_listed_replayed_and_forgotten(home, knocking):
    assert "No gaps" in knocking("detect", "--gaps").output
    knocking("detect")
    gaps = [Gap("acme_audit", VAULT, "v", 1, 1, "it broke"), Gap("acme_audit", "gone", "v", 1, 1, "it broke")]
    change(home, lambda runtime: [Progress(runtime.state).record(each) for each in gaps])
    assert "it broke" in knocking("detect", "--gaps").output
    assert len(documents(knocking("--json", "detect", "--gaps", "--rule", VAULT[:8]))) == 1
    found = documents(knocking("--json", "doctor"))
    assert sum(each["part"] == "gap" and "it broke" in each["detail"] for each in found) == 2
    result = knocking("detect", "--replay")
    assert result.exit_code == 1
    assert f"rule {VAULT}: closed, 0 signals" in result.output  # it had found them before
    assert "rule gone: still a gap: no rule of that id" in result.output
    assert "1 gap forgotten" in knocking("detect", "--forget").output
    assert knocking("detect", "--replay").exit_code == 0


def test_a_rule_that_keeps_failing_is_shown(home, mantissa_at):
    change(home, lambda runtime: [runtime.failing.failed(VAULT, "Vault opened", "acme_audit", "broke") for _ in "123"])
    assert "FAILING Vault opened: 3 times since" in mantissa_at("rules", "list").output
    assert documents(mantissa_at("--json", "rules", "show", VAULT))["failing"]["failures"] == 3
    result = mantissa_at("doctor")
    assert result.exit_code == 1
    assert "Vault opened" in result.output
    change(home, lambda runtime: runtime.state.update(FAILING, VAULT, lambda _old: None))
    assert "FAILING" not in mantissa_at("rules", "list").output


def test_tests_of_both_kinds_are_run_together(home, knocking):
    (home / "rules" / "knocks.tests.yml").write_text(
        "tests:\n- name: three\n  match: true\n  events:\n    acme.audit:\n"
        + "".join(f'    - {{key: k{n}, at: "2026-11-20T10:00:0{n}Z", verb: knock, actor: alder}}\n' for n in range(3))
    )
    result = knocking("rules", "test")
    assert result.exit_code == 0, result.output
    assert result.output == "1 rule, 1 SQL rule; 3 tests, 0 failed.\n"
    (home / "rules" / "knocks.yml").write_text(SQL_RULE.replace("value: 2", "value: 3"))
    result = knocking("rules", "test", KNOCKS[:8])
    assert result.exit_code == 1
    assert "the query returned 3 rows, it fires above 3" in result.output


@pytest.mark.parametrize("words", [("explain", "--event", "-"), ("convert", "--to", "duckdb")])
def test_what_does_not_apply_to_an_sql_rule_says_so(knocking, words):
    result = knocking("rules", words[0], KNOCKS[:8], *words[1:])
    assert result.exit_code == 2
    assert "is an SQL rule" in result.output


def test_runs_are_kept_by_rule(home, knocking):
    knocking("detect")
    assert list(change(home, lambda runtime: Runs(runtime.state).all())) == [KNOCKS]
