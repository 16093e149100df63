from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_okta import FakeOkta
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event, Fault
from mantissa_core.vendor_api.budget import forget_shared
from mantissa_okta.collector import SystemLog
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(okta: FakeOkta, **settings: Any) -> SystemLog:
    return SystemLog(
        SystemLog.Config.model_validate({"org_url": okta.url, "api_token": okta.token, "page_size": 3, **settings})
    )


def read(subject: SystemLog, state: dict[str, Any] | None = None, window: Window = WINDOW) -> list[Page]:
    return list(subject.read(subject.streams()[0], window, state or {}))


def uuids(pages: Sequence[Page]) -> list[str]:
    return [record["uuid"] for page in pages for record in page.records]  # type: ignore[index, call-overload]


def events(count: int) -> list[Event]:
    return [Event(f"e{number}", START + timedelta(minutes=number)) for number in range(count)]


def test_a_window_becomes_one_bounded_query(okta: FakeOkta) -> None:
    read(collector(okta, page_size=1000, filter='eventType eq "user.session.start"'))
    assert [request.query for request in okta.requests] == [
        {
            "since": "2025-03-04T09:00:00.000Z",
            "until": "2025-03-04T10:00:00.000Z",
            "limit": "1000",
            "sortOrder": "ASCENDING",
            "filter": 'eventType eq "user.session.start"',
        }
    ]


def test_completeness_is_promised_at_the_end_of_a_walk_only(okta: FakeOkta) -> None:
    okta.put(events(7))
    pages = read(collector(okta))
    assert uuids(pages) == [f"e{number}" for number in range(7)]
    assert [page.complete_until for page in pages] == [None, None, WINDOW.end]
    assert [page.more for page in pages] == [True, True, False]
    assert pages[-1].next_state == {}


def test_an_unfinished_walk_is_finished_before_the_next_window_begins(okta: FakeOkta) -> None:
    okta.put([*events(7), Event("later", START + timedelta(minutes=70))])
    state = dict(read(collector(okta))[0].next_state)
    later = Window(START + timedelta(minutes=5), START + timedelta(hours=2))
    okta.requests.clear()
    pages = read(collector(okta), state, later)
    assert uuids(pages) == ["e3", "e4", "e5", "e6", "later"]
    assert [page.complete_until for page in pages] == [None, WINDOW.end, later.end]
    assert okta.requests[-1].query["since"] == "2025-03-04T09:50:00.000Z"


def test_the_walk_of_another_time_is_not_gone_on_with(okta: FakeOkta) -> None:
    okta.put(events(7))
    state = dict(read(collector(okta))[0].next_state)
    earlier = Window(START - timedelta(days=1), START + timedelta(minutes=2))
    assert uuids(read(collector(okta), state, earlier)) == ["e0", "e1"]


def test_a_fraction_of_a_millisecond_is_left_to_the_next_window(okta: FakeOkta) -> None:
    middle = START + timedelta(milliseconds=5, microseconds=700)
    okta.put([Event("at", START + timedelta(milliseconds=5))])
    pages = read(collector(okta), window=Window(START, middle))
    assert uuids(pages) == []
    assert pages[-1].complete_until == START + timedelta(milliseconds=5)
    assert uuids(read(collector(okta), window=Window(middle, WINDOW.end))) == ["at"]


def test_a_short_page_with_a_next_link_is_not_the_end(okta: FakeOkta) -> None:
    okta.always_link = True
    okta.put(events(4))
    subject = collector(okta)
    pages = subject.read(subject.streams()[0], WINDOW, {})
    assert [len(next(pages).records), len(next(pages).records)] == [3, 1]
    okta.put([Event("meanwhile", START + timedelta(minutes=30))])
    assert uuids(list(pages)) == ["meanwhile"]


def test_a_cursor_that_okta_has_forgotten_begins_the_walk_again(okta: FakeOkta) -> None:
    okta.put(events(7))
    state = dict(read(collector(okta))[0].next_state)
    okta.forget_cursors()
    assert uuids(read(collector(okta), state)) == [f"e{number}" for number in range(7)]


def test_a_cursor_that_okta_forgets_at_once_is_no_endless_loop(okta: FakeOkta) -> None:
    okta.put(events(7))
    subject = collector(okta)
    pages = subject.read(subject.streams()[0], WINDOW, {})
    next(pages)
    okta.forget_cursors()
    with pytest.raises(Retry, match="just given"):
        next(pages)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("http://attacker.example/api/v1/logs?after=1", "another host"),
        ("http://127.0.0.1:1/api/v1/logs?after=1", "another host"),
        ("//attacker.example/?after=1", "another host"),
        ("https://127.0.0.1/api/v1/logs?after=1", "another host"),
        ("/api/v1/logs?limit=3", "no 'after'"),
        ("http://[", "another host|no address"),
    ],
)
def test_a_next_link_is_never_followed_to_another_host(okta: FakeOkta, link: str, words: str) -> None:
    okta.put(events(7))
    okta.link = link
    with pytest.raises(Retry, match=words):
        read(collector(okta))
    assert len(okta.requests) == 1


