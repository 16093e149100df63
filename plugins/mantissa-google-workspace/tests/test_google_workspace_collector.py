from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fake_google_workspace import ACCOUNT, SUBJECT, FakeGoogleWorkspace, activity
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_google_workspace.collector import LATE, PROMPT, Reports
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=6))


def reports(google: FakeGoogleWorkspace, **settings: Any) -> Reports:
    given = {"subject": SUBJECT, "service_account_key": json.dumps(google.key), "api_url": google.url}
    limits = {"page_size": 3, "requests_per_minute": 2400, "timeout": 10}
    return Reports(Reports.Config.model_validate({**given, **limits, **settings}))


def read(subject: Reports, name: str = "drive") -> list[Page]:
    stream = next(each for each in subject.streams() if each.name == name)
    return list(subject.read(stream, WINDOW, {}))


def records(pages: list[Page]) -> list[Any]:
    return [record for page in pages for record in page.records]


def test_each_application_is_a_stream_that_is_read_again_for_as_long_as_its_log_lags(
    google: FakeGoogleWorkspace,
) -> None:
    assert [(each.name, each.log_type, each.overlap) for each in reports(google).streams()] == [
        ("admin", "gworkspace.activity", PROMPT),
        ("login", "gworkspace.activity", LATE),
        ("drive", "gworkspace.activity", PROMPT),
        ("token", "gworkspace.activity", LATE),
    ]
    other = reports(google, applications=["saml", "chat"], overlap_minutes=60).streams()
    assert [(each.name, each.overlap) for each in other] == [("saml", timedelta(hours=1)), ("chat", timedelta(hours=1))]


def test_activities_are_asked_for_newest_first_with_inclusive_bounds(google: FakeGoogleWorkspace) -> None:
    google.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    read(reports(google, customer_id="C00000001"))
    bounds = {"startTime": "2025-03-04T09:00:00.000Z", "endTime": "2025-03-04T15:00:00.000Z", "maxResults": "3"}
    first = {**bounds, "customerId": "C00000001"}
    assert [request.query for request in google.requests] == [first, {**first, "pageToken": "c_0"}]
    assert {request.route.rpartition("/")[2] for request in google.requests} == {"drive"}


def test_an_activity_with_several_events_makes_as_many_records(google: FakeGoogleWorkspace) -> None:
    event = Event("e0", START)
    google.put([event])
    google.activities = {"e0": {**activity(event, "drive"), "events": [{"name": "edit"}, {"name": "rename"}]}}
    found = records(read(reports(google)))
    assert [(each["name"], each["event_index"], each["id"]["uniqueQualifier"]) for each in found] == [
        ("edit", 0, "e0"),
        ("rename", 1, "e0"),
    ]


@pytest.mark.parametrize("events", [None, [], "none", [None, 5]])
def test_an_odd_activity_spoils_no_other(google: FakeGoogleWorkspace, events: Any) -> None:
    both = [Event("odd", START), Event("good", START + timedelta(minutes=1))]
    google.put(both)
    google.activities = {"odd": {**activity(both[0]), "events": events}}
    assert [each["id"]["uniqueQualifier"] for each in records(read(reports(google)))] == ["good", "odd"]


def test_a_page_without_activities_is_told_from_an_error(google: FakeGoogleWorkspace) -> None:
    assert records(read(reports(google))) == []
    for body in ({}, {"kind": "admin#reports#activities", "items": {}}, {"error": {"code": 500}}):
        google.answer = Answer(200, body)
        with pytest.raises(Retry, match="no list of events"):
            read(reports(google))


def test_a_page_token_that_has_expired_begins_the_walk_again(google: FakeGoogleWorkspace) -> None:
    google.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = reports(google)
    stream = subject.streams()[0]
    state = next(subject.read(stream, WINDOW, {})).next_state
    google.forget_cursors()
    assert len(records(list(subject.read(stream, WINDOW, state)))) == 4


