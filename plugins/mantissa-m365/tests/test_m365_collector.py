from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_m365 import CLIENT, NOW, SECRET, TENANT, FakeM365, record
from mantissa_core.errors import NeedsOperator, Retry
from mantissa_core.hookspecs import Collector
from mantissa_core.model import Page, Stream, Window
from mantissa_core.testing.fake_vendor import Answer, Event
from mantissa_m365 import collector
from mantissa_m365.collector import KEPT, ManagementActivity
from mantissa_m365.content import Place
from pydantic import ValidationError

START = datetime(2025, 3, 4, 9, 0, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=6))
EVENT = Event("e0", START)


def activity(m365: FakeM365, **settings: Any) -> ManagementActivity:
    given = {"tenant_id": TENANT, "client_id": CLIENT, "client_secret": SECRET, "requests_per_minute": 10_000}
    addresses = {"api_url": m365.url, "login_url": m365.url, "timeout": 10}
    config = ManagementActivity.Config.model_validate({**given, **addresses, **settings})
    return ManagementActivity(config, clock=lambda: NOW)


def stream_of(subject: ManagementActivity, name: str = "Audit.Exchange") -> Stream:
    return next(each for each in subject.streams() if each.name == name)


def read(subject: ManagementActivity, window: Window = WINDOW, name: str = "Audit.Exchange") -> list[Page]:
    return list(subject.read(stream_of(subject, name), window, {}))


def ids(pages: list[Page]) -> list[str]:
    return [each["Id"] for page in pages for each in page.records]  # type: ignore[call-overload, index]


def events(count: int) -> list[Event]:
    return [Event(f"e{number}", START + timedelta(minutes=number)) for number in range(count)]


def routes(m365: FakeM365) -> list[str]:
    return [request.route.rpartition("/feed/")[2] for request in m365.requests]


def test_each_type_of_content_is_a_stream_read_by_when_it_arrived(m365: FakeM365) -> None:
    found = activity(m365).streams()
    assert [each.name for each in found] == [
        "Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General",
    ]  # fmt: skip
    assert all(each.by_arrival and each.log_type == "m365.audit" for each in found)
    assert [each.name for each in activity(m365, content_types=["DLP.All"]).streams()] == ["DLP.All"]


def test_content_is_listed_by_whole_seconds_and_fetched_piece_by_piece(m365: FakeM365) -> None:
    m365.put(events(4))
    assert ids(read(activity(m365))) == ["e0", "e1", "e2", "e3"]
    listing = m365.requests[0].query
    assert listing == {
        "contentType": "Audit.Exchange",
        "startTime": "2025-03-04T09:00:00",
        "endTime": "2025-03-04T15:00:00",
        "PublisherIdentifier": TENANT,
    }
    pieces = [f"audit/e{number}$1$04" for number in range(4)]
    assert routes(m365) == ["subscriptions/content", *pieces[:3], "subscriptions/content", pieces[3]]
    assert {request.query["PublisherIdentifier"] for request in m365.requests} == {TENANT}


def test_the_publisher_of_the_settings_is_named(m365: FakeM365) -> None:
    m365.put([EVENT])
    read(activity(m365, publisher_identifier="46b472a7-c68e-4adf-8ade-3db49497518e"))
    assert {each.query["PublisherIdentifier"] for each in m365.requests} == {"46b472a7-c68e-4adf-8ade-3db49497518e"}


def test_a_page_ends_behind_enough_events_and_goes_on_with_the_next_content(
    m365: FakeM365, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "EVENTS", 4)
    m365.put(events(3))
    m365.bodies = {event.id: [record(Event(f"{event.id}-{each}", START)) for each in range(3)] for event in events(3)}
    pages = read(activity(m365))
    assert [len(page.records) for page in pages] == [6, 3]
    assert len(set(ids(pages))) == 9
    assert pages[0].next_state["after"] == '["", "e1$1$04"]'


