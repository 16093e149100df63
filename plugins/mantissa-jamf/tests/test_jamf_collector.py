from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from fake_jamf import CLIENT, SECRET, FakeJamf
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_jamf.collector import LOGS, JamfPro, LogName
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(jamf: FakeJamf, **settings: Any) -> JamfPro:
    given = {"url": jamf.url, "client_id": CLIENT, "client_secret": SECRET, "page_size": 3, "requests_per_minute": 600}
    return JamfPro(JamfPro.Config.model_validate({**given, **settings}))


def read(subject: JamfPro, name: str) -> list[Page]:
    stream = next(each for each in subject.streams() if each.name == name)
    return list(subject.read(stream, WINDOW, {}))


def test_each_log_is_a_stream_of_one_log_type(jamf: FakeJamf) -> None:
    streams = collector(jamf).streams()
    assert [stream.name for stream in streams] == list(LOGS) == list(get_args(LogName))
    assert {stream.log_type for stream in streams} == {"jamf.pro"}


def test_a_window_becomes_a_filter_and_pages_have_numbers(jamf: FakeJamf) -> None:
    jamf.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    pages = read(collector(jamf), "sso")
    query = {
        "page-size": "3",
        "sort": "date:asc",
        "filter": "date>=2025-03-04T09:00:00.000Z;date<2025-03-04T10:00:00.000Z",
    }
    assert [request.route for request in jamf.requests] == ["/api/v3/sso/history"] * 2
    assert [request.query for request in jamf.requests] == [{**query, "page": "0"}, {**query, "page": "1"}]
    assert [page.complete_until for page in pages] == [None, WINDOW.end]


def test_entries_say_from_which_log_they_are(jamf: FakeJamf) -> None:
    jamf.put([Event("e0", START)])
    subject = collector(jamf)
    logs = [page.records[0]["log"] for name in ("sso", "action-logs") for page in read(subject, name)]  # type: ignore[index, call-overload]
    assert logs == ["sso", "action-logs"]


def test_a_full_last_page_is_the_last(jamf: FakeJamf) -> None:
    jamf.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(3)])
    assert len(read(collector(jamf), "action-logs")) == 1


def test_pages_shorter_than_asked_for_are_not_taken_for_the_end(jamf: FakeJamf) -> None:
    jamf.answer = Answer(200, {"totalCount": 9, "results": [{"id": 1}, {"id": 2}]})
    with pytest.raises(Retry, match="page_size"):
        read(collector(jamf), "sso")


def test_an_answer_without_a_count_is_no_answer(jamf: FakeJamf) -> None:
    jamf.answer = Answer(200, {"results": []})
    with pytest.raises(Retry, match="how many entries"):
        read(collector(jamf), "sso")


def test_all_logs_share_an_access_token_and_a_budget(jamf: FakeJamf) -> None:
    subject = collector(jamf, logs=["sso", "enrollment"], requests_per_minute=1)
    subject.check()
    assert len(jamf.tokens.given) == 1
    for _ in range(9):
        subject.check()
    with pytest.raises(Retry, match="budget of 1 requests a minute to Jamf Pro"):
        subject.check()
    assert len(jamf.requests) == 20


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "API client is enabled"),
        (403, "privilege Read SSO Settings"),
        (404, "take it out of 'logs'"),
        (400, "sso"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(jamf: FakeJamf, status: int, words: str) -> None:
    jamf.answer = jamf.refusal(status, "")
    with pytest.raises(NeedsOperator, match=words):
        collector(jamf, logs=["sso"]).check()


def test_a_check_names_everything_that_is_missing(jamf: FakeJamf) -> None:
    jamf.answer = jamf.refusal(403, "")
    with pytest.raises(NeedsOperator) as raised:
        collector(jamf, logs=["sso", "jamf-protect"]).check()
    assert "Read SSO Settings; Jamf Pro does not" in str(raised.value)
    assert str(raised.value).endswith("Read Jamf Protect Settings")


def test_a_client_secret_that_is_wrong_needs_the_operator(jamf: FakeJamf) -> None:
    with pytest.raises(NeedsOperator, match="invalid_client") as raised:
        collector(jamf, client_secret="another").check()
    assert "another" not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [{"url": "http://jamf.example.com"}, {"logs": []}, {"logs": ["policies"]}, {"page_size": 2001}],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(jamf: FakeJamf, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(jamf, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    jamf: FakeJamf, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    jamf.put([Event("e0", START)])
    for name, value in {"URL": jamf.url, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(f"JAMF_{name}", value)
    subject = start_plugin(Collector, "jamf.pro", {})
    stream = next(each for each in subject.streams() if each.name == "action-logs")
    [page] = subject.read(stream, WINDOW, {})
    assert page.records[0]["id"] == "e0"  # type: ignore[index, call-overload]