def test_a_rate_limit_gives_the_seconds_until_its_reset(okta: FakeOkta) -> None:
    okta.inject(Fault.RATE_LIMIT)
    with pytest.raises(Retry, match=r"rate limit is used up \(E0000047, req-1\)") as raised:
        read(collector(okta))
    assert raised.value.after is not None
    assert 30 <= raised.value.after <= 41


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "Tue, 04 Mar 2025 09:00:30 GMT", "Date": "Tue, 04 Mar 2025 09:00:00 GMT"}, 30, 30),
        ({"X-Rate-Limit-Reset": "1741078820", "Date": "Tue, 04 Mar 2025 09:00:00 GMT"}, 20, 20),
        ({"X-Rate-Limit-Reset": "1741078820"}, 1, 1),
        ({"X-Rate-Limit-Reset": "99999999999"}, 3600, 3600),
        ({"Retry-After": "nan", "X-Rate-Limit-Reset": "inf"}, None, None),
        ({"X-Rate-Limit-Reset": "soon"}, None, None),
    ],
    ids=str,
)
def test_headers_of_a_rate_limit_are_understood(
    okta: FakeOkta, headers: dict[str, str], low: float | None, high: float | None
) -> None:
    okta.limit_headers = None
    okta.answer = Answer(429, b"{}", headers)
    with pytest.raises(Retry) as raised:
        read(collector(okta))
    after = raised.value.after
    assert (after is None and low is None) or (low is not None and high is not None and low <= (after or 0) <= high)


def test_the_last_request_of_a_limit_is_not_followed_by_another(okta: FakeOkta) -> None:
    okta.put(events(7))
    okta.remaining = 0
    subject = collector(okta)
    pages = subject.read(subject.streams()[0], WINDOW, {})
    state = next(pages).next_state
    with pytest.raises(Retry, match="used up") as raised:
        next(pages)
    assert len(okta.requests) == 1
    assert raised.value.after is not None
    okta.remaining = 100
    forget_shared()  # as after the reset, which is 40 seconds away
    assert uuids(read(collector(okta), dict(state))) == ["e3", "e4", "e5", "e6"]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "create a new one"),
        (403, "Read-only Administrator"),
        (404, "check org_url"),
        (400, "filter"),
        (302, "302"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(okta: FakeOkta, status: int, words: str) -> None:
    okta.answer = Answer(status, {"errorCode": "E0000011", "errorSummary": "secret <script>"})
    with pytest.raises(NeedsOperator, match=words) as raised:
        collector(okta).check()
    assert "E0000011" in str(raised.value)
    assert "script" not in str(raised.value)


@pytest.mark.parametrize("body", [b"", b"<html>sign in</html>", b'{"events": []}', b"[1]", b"[" * 5_000])
def test_an_answer_that_is_no_list_of_events_is_tried_again(okta: FakeOkta, body: bytes) -> None:
    okta.answer = Answer(200, body)
    with pytest.raises(Retry):
        read(collector(okta))


def test_nobody_at_the_address_is_tried_again() -> None:
    subject = SystemLog(SystemLog.Config.model_validate({"org_url": "http://127.0.0.1:9", "api_token": "x"}))
    with pytest.raises(Retry, match="ConnectError"):
        subject.check()


@pytest.mark.parametrize("text", ["https://example.okta.com", "https://example.okta.com/", "example.okta.com"])
def test_the_address_of_an_organisation(text: str) -> None:
    config = SystemLog.Config.model_validate({"org_url": text, "api_token": "x"})
    assert config.org_url == "https://example.okta.com"


@pytest.mark.parametrize(
    "settings",
    [
        {"org_url": "http://example.okta.com"},
        {"org_url": "https://example.okta.com/api/v1/logs"},
        {"org_url": "https://user:password@example.okta.com"},
        {"org_url": "ftp://example.okta.com"},
        {"org_url": "https://"},
        {"org_url": "https://["},
        {"page_size": 1001},
        {"unknown": 1},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SystemLog.Config.model_validate({"org_url": "https://example.okta.com", "api_token": "x", **settings})


@pytest.mark.parametrize("token", ["", "new\nline", "spa ce", "ümlaut"])
def test_a_token_that_no_header_can_hold_is_refused_without_being_quoted(token: str) -> None:
    config = SystemLog.Config.model_validate({"org_url": "https://example.okta.com", "api_token": token})
    with pytest.raises(NeedsOperator, match="api_token") as raised:
        SystemLog(config)
    assert not token or token not in str(raised.value)


def test_the_fake_refuses_what_okta_refuses(okta: FakeOkta) -> None:
    with pytest.raises(NeedsOperator, match="API token"):
        collector(okta, api_token="wrong").check()
    okta.put(events(1))
    subject = collector(okta)
    subject._config = subject._config.model_copy(update={"page_size": 1001})
    with pytest.raises(NeedsOperator, match="E0000001"):
        read(subject)
    assert [request.query["limit"] for request in okta.requests].count("1001") == 1


def test_the_installed_plugin_reads_through_the_host(
    okta: FakeOkta, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    okta.put(events(4))
    monkeypatch.setenv("OKTA_ORG_URL", okta.url)
    subject = start_plugin(Collector, "okta.system", {"api_token": "secret://token", "page_size": 3}, token=okta.token)
    assert uuids(list(subject.read(subject.streams()[0], WINDOW, {}))) == ["e0", "e1", "e2", "e3"]