@pytest.mark.parametrize(
    "reason", ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"]
)
def test_a_403_for_a_quota_is_passing(google: FakeGoogleWorkspace, reason: str) -> None:
    google.answer = google.refusal(403, reason)
    with pytest.raises(Retry, match=rf"rate limit is used up \({reason}\)"):
        reports(google).check()


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "accessNotConfigured", "Admin SDK API is not enabled"),
        (403, "forbidden", "privilege Reports"),
        (403, "insufficientPermissions", "domain-wide delegation"),
        (403, "", "privilege Reports"),
        (401, "authError", "subject"),
        (400, "invalid", "applications"),
        (404, "notFound", "api_url"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(
    google: FakeGoogleWorkspace, status: int, reason: str, words: str
) -> None:
    google.answer = google.refusal(status, reason)
    with pytest.raises(NeedsOperator, match=words) as raised:
        reports(google).check()
    assert f"({reason or 'REFUSED'})" in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "text"}', b'{"error": {"errors": [5]}}', b"<html>"])
def test_a_403_of_any_form_needs_the_operator(google: FakeGoogleWorkspace, body: bytes) -> None:
    google.answer = Answer(403, body)
    with pytest.raises(NeedsOperator, match="privilege Reports"):
        reports(google).check()


def test_every_application_is_checked(google: FakeGoogleWorkspace) -> None:
    reports(google).check()
    assert [request.route.rpartition("/")[2] for request in google.requests] == ["admin", "login", "drive", "token"]


def test_a_subject_without_delegation_is_refused_with_what_it_needs(google: FakeGoogleWorkspace) -> None:
    with pytest.raises(NeedsOperator, match=r"\(unauthorized_client\).*domain-wide delegation"):
        reports(google, subject="noor@example.com").check()


def test_a_key_that_was_revoked_is_refused(google: FakeGoogleWorkspace) -> None:
    with pytest.raises(NeedsOperator, match="invalid_grant"):
        reports(google, service_account_key=json.dumps({**google.key, "private_key_id": "key-0"})).check()


def test_the_key_may_be_in_a_file(google: FakeGoogleWorkspace, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(google.key))
    reports(google, service_account_key=None, credentials_file=file).check()


def weak_key() -> str:
    parts = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return rsa.generate_private_key(public_exponent=65_537, key_size=1024).private_bytes(*parts).decode()


@pytest.mark.parametrize(
    "change",
    [{"private_key": "none"}, {"private_key": ""}, {"client_email": None}, {"token_uri": "http://example.com/token"}],
    ids=str,
)
def test_what_is_no_key_is_refused_without_being_quoted(google: FakeGoogleWorkspace, change: dict[str, Any]) -> None:
    with pytest.raises(NeedsOperator, match="key") as raised:
        reports(google, service_account_key=json.dumps({**google.key, **change}))
    assert ACCOUNT not in str(raised.value)


def test_a_weak_key_is_refused(google: FakeGoogleWorkspace) -> None:
    with pytest.raises(NeedsOperator, match="2,048 bits"):
        reports(google, service_account_key=json.dumps({**google.key, "private_key": weak_key()}))


@pytest.mark.parametrize("content", [None, b"{", b"\xff", b'{"type": "authorized_user"}'])
def test_a_file_without_a_key_is_refused(google: FakeGoogleWorkspace, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "key.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NeedsOperator, match=r"credentials_file.*key\.json"):
        reports(google, service_account_key=None, credentials_file=file)


def test_settings_without_a_key_are_refused(google: FakeGoogleWorkspace) -> None:
    with pytest.raises(NeedsOperator, match="service_account_key or credentials_file: found neither"):
        reports(google, service_account_key=None)


@pytest.mark.parametrize(
    "settings",
    [
        {"subject": "admin"},
        {"applications": []},
        {"applications": ["../drive"]},
        {"page_size": 1001},
        {"overlap_minutes": -1},
        {"requests_per_minute": 0},
        {"api_url": "http://admin.googleapis.com"},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(google: FakeGoogleWorkspace, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        reports(google, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    google: FakeGoogleWorkspace, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    google.put([Event("e0", START)])
    file = tmp_path / "key.json"
    file.write_text(json.dumps(google.key))
    monkeypatch.setenv("GOOGLE_WORKSPACE_SUBJECT", SUBJECT)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    subject = start_plugin(Collector, "gworkspace.reports", {"api_url": google.url})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["eventService"] == "admin.googleapis.com"  # type: ignore[index, call-overload]
