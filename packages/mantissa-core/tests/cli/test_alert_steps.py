"""The steps of an alert's life, on the command line."""

from __future__ import annotations

import pytest

from .conftest import documents, event, write_lines


@pytest.fixture
def alerts(home, mantissa_at):
    """The ids of three alerts, newest event first."""
    for number, actor in enumerate(["alder", "birch", "cedar"]):
        write_lines(home / "incoming" / "a.log", event(100 * number, "open_vault", actor=actor))
    assert mantissa_at("collect").exit_code == 0
    assert mantissa_at("detect").exit_code == 0
    return [each["id"] for each in documents(mantissa_at("--json", "alerts", "list"))]


@pytest.mark.parametrize(
    ("step", "status"), [("ack", "acknowledged"), ("resolve", "resolved"), ("suppress", "suppressed")]
)
def test_a_step_is_taken_once_and_shown(alerts, mantissa_at, step, status):
    assert mantissa_at("alerts", step, alerts[0][:10], "--note", "why").output.endswith(f": {status}.\n")
    assert f": {status} already, by " in mantissa_at("alerts", step, alerts[0]).output
    assert f"({status})" in mantissa_at("alerts", "list").output
    assert f"{status}, by " in mantissa_at("alerts", "show", alerts[0]).output
    assert [each["id"] for each in documents(mantissa_at("--json", "alerts", "list", "--status", status))] == [
        alerts[0]
    ]
    assert documents(mantissa_at("--json", "alerts", "reopen", alerts[0]))["status"] == "open"


def test_what_the_status_does_not_allow_is_an_error_that_says_what_to_do(alerts, mantissa_at):
    mantissa_at("alerts", "resolve", alerts[0])
    result = mantissa_at("alerts", "ack", alerts[0])
    assert result.exit_code == 1
    assert "the alert is resolved: acknowledge it after it was reopened" in result.output + result.stderr


def test_the_timeline_holds_events_messages_steps_and_verdicts_in_order(alerts, mantissa_at):
    mantissa_at("alerts", "ack", alerts[0], "--note", "looking")
    mantissa_at("alerts", "verdict", alerts[0], "benign")
    mantissa_at("alerts", "resolve", alerts[0])
    lines = documents(mantissa_at("--json", "alerts", "timeline", alerts[0]))
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    said = [line["what"] for line in lines]
    assert said[0] == "first event"
    assert [
        each for each in said if each in {"alert opened", "acknowledged: looking", "verdict: benign", "resolved"}
    ] == [
        "alert opened",
        "acknowledged: looking",
        "verdict: benign",
        "resolved",
    ]
    assert "acknowledged: looking" in mantissa_at("alerts", "timeline", alerts[0]).output


def test_related_alerts_are_shown_with_what_they_share(alerts, mantissa_at):
    shown = documents(mantissa_at("--json", "alerts", "show", alerts[0]))
    assert shown["related"]
    assert set(shown["related"][0]["shares"]) <= {"user", "src_ip", "target"}
    assert "RELATED" in mantissa_at("alerts", "show", alerts[0]).output
