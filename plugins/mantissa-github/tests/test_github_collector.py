from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_github import TOKEN, FakeGitHub
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_github.collector import AuditLog
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(github: FakeGitHub, **settings: Any) -> AuditLog:
    given = {"enterprise": "example", "token": TOKEN, "api_url": github.url, "page_size": 3, **settings}
    return AuditLog(AuditLog.Config.model_validate(given))


def read(subject: AuditLog, window: Window = WINDOW) -> list[Page]:
    return list(subject.read(subject.streams()[0], window, {}))


def test_a_window_becomes_a_phrase_and_the_cursor_comes_from_the_link(github: FakeGitHub) -> None:
    github.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    pages = read(collector(github))
    query = {
        "include": "all",
        "order": "asc",
        "per_page": "3",
        "phrase": "created:2025-03-04T09:00:00Z..2025-03-04T10:00:00Z",
    }
    assert [request.query for request in github.requests] == [query, {**query, "after": "c_0"}]
    assert [page.complete_until for page in pages] == [None, WINDOW.end]
    assert github.requests[0].headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.parametrize(
    ("settings", "route"),
    [
        ({}, "/enterprises/example/audit-log"),
        ({"org": "other"}, "/enterprises/example/audit-log"),
        ({"enterprise": "", "org": "example"}, "/orgs/example/audit-log"),
    ],
    ids=str,
)
def test_the_enterprise_is_read_and_else_the_organisation(
    github: FakeGitHub, settings: dict[str, str], route: str
) -> None:
    collector(github, **settings).check()
    assert [request.route for request in github.requests] == [route]


def test_a_part_of_a_second_is_left_to_the_next_window(github: FakeGitHub) -> None:
    middle = START + timedelta(seconds=5, milliseconds=700)
    pages = read(collector(github), Window(START, middle))
    assert pages[-1].complete_until == START + timedelta(seconds=5)


def test_a_window_shorter_than_a_second_asks_for_nothing(github: FakeGitHub) -> None:
    [page] = read(collector(github), Window(START, START + timedelta(milliseconds=300)))
    assert page.complete_until == START
    assert github.requests == []


def test_a_cursor_that_github_has_forgotten_begins_the_walk_again(github: FakeGitHub) -> None:
    github.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = collector(github)
    state = next(subject.read(subject.streams()[0], WINDOW, {})).next_state
    github.forget_cursors()
    assert sum(len(page.records) for page in subject.read(subject.streams()[0], WINDOW, state)) == 4


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "create a new one"), (403, "read:audit_log"), (404, "no such enterprise"), (422, "query")],
)
def test_a_refusal_says_what_the_operator_must_do(github: FakeGitHub, status: int, words: str) -> None:
    github.answer = Answer(status, {"message": "no"}, {"X-GitHub-Request-Id": "AB12:17"})
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(github).check()
    assert str(raised.value).endswith("(AB12:17)")


def test_the_secondary_limit_says_when_to_come_back(github: FakeGitHub) -> None:
    github.answer = Answer(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "60"})
    with pytest.raises(Retry, match="rate limit") as raised:
        collector(github).check()
    assert raised.value.after == 60


@pytest.mark.parametrize(
    "settings",
    [
        {"enterprise": ""},
        {"enterprise": "../orgs/other"},
        {"enterprise": "", "org": "a/b"},
        {"api_url": "http://github.example.com/api/v3"},
        {"page_size": 101},
        {"include": "none"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(github: FakeGitHub, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(github, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    github: FakeGitHub, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    github.put([Event("e0", START)])
    monkeypatch.setenv("GITHUB_ORG", "example")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    subject = start_plugin(Collector, "github.audit", {"api_url": github.url})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["_document_id"] == "e0"  # type: ignore[index, call-overload]
