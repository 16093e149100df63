from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_onepassword import TOKEN, FakeOnePassword
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_onepassword.collector import OnePasswordEvents
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


def collector(fake: FakeOnePassword, **settings: Any) -> OnePasswordEvents:
    given = {"url": fake.url, "token": TOKEN, "page_size": 3, "timeout": 10}
    return OnePasswordEvents(OnePasswordEvents.Config.model_validate({**given, **settings}))


def read(subject: OnePasswordEvents, name: str = "signin") -> list[Page]:
    stream = next(each for each in subject.streams() if each.name == name)
    return list(subject.read(stream, WINDOW, {}))


def test_each_kind_of_event_is_a_stream(onepassword: FakeOnePassword) -> None:
    found = [(each.name, each.log_type) for each in collector(onepassword).streams()]
    assert found == [(name, f"onepassword.{name}") for name in ("signin", "item_usage", "audit")]


def test_only_what_the_settings_name_is_read(onepassword: FakeOnePassword) -> None:
    onepassword.features = ["auditevents"]
    subject = collector(onepassword, events=["audit"])
    subject.check()
    assert [each.name for each in subject.streams()] == ["audit"]


@pytest.mark.parametrize(
    ("name", "feature"), [("signin", "signinattempts"), ("item_usage", "itemusages"), ("audit", "auditevents")]
)
def test_a_walk_begins_with_a_reset_and_goes_on_with_the_cursor_alone(
    onepassword: FakeOnePassword, name: str, feature: str
) -> None:
    onepassword.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(5)])
    pages = read(collector(onepassword), name)
    reset = {"limit": 3, "start_time": "2025-03-04T08:59:59.999Z", "end_time": "2025-03-04T10:00:00.001Z"}
    assert [(each.route, each.json()) for each in onepassword.requests] == [
        (f"/api/v2/{feature}", reset),
        (f"/api/v2/{feature}", {"cursor": "c_0"}),
    ]
    assert [page.complete_until for page in pages] == [None, WINDOW.end]


def test_the_cursor_at_the_end_is_not_followed(onepassword: FakeOnePassword) -> None:
    [page] = read(collector(onepassword))
    assert (page.records, page.next_state, len(onepassword.requests)) == ([], {}, 1)


def test_a_cursor_that_is_not_known_any_more_begins_the_walk_again(onepassword: FakeOnePassword) -> None:
    onepassword.put([Event(f"e{number}", START + timedelta(minutes=number)) for number in range(4)])
    subject = collector(onepassword)
    stream = subject.streams()[0]
    state = next(subject.read(stream, WINDOW, {})).next_state
    onepassword.forget_cursors()
    assert sum(len(page.records) for page in subject.read(stream, WINDOW, state)) == 4


@pytest.mark.parametrize(
    "body", [{"items": [], "cursor": "c"}, {"items": [], "has_more": True}], ids=["more", "cursor"]
)
def test_an_answer_that_does_not_say_whether_there_is_more_is_no_end(onepassword: FakeOnePassword, body: Any) -> None:
    onepassword.answer = Answer(200, body)
    with pytest.raises(Retry, match="whether there is more"):
        read(collector(onepassword))


def test_the_check_names_what_the_token_may_not_report(onepassword: FakeOnePassword) -> None:
    onepassword.features = ["itemusages"]
    with pytest.raises(NeedsOperator, match="may not report signinattempts, auditevents"):
        collector(onepassword).check()


@pytest.mark.parametrize(("status", "words"), [(401, "issue a new one"), (404, "check url")])
def test_a_refusal_says_what_the_operator_must_do(onepassword: FakeOnePassword, status: int, words: str) -> None:
    onepassword.answer = onepassword.refusal(status, "")
    with pytest.raises(NeedsOperator, match=words):
        collector(onepassword).check()


@pytest.mark.parametrize(
    "settings",
    [{"url": "http://events.1password.com"}, {"page_size": 1001}, {"events": []}, {"events": ["logins"]}],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(onepassword: FakeOnePassword, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        collector(onepassword, **settings)


def test_the_installed_plugin_takes_its_token_from_the_environment(
    onepassword: FakeOnePassword, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    onepassword.put([Event("e0", START)])
    monkeypatch.setenv("EVENTS_API_TOKEN", TOKEN)
    subject = start_plugin(Collector, "onepassword.events", {"url": onepassword.url})
    [page] = subject.read(subject.streams()[0], WINDOW, {})
    assert page.records[0]["uuid"] == "e0"  # type: ignore[index, call-overload]