def test_a_page_that_is_not_known_any_more_begins_the_walk_again(m365: FakeM365) -> None:
    m365.put(events(4))
    subject = activity(m365)
    state = next(subject.read(stream_of(subject), WINDOW, {})).next_state
    m365.forget_cursors()
    assert ids(list(subject.read(stream_of(subject), WINDOW, state))) == ["e0", "e1", "e2", "e3"]


def test_a_place_whose_content_is_gone_begins_the_page_again() -> None:
    assert Place.from_text(Place("p", "gone").to_text()).rest([]) == []
    assert Place.from_text(None) == Place()


def test_content_that_has_expired_becomes_a_dead_letter_and_the_rest_is_read(m365: FakeM365) -> None:
    m365.put(events(4))
    m365.gone = {"e1"}
    pages = read(activity(m365))
    assert ids(pages) == ["e0", "e2", "e3"]
    [rejected] = [each for page in pages for each in page.rejected]
    assert "e1$1$04" in rejected.reason
    assert "(AF20051)" in rejected.reason


def test_what_is_no_event_becomes_a_dead_letter_and_the_rest_of_the_content_is_read(m365: FakeM365) -> None:
    m365.put([EVENT])
    m365.bodies = {"e0": [record(EVENT), "half an eve", None, record(Event("e1", START))]}
    pages = read(activity(m365))
    assert ids(pages) == ["e0", "e1"]
    assert [(each.raw, each.position) for each in pages[0].rejected] == [(b'"half an eve"', 1), (b"null", 2)]


@pytest.mark.parametrize("body", [{"error": {"code": "AF50000"}}, {}, "text", None], ids=str)
def test_content_that_is_no_list_is_asked_for_again(m365: FakeM365, body: Any) -> None:
    m365.put([EVENT])
    m365.bodies = {"e0": body}
    with pytest.raises(Retry, match="no list of events"):
        read(activity(m365))


def test_content_at_another_host_is_not_fetched(m365: FakeM365) -> None:
    m365.put([EVENT])
    m365.elsewhere = "https://manage.example.com"
    with pytest.raises(Retry, match="another host"):
        read(activity(m365))
    assert routes(m365) == ["subscriptions/content"]


@pytest.mark.parametrize(
    "entry", [{"contentId": "1"}, {"contentUri": "https://x"}, {"contentId": 1, "contentUri": "x"}]
)
def test_a_listing_without_ids_or_addresses_is_asked_for_again(m365: FakeM365, entry: dict[str, Any]) -> None:
    m365.answer = Answer(200, [entry])
    with pytest.raises(Retry, match="without id or address"):
        read(activity(m365))


def test_a_next_page_without_its_name_is_asked_for_again(m365: FakeM365) -> None:
    m365.answer = Answer(200, [], {"NextPageUri": f"{m365.url}/api/v1/{TENANT}/activity/feed/subscriptions/content"})
    with pytest.raises(Retry, match="next page"):
        read(activity(m365))


def test_what_is_older_than_seven_days_is_given_up_as_a_dead_letter(m365: FakeM365) -> None:
    oldest = NOW - KEPT
    m365.put([Event("old", oldest - timedelta(hours=1)), Event("new", oldest + timedelta(minutes=1))])
    window = Window(oldest - timedelta(hours=12), oldest + timedelta(hours=12))
    lost, *rest = read(activity(m365), window)
    assert (lost.complete_until, lost.more, ids(rest)) == (oldest, True, ["new"])
    assert lost.rejected[0].raw.startswith(b"Audit.Exchange 2025-02-25T12:05:00")
    [page] = read(activity(m365), Window(oldest - timedelta(hours=24), oldest - timedelta(hours=12)))
    assert (page.complete_until, page.more, len(page.rejected)) == (oldest - timedelta(hours=12), False, 1)


def test_a_missing_subscription_is_started_and_its_content_is_waited_for(m365: FakeM365) -> None:
    del m365.subscriptions["Audit.Exchange"]
    m365.put([EVENT])
    subject = activity(m365)
    with pytest.raises(Retry, match="it was started") as raised:
        read(subject)
    assert (m365.started, raised.value.after) == (["Audit.Exchange"], 900)
    assert ids(read(subject)) == ["e0"]


