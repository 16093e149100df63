from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_slack import TOKEN, FakeSlack
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_slack.collector import AuditLogs
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(slack: FakeSlack, **settings: Any) -> AuditLogs:
    given = {"token": TOKEN, "api_url": slack.url, "page_size": 3, "requests_per_minute": 600, **settings}
    return AuditLogs(AuditLogs.Config.model_validate(given))


def read(subject: AuditLogs, window: Window = WINDOW) -> list[Page]:
    return list(subject.read(subject.streams()[0], window, {}))


def test_every_page_is_asked_for_with_the_bounds_of_the_window(slack: FakeSlack) -> None:
    slack.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    pages = read(collector(slack))
    query = {"oldest": "1741078800", "latest": "1741082400", "limit": "3"}
    assert [request.query for request in slack.requests] == [query, {**query, "cursor": "c_0"}]
    assert [page.complete_until for page in pages] == [None, WINDOW.end]


def test_a_part_of_a_second_is_left_to_the_next_window(slack: FakeSlack) -> None:
    pages = read(collector(slack), Window(START, START + timedelta(seconds=5, milliseconds=700)))
    assert pages[-1].complete_until == START + timedelta(seconds=5)


@pytest.mark.parametrize("status", [400, 200])
def test_a_cursor_that_slack_has_forgotten_begins_the_walk_again(slack: FakeSlack, status: int) -> None:
    slack.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = collector(slack)
    state = next(subject.read(subject.streams()[0], WINDOW, {})).next_state
    slack.answer = Answer(status, {"ok": False, "error": "invalid_cursor"})
    with pytest.raises((Retry, NeedsOperator)):  # refused once more, without a cursor
        list(subject.read(subject.streams()[0], WINDOW, state))
    assert "cursor" not in slack.requests[-1].query
    slack.answer = None
    slack.forget_cursors()
    assert sum(len(page.records) for page in subject.read(subject.streams()[0], WINDOW, state)) == 4


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "invalid_authentication", "install the app in the organisation anew"),
        (403, "user_not_authorized", "auditlogs:read"),
        (404, "unknown_method", "api_url"),
        (400, "invalid_arguments", "refuses the query"),
        (200, "missing_scope", "auditlogs:read"),
        (200, "feature_not_enabled", "plan must be Enterprise"),
        (200, "not_allowed_token_type", "of another kind"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(slack: FakeSlack, status: int, code: str, words: str) -> None:
    slack.answer = Answer(status, {"ok": False, "error": code})
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(slack).check()
    assert code in str(raised.value)


def test_the_limit_says_when_to_come_back(slack: FakeSlack) -> None:
    slack.answer = Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"})
    with pytest.raises(Retry, match="rate limit") as raised:
        collector(slack).check()
    assert raised.value.after == 30


@pytest.mark.parametrize("error", ["ratelimited", "fatal_error", 7, None, ["missing_scope"]], ids=str)
def test_other_errors_with_status_200_pass(slack: FakeSlack, error: Any) -> None:
    slack.answer = Answer(200, {"ok": False, "error": error})
    with pytest.raises(Retry):
        collector(slack).check()


def test_the_organisations_limit_is_left_to_others_too(slack: FakeSlack) -> None:
    slack.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(36)])
    with pytest.raises(Retry, match="budget of 1 requests a minute to Slack"):
        read(collector(slack, requests_per_minute=1))
    assert len(slack.requests) == 10


@pytest.mark.parametrize(
    "settings",
    [{"api_url": "http://api.slack.com"}, {"api_url": "api.slack.com/audit"}, {"page_size": 10_000}],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(slack: FakeSlack, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(slack, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    slack: FakeSlack, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    slack.put([Event("e0", START)])
    monkeypatch.setenv("SLACK_AUDIT_TOKEN", TOKEN)
    subject = start_plugin(Collector, "slack.audit", {"api_url": slack.url})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["id"] == "e0"  # type: ignore[index, call-overload]