def test_somebody_else_may_have_started_it_meanwhile(m365: FakeM365) -> None:
    m365.unseen = {"Audit.Exchange"}
    with pytest.raises(Retry, match="it was started"):
        read(activity(m365))
    assert m365.started == []


def test_a_missing_subscription_is_left_to_the_operator_where_the_settings_say_so(m365: FakeM365) -> None:
    del m365.subscriptions["Audit.Exchange"], m365.subscriptions["Audit.General"]
    subject = activity(m365, start_subscriptions=False)
    with pytest.raises(NeedsOperator, match=r"no subscription to Audit.Exchange: start it, or set"):
        read(subject)
    with pytest.raises(NeedsOperator, match=r"Audit.Exchange, Audit.General: start it, or set"):
        subject.check()
    activity(m365).check()
    assert m365.started == []


def test_a_subscription_that_an_administrator_disabled_is_not_started(m365: FakeM365) -> None:
    m365.subscriptions["Audit.Exchange"] = "disabled"
    subject = activity(m365)
    with pytest.raises(NeedsOperator, match=r"disabled the subscription.*\(AF20023\)"):
        read(subject)
    with pytest.raises(NeedsOperator, match=r"Audit.Exchange is disabled"):
        subject.check()
    assert m365.started == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (401, "AF10001", "ActivityFeed.Read of"),
        (403, "AF10001", "ActivityFeed.Read of"),
        (401, "", "client_secret"),
        (404, "", "api_url"),
        (400, "AF20011", "check tenant_id"),
        (400, "AF20012", "auditing"),
        (400, "AF20030", "clock"),
    ],
)
def test_a_refusal_says_what_the_operator_must_do(m365: FakeM365, status: int, code: str, words: str) -> None:
    m365.answer = m365.refusal(status, code)
    with pytest.raises(NeedsOperator, match=words) as raised:
        activity(m365).check()
    assert f"({code or f'AF{status}'})" in str(raised.value)


@pytest.mark.parametrize(("status", "headers", "after"), [(429, {"Retry-After": "30"}, 30), (403, {}, None)])
def test_too_many_requests_are_told_by_the_status_or_the_code(
    m365: FakeM365, status: int, headers: dict[str, str], after: float | None
) -> None:
    m365.answer = Answer(status, {"error": {"code": "AF429", "message": "Too many requests."}}, headers)
    with pytest.raises(Retry, match="rate limit") as raised:
        activity(m365).check()
    assert raised.value.after == after


def test_an_internal_error_is_passing(m365: FakeM365) -> None:
    m365.answer = m365.refusal(500, "AF50000")
    with pytest.raises(Retry, match="AF50000"):
        activity(m365).check()


def test_a_wrong_secret_is_told_from_a_missing_permission(m365: FakeM365) -> None:
    with pytest.raises(NeedsOperator, match="no access token") as raised:
        activity(m365, client_secret="another-secret").check()
    assert "another-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"tenant_id": "example.onmicrosoft.com"},
        {"content_types": []},
        {"content_types": ["Audit.Everything"]},
        {"api_url": "http://manage.office.com"},
        {"overlap_minutes": 1441},
        {"requests_per_minute": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(m365: FakeM365, settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        activity(m365, **settings)


def test_the_installed_plugin_is_configured_by_the_environment(
    m365: FakeM365, start_plugin: Callable[..., Collector], monkeypatch: pytest.MonkeyPatch
) -> None:
    m365.now = datetime.now(UTC)
    m365.put([Event("e0", m365.now - timedelta(hours=1))])
    for name, value in {"TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}.items():
        monkeypatch.setenv(name, value)
    subject = start_plugin(Collector, "m365.management_activity", {"api_url": m365.url, "login_url": m365.url})
    window = Window(m365.now - timedelta(hours=2), m365.now)
    [page] = subject.read(subject.streams()[0], window, {})
    assert page.records[0]["Id"] == "e0"  # type: ignore[index, call-overload]
